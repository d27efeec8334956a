"""The words every caller and every provider share; no provider and no log in here."""

from decimal import Decimal
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

Task: TypeAlias = Literal["copy", "title", "summary", "reply", "embed", "translate"]
Outcome: TypeAlias = Literal[
    "answered", "try_later", "ask_again", "refused", "unknown", "misconfigured"
]
Output: TypeAlias = str | tuple[str, ...] | tuple[tuple[float, ...], ...]


class Ask(Struct, frozen=True, kw_only=True):
    """One question to whichever model fits.

    `model` is `auto`, an alias of the registry, or `provider/name`. `variants=1` means
    as many as the task gives by itself: five titles, one of everything else. A tuple
    of inputs is one vector each for `embed`, and one body of material otherwise.
    """

    task: Task
    input: str | tuple[str, ...]
    tenant_id: str
    model: str = "auto"
    temperature: float = 0.7
    max_tokens: int = 800
    top_p: float = 1.0
    scene: str = ""
    lang: str = "zh"
    variants: int = 1
    platform: str = ""
    tool: str = ""
    deadline_s: float = 60.0


class Usage(Struct, frozen=True):
    """`cost` is None when nobody knows the price; it is never guessed as zero.

    `seconds` are of sound.
    """

    prompt_tokens: int
    completion_tokens: int
    cost: Decimal | None
    currency: str
    cached_tokens: int = 0
    seconds: float = 0.0


class Attempt(Struct, frozen=True):
    """One call that was made; a failed one may have cost money too."""

    provider: str
    model_name: str
    outcome: Outcome
    latency_ms: int
    usage: Usage | None = None
    reason: str = ""


class Answer(Struct, frozen=True):
    """`degraded`: a lesser model or a template answered, not the model that was meant.

    `usage` is the sum of all attempts; `attempts` has each one.
    """

    output: Output
    usage: Usage
    provider: str
    model_name: str
    latency_ms: int
    degraded: bool
    request_id: str
    prompt_hash: str
    prompt_version: str
    attempts: tuple[Attempt, ...] = ()


class Call(Struct, frozen=True):
    """An ask made ready for one provider: routed, worded, with its time left."""

    ask: Ask
    model: str
    system: str
    user: str
    inputs: tuple[str, ...]
    variants: int
    timeout_s: float


class Spent(Struct, frozen=True):
    """Tokens as the provider counted them, under the name it bills by.

    `seconds` of sound, where these are billed.
    """

    model_name: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    seconds: float = 0.0


class Reply(Struct, frozen=True):
    """What one provider said to one call."""

    output: Output
    spent: Spent
    request_id: str


class Provider(Protocol):
    """Answers one call once: it neither retries, nor routes, nor prices."""

    @property
    def name(self) -> str: ...

    async def ask(self, call: Call) -> Reply:
        """Raises only the classes of `ai_adapter.errors`."""

    async def close(self) -> None: ...
