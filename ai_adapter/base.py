"""The words every caller and every provider share; no provider and no log in here."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec import Struct

Task: TypeAlias = Literal[
    "copy",
    "title",
    "summary",
    "reply",
    "embed",
    "translate",
    "rewrite",
    "storyboard",
    "moderation",
    "transcription",
    "speech",
    "image",
]
Capability: TypeAlias = Literal[
    "text",
    "json_object",
    "json_schema",
    "vision",
    "functions",
    "embeddings",
    "asr",
    "tts",
    "image",
    "moderation",
]
Outcome: TypeAlias = Literal[
    "answered", "try_later", "ask_again", "refused", "unknown", "misconfigured"
]
Output: TypeAlias = str | tuple[str, ...] | tuple[tuple[float, ...], ...]


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One turn of a conversation that is passed on as it is.

    `images` are data URLs or https addresses. `calls` is the JSON of the calls an
    assistant made, `call_id` the one a tool answers to.
    """

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str = ""
    images: tuple[str, ...] = ()
    calls: bytes = b""
    call_id: str = ""
    name: str = ""


class Media(Struct, frozen=True):
    """A file that came with a question or an answer; `kind` is its media type."""

    content: bytes
    kind: str

    def __repr__(self) -> str:
        """Without the bytes: a log line holds it now and then."""
        return f"Media({self.kind!r}, {len(self.content)} bytes)"


class Ask(Struct, frozen=True, kw_only=True):
    """One question to whichever model fits.

    `model` is `auto`, an alias of the registry, or `provider/name`. `variants=1` means
    as many as the task gives by itself: five titles, one of everything else. A tuple
    of inputs is one vector each for `embed`, and one body of material otherwise.
    `variables` are what the prompt declares beside the material.

    `messages` replace prompt and input: a conversation that is passed on. `needs` is
    what a model must be able to do, whoever answers in the end. `schema` is the JSON
    schema of the answer, `functions` the JSON of each function that may be called.
    `cache` opts in where the temperature is above zero, `shared_cache` lets tenants
    share. `fallback=False`: this model or none. `paid_once`: a lost answer is never
    asked for again.
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
    variables: Mapping[str, str | int | float] = {}
    deadline_s: float = 60.0
    project_id: str = ""
    person_id: str = ""
    messages: tuple[Message, ...] = ()
    needs: frozenset[Capability] = frozenset()
    schema: bytes = b""
    functions: tuple[bytes, ...] = ()
    images: tuple[str, ...] = ()
    sound: Media | None = None
    shared_cache: bool = False
    cache: bool = False
    fallback: bool = True
    paid_once: bool = False


class Usage(Struct, frozen=True):
    """`cost` is None when nobody knows the price; it is never guessed as zero.

    Prompt tokens include those cached, written to the cache, of images and of sound;
    completion tokens include those of reasoning. `seconds` are of sound. `price_row`
    names the row it was priced by. `estimated`: nobody told the tokens, they were
    counted here. `unbalanced`: the classes do not add up to the tokens that were told.
    `no_calendar`: nobody had announced that year's days off, so it may be dearer.
    `told` is the provider's own JSON, with what nobody here knows yet.
    """

    prompt_tokens: int
    completion_tokens: int
    cost: Decimal | None
    currency: str
    cached_tokens: int = 0
    seconds: float = 0.0
    reasoning_tokens: int = 0
    images: int = 0
    characters: int = 0
    cache_write_tokens: int = 0
    image_tokens: int = 0
    audio_tokens: int = 0
    price_row: str = ""
    estimated: bool = False
    unbalanced: bool = False
    no_calendar: bool = False
    told: bytes = b""


class Attempt(Struct, frozen=True):
    """One call that was made; a failed one may have cost money too."""

    provider: str
    model_name: str
    outcome: Outcome
    latency_ms: int
    usage: Usage | None = None
    reason: str = ""


class Called(Struct, frozen=True):
    """A function the model wants called; `arguments` is JSON, as far as it is true."""

    id: str
    name: str
    arguments: str


class Judged(Struct, frozen=True):
    """What a moderation model thinks of one input; scores are 0..1 by category."""

    flagged: bool
    scores: dict[str, float]


class Verdict(Struct, frozen=True):
    """What the guard says of a text: `mark` lets it pass and tells so."""

    ruling: Literal["allow", "mark", "block"] = "allow"
    score: float = 0.0
    rules: tuple[str, ...] = ()


ALLOWED = Verdict()


class Answer(Struct, frozen=True):
    """`degraded`: a lesser model or a template answered, not the model that was meant.

    `usage` is the sum of all attempts; `attempts` has each one. `policy` is
    `name@version`, `score` how complex the ask was (0..1). `stale`: out of the cache
    after its time, because nobody else answered; `cached_from` is the request id of
    the answer it repeats. `arm` is `experiment/arm` where one was assigned.
    `body_key`: where the redacted texts of the call lie.
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
    policy: str = ""
    score: float = 0.0
    stale: bool = False
    cached_from: str = ""
    finish_reason: str = "stop"
    functions: tuple[Called, ...] = ()
    verdict: Verdict = ALLOWED
    first_token_ms: int | None = None
    arm: str = ""
    media: tuple[Media, ...] = ()
    judged: tuple[Judged, ...] = ()
    body_key: str = ""


