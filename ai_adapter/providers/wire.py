"""The parts of OpenAI's answers that are read, decoded strictly from the bytes."""

from typing import TypeVar

import msgspec
from msgspec import Struct

from ai_adapter.base import Called, Spent
from ai_adapter.errors import AskAgain, Failure
from ai_adapter.providers.reasons import by_code

_NONE = msgspec.Raw(b"null")


class _Details(Struct, frozen=True):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    image_tokens: int | None = None
    audio_tokens: int | None = None
    reasoning_tokens: int | None = None


class Counted(Struct, frozen=True):
    """DeepSeek names cached tokens its own way, beside OpenAI's details.

    Images and sound are counted as `input_tokens` and `output_tokens`.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float | None = None
    prompt_cache_hit_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    input_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None

    @property
    def asked(self) -> _Details:
        return self.prompt_tokens_details or self.input_tokens_details or _Details()

    @property
    def cached(self) -> int:
        return self.prompt_cache_hit_tokens or self.asked.cached_tokens or 0

    @property
    def reasoning(self) -> int:
        return (self.completion_tokens_details or _Details()).reasoning_tokens or 0


class _Function(Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class ToolCall(Struct, frozen=True):
    """In a stream the pieces of one call share an `index`."""

    function: _Function = _Function()
    id: str | None = None
    index: int = 0


class Message(Struct, frozen=True):
    """Of an answer, or as much of it as one chunk of a stream brings."""

    content: str | None = None
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] | None = None


class Choice(Struct, frozen=True):
    message: Message
    finish_reason: str | None = None


class Chat(Struct, frozen=True):
    choices: tuple[Choice, ...]
    id: str = ""
    model: str = ""
    service_tier: str | None = None
    usage: msgspec.Raw = _NONE


class Piece(Struct, frozen=True):
    """A choice of a chunk; some vendors count in here instead of beside it."""

    delta: Message = Message()
    finish_reason: str | None = None
    usage: msgspec.Raw = _NONE


class Chunk(Struct, frozen=True):
    """One event of a stream; usage may come with a choice, without one, or never."""

    choices: tuple[Piece, ...] = ()
    id: str | None = ""
    model: str | None = ""
    service_tier: str | None = None
    usage: msgspec.Raw = _NONE
    error: msgspec.Raw = _NONE


class Vector(Struct, frozen=True):
    embedding: tuple[float, ...]
    index: int = 0


class Embeddings(Struct, frozen=True):
    data: tuple[Vector, ...]
    model: str = ""
    usage: msgspec.Raw = _NONE


class _Picture(Struct, frozen=True):
    b64_json: str
    revised_prompt: str | None = None


class Pictures(Struct, frozen=True):
    data: tuple[_Picture, ...]
    output_format: str | None = None
    model: str = ""
    usage: msgspec.Raw = _NONE


class _Opinion(Struct, frozen=True):
    flagged: bool
    category_scores: dict[str, float]


class Moderated(Struct, frozen=True):
    results: tuple[_Opinion, ...]
    id: str = ""
    model: str = ""
    usage: msgspec.Raw = _NONE


class Transcribed(Struct, frozen=True):
    text: str
    duration: float | None = None
    model: str = ""
    usage: msgspec.Raw = _NONE


class _Trouble(Struct, frozen=True):
    """An error as vendors write it; `code` may be a number."""

    code: str | int | None = None
    type: str | None = None
    message: str | None = None


class _Failed(Struct, frozen=True):
    error: _Trouble


B = TypeVar("B", Chat, Embeddings, Pictures, Moderated, Transcribed)
CHUNK = msgspec.json.Decoder(Chunk)
_COUNTED = msgspec.json.Decoder(Counted | None)
_MOST_TOLD = 2000


def decoded(body: bytes, shape: type[B]) -> B:
    """A 200 proves nothing: an error body or half a JSON text is no answer."""
    try:
        return msgspec.json.decode(body.strip(), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise (trouble(body) or _no_answer(error)) from error


def trouble(body: bytes) -> Failure | None:
    """What an error body that came with a 200 asks for; None when it is none."""
    try:
        failed = msgspec.json.decode(body.strip(), type=_Failed).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    said = str(failed.code or failed.type or "")
    return by_code(said, failed.message or "") or AskAgain(
        f"the body is an error: {said or failed.message or 'without a reason'}"[:200]
    )


def _no_answer(error: Exception) -> AskAgain:
    return AskAgain(f"the body is not an answer: {error}")


def spent_of(
    answer: Chat | Embeddings | Pictures | Moderated | Transcribed, asked: str
) -> Spent:
    """Billed by the name in the answer: vendors reroute names."""
    tier = answer.service_tier if isinstance(answer, Chat) else ""
    return spent_by(answer.usage, answer.model or asked, tier)


def spent_by(told: msgspec.Raw, model: str, tier: str | None = "") -> Spent:
    """Counts of another shape than known count as none: they are kept as told."""
    raw = bytes(told)
    usage = _counted(raw)
    return Spent(
        model_name=model,
        prompt_tokens=usage.prompt_tokens or usage.input_tokens,
        completion_tokens=usage.completion_tokens or usage.output_tokens,
        cached_tokens=usage.cached,
        seconds=usage.seconds or 0.0,
        reasoning_tokens=usage.reasoning,
        cache_write_tokens=usage.asked.cache_write_tokens or 0,
        image_tokens=usage.asked.image_tokens or 0,
        audio_tokens=usage.asked.audio_tokens or 0,
        tier=tier or "",
        total=usage.total_tokens,
        told=raw[:_MOST_TOLD],
    )


def _counted(raw: bytes) -> Counted:
    try:
        return _COUNTED.decode(raw) or Counted()
    except msgspec.DecodeError:
        return Counted()


def called(calls: tuple[ToolCall, ...]) -> tuple[Called, ...]:
    return tuple(
        Called(each.id or "", each.function.name or "", each.function.arguments or "")
        for each in calls
    )
