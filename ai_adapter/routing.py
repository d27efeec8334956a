"""Which models are asked, in which order; pure, from the ask, a document and the day.

A list never holds a model twice, one that cannot do what is needed, or one that has
been shut down.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from msgspec import Struct

from ai_adapter.base import Ask, Capability
from ai_adapter.errors import Refused
from ai_adapter.models import MODELS, context_of, ends_on
from ai_adapter.policies import Policy, Resolved, needs_of, resolved
from ai_adapter.providers.factory import Endpoint
from ai_adapter.registry import DIALECTS, Target, stands_for

TEMPLATE = Target("template", "template-1")
_TEMPLATE_CAN: frozenset[Capability] = frozenset(("text", "embeddings"))

Endings = Mapping[tuple[str, str], date]


class Route(Struct, frozen=True):
    """`meant` is the model of choice; each list is asked in its order.

    `general` is for plain failures, `on_content` for a refusal of the content,
    `on_context` for an input that was too long. `template`: a text without a model
    would still be of use.
    """

    meant: Target
    general: tuple[Target, ...]
    on_content: tuple[Target, ...]
    on_context: tuple[Target, ...]
    template: bool
    resolved: Resolved


class _Doors(Struct, frozen=True):
    """What there is to choose from on one day."""

    endpoints: tuple[Endpoint, ...]
    on: date
    ended: Endings
    needs: frozenset[Capability]

    def named(self, name: str) -> tuple[Target, ...]:
        """What a name stands for; empty when it is none."""
        own = [
            Target(endpoint.name, endpoint.aliases[name])
            for endpoint in self.endpoints
            if name in endpoint.aliases
        ]
        return (*own, *stands_for(name, self.on)) or _spelled(name, self.endpoints)

    def usable(self, targets: Iterable[Target]) -> tuple[Target, ...]:
        return tuple(each for each in dict.fromkeys(targets) if self._usable(each))

    def _usable(self, target: Target) -> bool:
        endpoint = next((e for e in self.endpoints if e.name == target.provider), None)
        if endpoint is None or not target.model:
            return False
        end = ends_on(target.provider, target.model, self.ended)
        alive = end is None or self.on < end
        return alive and self.needs <= endpoint.can(target.model)


def route(
    ask: Ask,
    policy: Policy,
    endpoints: Sequence[Endpoint],
    on: date,
    ended: Endings | None = None,
) -> Route:
    """Raises Refused for a model nobody knows; `ended` is what providers told."""
    needs = needs_of(ask)
    doors = _Doors(tuple(endpoints), on, ended or {}, needs)
    found = resolved(policy, ask)
    rule = found.rule
    wanted = _wanted(ask, rule.models, doors)
    meant = _meant(ask, wanted, doors)
    others = () if meant == TEMPLATE else (*wanted, *_defaults(ask, doors.endpoints))
    general = doors.usable(others)
    alone = not ask.fallback
    return Route(
        meant=meant,
        general=tuple(t for t in general if t == meant) if alone else general,
        on_content=() if alone else doors.usable(_all(rule.on_content, doors)),
        on_context=() if alone else _larger(_all(rule.on_context, doors), doors),
        template=_template_can(ask, meant, needs),
        resolved=found,
    )


def _meant(ask: Ask, wanted: tuple[Target, ...], doors: _Doors) -> Target:
    """By name what was named, even where it is gone; else the first that can."""
    if ask.model != "auto":
        return wanted[0]
    found = doors.usable((*wanted, *_defaults(ask, doors.endpoints)))
    return (*found, TEMPLATE)[0]


def _template_can(ask: Ask, meant: Target, needs: frozenset[Capability]) -> bool:
    # A tool has an object of its own where no model gave one.
    able = _TEMPLATE_CAN | {"json_object"} if ask.tool else _TEMPLATE_CAN
    useful = needs <= able and not ask.schema
    return useful and (ask.fallback or meant == TEMPLATE)


def _wanted(ask: Ask, models: tuple[str, ...], doors: _Doors) -> tuple[Target, ...]:
    if ask.model == "auto":
        return _all(models, doors)
    found = doors.named(ask.model)
    if not found:
        named = ask.model[:80]
        raise Refused("model_unknown", f"there is no model {named!r}; try 'auto'")
    # An alias of several targets means the first that this installation has.
    return (*doors.usable(found), *found)


def _all(names: tuple[str, ...], doors: _Doors) -> tuple[Target, ...]:
    return tuple(target for name in names for target in doors.named(name))


def _larger(targets: tuple[Target, ...], doors: _Doors) -> tuple[Target, ...]:
    """Those known to read a lot, the largest first."""
    usable = doors.usable(targets)
    return tuple(
        sorted(usable, key=lambda t: context_of(t.provider, t.model), reverse=True)
    )


def _defaults(ask: Ask, endpoints: tuple[Endpoint, ...]) -> tuple[Target, ...]:
    return tuple(Target(each.name, each.model_for(ask.task)) for each in endpoints)


def _spelled(name: str, endpoints: tuple[Endpoint, ...]) -> tuple[Target, ...]:
    provider, _, model = name.partition("/")
    if provider == "template":
        return (TEMPLATE,)
    if model and provider in {*DIALECTS, *(each.name for each in endpoints)}:
        return (Target(provider, model),)
    return tuple(Target(e.name, name) for e in endpoints if name and _has(e, name))


def _has(endpoint: Endpoint, model: str) -> bool:
    return (endpoint.name, model) in MODELS or model in (
        endpoint.default_model,
        endpoint.embed_model,
        endpoint.image_model,
        endpoint.moderation_model,
        endpoint.speech_model,
        endpoint.hearing_model,
    )