class Call(Struct, frozen=True):
    """An ask made ready for one provider: routed, worded, with its time left.

    `key` empty = the endpoint's own; `customer` names the tenant without telling who.
    `idle_s` is the longest silence within a stream; `repair` says what was wrong with
    the answer before.
    """

    ask: Ask
    model: str
    system: str
    user: str
    inputs: tuple[str, ...]
    variants: int
    timeout_s: float
    key: str = ""
    customer: str = ""
    idle_s: float = 30.0
    repair: str = ""


class Spent(Struct, frozen=True):
    """Tokens as the provider counted them, under the name it bills by.

    Classes of tokens are parts of the totals, as in `Usage`. `seconds` of sound,
    `images` and `characters` where these are billed. `total` is the sum the provider
    told, 0 where it told none; `told` its own words, as JSON. `tier` is the class of
    service it named: another one has other prices.
    """

    model_name: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    seconds: float = 0.0
    reasoning_tokens: int = 0
    images: int = 0
    characters: int = 0
    cache_write_tokens: int = 0
    image_tokens: int = 0
    audio_tokens: int = 0
    total: int = 0
    tier: str = ""
    estimated: bool = False
    told: bytes = b""


class Reply(Struct, frozen=True):
    """What one provider said to one call."""

    output: Output
    spent: Spent
    request_id: str
    finish_reason: str = "stop"
    functions: tuple[Called, ...] = ()
    media: tuple[Media, ...] = ()
    judged: tuple[Judged, ...] = ()


class Delta(Struct, frozen=True):
    """Some more text of a stream."""

    text: str


class Done(Struct, frozen=True):
    """The regular end of a stream; `answer.output` is the whole text."""

    answer: Answer


class Broken(Struct, frozen=True):
    """The end of a stream after its first text, for a reason that is no answer.

    `answer` has what was delivered until then and what that cost.
    """

    code: str
    reason: str
    answer: Answer


Piece: TypeAlias = Delta | Done | Broken


class AttemptMade(Struct, frozen=True):
    """Told for each call that went out, whatever became of it."""

    ask: Ask
    attempt: Attempt
    at: datetime
    streamed: bool = False
    first_token_ms: int | None = None


class BreakerChanged(Struct, frozen=True):
    """`until` is the earliest time of a probe; `rate` the share of failures."""

    provider: str
    model: str
    state: Literal["closed", "open", "half_open"]
    at: datetime
    until: datetime | None = None
    rate: float = 0.0


class ModelEnding(Struct, frozen=True):
    """A model in use is shut down in `days`; told once for 90, 30, 7 and 0."""

    provider: str
    model: str
    ends: date
    days: int


class PriceUnknown(Struct, frozen=True):
    """A call was answered under a name that no row of the price book knows."""

    provider: str
    model_name: str
    tenant_id: str
    at: datetime


class VerdictGiven(Struct, frozen=True):
    """The guard marked or blocked a text; `side` is where it came from."""

    ask: Ask
    verdict: Verdict
    side: Literal["input", "output"]
    at: datetime


class CacheHit(Struct, frozen=True):
    """An earlier answer was given again; it costs nothing."""

    ask: Ask
    key: str
    answer: Answer
    at: datetime


class PolicyUsed(Struct, frozen=True):
    """Which document led to which model; `model` is `provider/name`."""

    ask: Ask
    policy: str
    score: float
    model: str
    at: datetime


Fact: TypeAlias = (
    AttemptMade
    | BreakerChanged
    | ModelEnding
    | PriceUnknown
    | VerdictGiven
    | CacheHit
    | PolicyUsed
)
