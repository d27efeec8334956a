"""Routing as versioned documents: which models an ask is for, and on which terms.

Pure data and pure functions: a document can be replayed against yesterday's asks.
"""

from msgspec import Struct

from ai_adapter.base import Ask, Capability, Task
from ai_adapter.complexity import complexity
from ai_adapter.models import TASK_NEEDS

MOST_CHARS = 1_000_000_000
_LONG_INPUT = 200
_LONG_OUTPUT = 600


class Match(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Empty means any. Lengths are characters of input, `score` complexity 0..1.

    `scenes` match as a whole or, ending in `*`, by their beginning; `languages` by
    their beginning. `needs`: the ask needs at least one of them. `long`: 200
    characters of input, or room for 600 tokens of output.
    """

    tenants: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()
    tasks: tuple[Task, ...] = ()
    tools: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    needs: frozenset[Capability] = frozenset()
    chars_from: int = 0
    chars_to: int = MOST_CHARS
    long: bool | None = None
    score_from: float = 0.0
    score_to: float = 1.0


class Rule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first rule that matches decides.

    Models are aliases or `provider/name`, in the order they are asked. `models` is
    the general list; `on_content` is asked after a refusal for content, `on_context`
    after an input that was too long. `deadline_s` is the longest an ask may take,
    `idle_s` the longest silence within a stream. `repeat_lost`: a job whose worker died
    may ask again, and perhaps pay twice.
    """

    name: str
    when: Match = Match()
    models: tuple[str, ...] = ()
    on_content: tuple[str, ...] = ()
    on_context: tuple[str, ...] = ()
    deadline_s: float = 600.0
    idle_s: float = 30.0
    cache: bool = False
    shared_cache: bool = False
    repeat_lost: bool = False


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Immutable: another routing is another version."""

    name: str
    version: int
    rules: tuple[Rule, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"


ELSE = Rule(name="else")
# Long Chinese copy and functions or pictures: the two lines of the requirements.
DEFAULT = Policy(
    name="built-in",
    version=1,
    rules=(
        Rule(
            name="pictures and functions",
            when=Match(needs=frozenset(("vision", "functions"))),
            models=("gpt-4o-mini",),
            on_context=("text.large",),
        ),
        Rule(
            name="long Chinese copy",
            when=Match(tasks=("copy",), languages=("zh",), long=True),
            models=("deepseek/chat",),
            on_context=("text.large",),
        ),
        Rule(name="everything else", on_context=("text.large",)),
    ),
)


class Resolved(Struct, frozen=True):
    """What a document says of one ask."""

    policy: str
    rule: Rule
    score: float


def resolved(policy: Policy, ask: Ask) -> Resolved:
    """The first rule whose every condition holds, else one without preferences."""
    score = complexity(ask)
    rule = next((r for r in policy.rules if _holds(r.when, ask, score)), ELSE)
    return Resolved(policy.label, rule, score)


def needs_of(ask: Ask) -> frozenset[Capability]:
    """What whoever answers must be able to do; no fallback may do without it.

    A `schema` alone is no need: models without that mode get it in words, and what
    they answer is checked here.
    """
    found: set[Capability] = {TASK_NEEDS.get(ask.task, "text"), *ask.needs}
    if ask.functions:
        found.add("functions")
    if ask.images or any(message.images for message in ask.messages):
        found.add("vision")
    return frozenset(found)


def _holds(when: Match, ask: Ask, score: float) -> bool:
    size = size_of(ask)
    return (
        _about(when, ask)
        and _begins(when.languages, ask.lang.lower())
        and (not when.needs or bool(when.needs & needs_of(ask)))
        and when.chars_from <= size <= when.chars_to
        and when.score_from <= score <= when.score_to
        and when.long in (None, size >= _LONG_INPUT or ask.max_tokens >= _LONG_OUTPUT)
    )


def _about(when: Match, ask: Ask) -> bool:
    return (
        _listed(when.tenants, ask.tenant_id)
        and _listed(when.tasks, ask.task)
        and _listed(when.tools, ask.tool)
        and (not when.scenes or any(_scene(each, ask.scene) for each in when.scenes))
    )


def _listed(names: tuple[str, ...], name: str) -> bool:
    return not names or name in names


def _begins(starts: tuple[str, ...], text: str) -> bool:
    return not starts or text.startswith(starts)


def _scene(pattern: str, scene: str) -> bool:
    if pattern.endswith("*"):
        return scene.startswith(pattern[:-1])
    return scene == pattern


def size_of(ask: Ask) -> int:
    """Characters of what is asked about, conversation included."""
    pieces = (ask.input,) if isinstance(ask.input, str) else ask.input
    said = sum(len(message.content) for message in ask.messages)
    return said + sum(len(piece) for piece in pieces)
