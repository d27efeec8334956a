"""Which models are asked, in which order; pure, from the ask and the endpoints."""

from collections.abc import Sequence
from datetime import date

from ai_adapter.base import Ask
from ai_adapter.errors import Refused
from ai_adapter.providers.factory import Endpoint
from ai_adapter.registry import DIALECTS, Target, resolve

TEMPLATE = Target("template", "template-1")
_LONG_CHINESE = "deepseek/chat"
_LONG_INPUT = 200
_LONG_OUTPUT = 600


def route(
    ask: Ask, endpoints: Sequence[Endpoint], on: date
) -> tuple[Target, tuple[Target, ...]]:
    """The model that is meant, and the chain to try; each model once."""
    meant = _meant(ask, endpoints, on)
    if meant == TEMPLATE:
        return meant, (TEMPLATE,)
    named = {endpoint.name for endpoint in endpoints}
    others = (_default(ask, endpoint) for endpoint in endpoints)
    chain = [target for target in (meant, *others) if target.provider in named]
    usable = [target for target in dict.fromkeys(chain) if target.model]
    return meant, (*usable, TEMPLATE)


def _meant(ask: Ask, endpoints: Sequence[Endpoint], on: date) -> Target:
    if ask.model != "auto":
        return _named(ask.model, endpoints, on)
    names = {endpoint.name for endpoint in endpoints}
    favourite = resolve(_LONG_CHINESE, on)
    if favourite and favourite.provider in names and long_chinese(ask):
        return favourite
    return _default(ask, endpoints[0]) if endpoints else TEMPLATE


def _default(ask: Ask, endpoint: Endpoint) -> Target:
    embed = ask.task == "embed"
    model = endpoint.embed_model if embed else endpoint.default_model
    return Target(endpoint.name, model)


def _named(name: str, endpoints: Sequence[Endpoint], on: date) -> Target:
    target = resolve(name, on)
    if target:
        return target
    provider, _, model = name.partition("/")
    known = {"template", *DIALECTS, *(endpoint.name for endpoint in endpoints)}
    if provider == "template":
        return TEMPLATE
    if model and provider in known:
        return Target(provider, model)
    for endpoint in endpoints:
        if name in (endpoint.default_model, endpoint.embed_model):
            return Target(endpoint.name, name)
    raise Refused("model_unknown", f"there is no model {name[:80]!r}; try 'auto'")


def long_chinese(ask: Ask) -> bool:
    """Copy in Chinese that is long on either side."""
    pieces = (ask.input,) if isinstance(ask.input, str) else ask.input
    size = sum(len(piece) for piece in pieces)
    is_long = size >= _LONG_INPUT or ask.max_tokens >= _LONG_OUTPUT
    return ask.task == "copy" and ask.lang.lower().startswith("zh") and is_long
