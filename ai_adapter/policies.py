"""Routing as versioned documents: which models an ask is for, and on which terms.

Pure data and pure functions: a document can be replayed against yesterday's asks.
"""

from msgspec import Struct

from ai_adapter.base import Ask, Capability, Task

MOST_CHARS = 1_000_000_000


class Match(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Empty means any. Lengths are characters of input, `score` complexity 0..1.

    `scenes` match as a whole or, ending in `*`, by their beginning; `languages` by
    their beginning. `needs`: the ask needs at least one of them.
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
    after an input that was too long. `deadline_s` is the longest an ask may take.
    """

    name: str
    when: Match = Match()
    models: tuple[str, ...] = ()
    on_content: tuple[str, ...] = ()
    on_context: tuple[str, ...] = ()
    deadline_s: float = 600.0
    cache: bool = False
    shared_cache: bool = False


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Immutable: another routing is another version."""

    name: str
    version: int
    rules: tuple[Rule, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"


ELSE = Rule(name="else")
DEFAULT = Policy(name="built-in", version=1)


def rule_for(policy: Policy, ask: Ask) -> Rule:
    """The first rule whose every condition holds, else one without preferences."""
    return next((rule for rule in policy.rules if _holds(rule.when, ask)), ELSE)


def _holds(when: Match, ask: Ask) -> bool:
    return (
        _listed(when.tenants, ask.tenant_id)
        and _listed(when.tasks, ask.task)
        and _listed(when.tools, ask.tool)
        and _begins(when.languages, ask.lang.lower())
        and (not when.scenes or any(_scene(each, ask.scene) for each in when.scenes))
        and (not when.needs or bool(when.needs & ask.needs))
        and when.chars_from <= size_of(ask) <= when.chars_to
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
