"""What a job is given that asks a model, and what it answers."""

from msgspec import Struct

from schemas.chains import Take


class Usage(Struct, frozen=True):
    """Tokens and money of one AI call; `cost` is a decimal string, None = no price.

    `price_row` names the row of the price book it was priced by. Classes of tokens are
    parts of the totals; `unbalanced`: they do not add up. `estimated`: counted by us.
    `no_calendar`: priced without knowing that year's days off.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: str | None = None
    currency: str = ""
    cached_tokens: int = 0
    price_row: str = ""
    cache_write_tokens: int = 0
    image_tokens: int = 0
    audio_tokens: int = 0
    reasoning_tokens: int = 0
    seconds: float = 0.0
    images: int = 0
    characters: int = 0
    unbalanced: bool = False
    estimated: bool = False
    no_calendar: bool = False


class Tried(Struct, frozen=True):
    """One call that went out, with its own cost, whatever became of it."""

    provider: str
    model_name: str
    outcome: str
    latency_ms: int
    usage: Usage = Usage()


class GenerateInput(Struct, frozen=True, tag="generate"):
    """One AI call, or one use of `tool`, whose whole wish is the JSON in `input`.

    A wish too long for the log lies in the store under `input_key`. Of a chain's step,
    `input` is what is fixed, the run's input and the last result, see `Take`.
    `variables` are what the prompt declares beside the material.
    """

    task: str
    model: str
    input: tuple[str, ...]
    scene: str = ""
    lang: str = "zh"
    platform: str = ""
    variants: int = 1
    temperature: float = 0.7
    max_tokens: int = 1024
    top_p: float = 1.0
    tool: str = ""
    input_key: str = ""
    take: tuple[Take, ...] = ()
    last_key: str = ""
    variables: dict[str, str | int | float] = {}


class Generated(Struct, frozen=True, tag="generated"):
    """`output` keeps texts; vectors go to the object store under `vectors_key`.

    Of a tool it is the result as JSON, under `output_key` where it is long.
    `policy` is the routing document that chose, as `name@version`, `score` how complex
    it found the ask (0..1). `stale` and `cached_from`: an earlier answer, and whose.
    `calls` went out, whatever became of them; `request_id` is the provider's own.
    `arm` is `experiment/arm` where one was dealt. `tried` has each call where there
    was not just one; `usage` is their sum. Under `body_key` lie the redacted texts.
    """

    task: str
    output: tuple[str, ...]
    usage: Usage
    provider: str
    model_name: str
    latency_ms: int
    degraded: bool
    prompt_hash: str
    prompt_version: str
    scene: str = ""
    vectors_key: str = ""
    arm: str = ""
    tool: str = ""
    output_key: str = ""
    policy: str = ""
    score: float = 0.0
    stale: bool = False
    cached_from: str = ""
    calls: int = 0
    request_id: str = ""
    finish_reason: str = ""
    verdict: str = "allow"
    verdict_rules: tuple[str, ...] = ()
    tried: tuple[Tried, ...] = ()
    body_key: str = ""
