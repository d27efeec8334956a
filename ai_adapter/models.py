"""What each known model is able to do, how much it reads, and when it ends: data."""

from collections.abc import Iterable, Mapping
from datetime import date

from msgspec import Struct

from ai_adapter.base import Capability, Task

_CHAT: frozenset[Capability] = frozenset(("text", "json_object"))
_TOOLS: frozenset[Capability] = _CHAT | {"functions"}
_FULL: frozenset[Capability] = _TOOLS | {"json_schema", "vision"}
# What a model is taken for when neither this table nor its endpoint says more.
UNKNOWN = _CHAT
_DEEPSEEK = "api-docs.deepseek.com pricing, read 2026-11"
_OPENAI = "developers.openai.com models and deprecations, read 2026-11"


class Model(Struct, frozen=True, kw_only=True):
    """`context` in tokens, 0 = unknown; `ends` is the first day without it."""

    provider: str
    name: str
    able: frozenset[Capability]
    source: str
    context: int = 0
    ends: date | None = None


def _openai(
    name: str,
    *able: Capability,
    context: int = 0,
    ends: date | None = None,
) -> Model:
    return Model(
        provider="openai",
        name=name,
        able=frozenset(able) or _FULL,
        source=_OPENAI,
        context=context,
        ends=ends,
    )


def _deepseek(name: str, able: frozenset[Capability]) -> Model:
    return Model(
        provider="deepseek",
        name=name,
        able=able,
        source=_DEEPSEEK,
        context=1_000_000,
    )


_LAST_4 = date(2027, 1, 14)
_LAST_SOUND = date(2027, 2, 26)
_LAST_VOICE = date(2027, 1, 6)

_ROWS: tuple[Model, ...] = (
    _deepseek("deepseek-flash", _TOOLS | {"vision"}),
    _deepseek("deepseek-v4-flash", _TOOLS | {"vision"}),
    _deepseek("deepseek-v4-pro", _TOOLS),
    Model(
        provider="deepseek",
        name="deepseek-chat",
        able=_TOOLS,
        source=_DEEPSEEK,
        ends=date(2026, 7, 24),
    ),
    Model(
        provider="deepseek",
        name="deepseek-reasoner",
        able=_TOOLS,
        source=_DEEPSEEK,
        ends=date(2026, 7, 24),
    ),
    _openai("gpt-6-luna"),
    _openai("gpt-5.6-luna"),
    _openai("gpt-6.1-terra"),
    _openai("gpt-6-sol"),
    _openai("gpt-6.1-sol"),
    _openai("gpt-5-mini", ends=date(2026, 12, 11)),
    _openai("gpt-4o", context=128_000, ends=_LAST_4),
    _openai("gpt-4o-mini", context=128_000, ends=_LAST_4),
    _openai("gpt-4.1-mini", context=1_000_000, ends=_LAST_4),
    _openai("gpt-4", ends=date(2026, 10, 23)),
    _openai("text-embedding-3-small", "embeddings", context=8191),
    _openai("text-embedding-3-large", "embeddings", context=8191),
    _openai("omni-moderation-latest", "moderation"),
    _openai("gpt-transcribe", "asr"),
    _openai("whisper-1", "asr", ends=_LAST_SOUND),
    _openai("gpt-4o-mini-transcribe", "asr", ends=_LAST_SOUND),
    _openai("tts-1", "tts", ends=_LAST_VOICE),
    _openai("gpt-4o-mini-tts", "tts", ends=_LAST_VOICE),
    _openai("gpt-image-2", "image"),
    _openai("gpt-image-1", "image", ends=date(2026, 10, 23)),
)
MODELS: Mapping[tuple[str, str], Model] = {
    (row.provider, row.name): row for row in _ROWS
}

# The ability a task asks for by itself; everything else is text.
TASK_NEEDS: Mapping[Task, Capability] = {
    "embed": "embeddings",
    "moderation": "moderation",
    "transcription": "asr",
    "speech": "tts",
    "image": "image",
}


def ends_on(
    provider: str, model: str, told: Mapping[tuple[str, str], date]
) -> date | None:
    """The earlier of what the table says and what the provider itself told."""
    row = MODELS.get((provider, model))
    known: Iterable[date | None] = (
        row.ends if row else None,
        told.get((provider, model)),
    )
    return min((day for day in known if day is not None), default=None)


def context_of(provider: str, model: str) -> int:
    """Tokens a model reads, 0 where nobody knows."""
    known = MODELS.get((provider, model))
    return known.context if known else 0
