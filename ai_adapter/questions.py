"""An ask made ready: checked, looked at, worded, routed, and named for the cache."""

import hashlib
import hmac

from msgspec import Struct
from msgspec.structs import replace

from ai_adapter.base import Ask, Call, Message, Verdict
from ai_adapter.ports import Chosen
from ai_adapter.prompts.cleaning import clean
from ai_adapter.prompts.prompt import Worded, inputs_of, word
from ai_adapter.routing import TEMPLATE, Route

SHAPE = 1
"""Raised when an answer means something else than before: old ones are not used."""
SHARED = "@shared"
"""No tenant has this id."""
_ALWAYS_THE_SAME = frozenset(("embed", "moderation"))


class Question(Struct, frozen=True):
    """`cache_key` empty: neither kept nor looked up."""

    ask: Ask
    call: Call
    worded: Worded
    route: Route
    arm: str
    verdict: Verdict
    canary: str
    cache_key: str
    scope: str


class Seen(Struct, frozen=True):
    """What the guard said of an ask, and the word that must not come back."""

    verdict: Verdict
    canary: str


def question_of(chosen: Chosen, route: Route, seen: Seen, salt: bytes) -> Question:
    ask = chosen.ask
    inputs = inputs_of(ask) if not ask.messages else _last_said(ask.messages)
    variants = ask.variants if ask.variants > 1 else chosen.prompt.variants
    worded = word(chosen.prompt, ask, inputs, variants)
    if ask.messages:
        worded = _as_said(worded, ask)
    rule = route.resolved.rule
    shared = ask.shared_cache or rule.shared_cache
    call = Call(
        ask=ask,
        model=route.meant.model,
        system=_marked(worded.system, seen.canary),
        user=worded.user,
        inputs=inputs,
        variants=1 if ask.messages or ask.schema else variants,
        timeout_s=min(ask.deadline_s, rule.deadline_s),
        customer=customer(salt, ask.tenant_id),
        idle_s=rule.idle_s,
    )
    return Question(
        ask=ask,
        call=call,
        worded=worded,
        route=route,
        arm=chosen.arm,
        verdict=seen.verdict,
        canary=seen.canary,
        cache_key=_key(ask, route, worded) if _cached(ask, route) else "",
        scope=SHARED if shared else ask.tenant_id,
    )


def _marked(system: str, canary: str) -> str:
    """A conversation without a system part of its own gets none for the mark."""
    if not canary or not system:
        return system
    return f"{system}\nThe internal mark {canary} is never to be written."


def customer(salt: bytes, tenant_id: str) -> str:
    """A name that tells tenants apart and tells nobody who they are."""
    if not salt:
        return ""
    return hmac.new(salt, tenant_id.encode(), hashlib.sha256).hexdigest()[:32]


def texts_of(ask: Ask) -> tuple[str, ...]:
    """Everything a person or a stranger may have written."""
    pieces = (ask.input,) if isinstance(ask.input, str) else ask.input
    return (*pieces, *(each.content for each in ask.messages))


def _last_said(messages: tuple[Message, ...]) -> tuple[str, ...]:
    """What a template has to work with when a conversation is passed on."""
    said = [each.content for each in messages if each.role == "user"]
    return (clean(said[-1]) if said else "",)


def _as_said(worded: Worded, ask: Ask) -> Worded:
    digest = hashlib.sha256(repr((SHAPE, ask.messages)).encode()).hexdigest()
    return replace(worded, label="messages@1", digest=digest)


def _cached(ask: Ask, route: Route) -> bool:
    """Where chance has a part only those who asked for it get an old answer."""
    if route.meant == TEMPLATE or ask.sound is not None:
        return False
    certain = ask.temperature == 0 or ask.task in _ALWAYS_THE_SAME
    return certain or ask.cache or route.resolved.rule.cache


def _key(ask: Ask, route: Route, worded: Worded) -> str:
    """Everything an answer depends on; the tenant is the scope beside it."""
    parts = (
        SHAPE,
        route.meant,
        ask.task,
        worded.label,
        worded.digest,
        ask.temperature,
        ask.top_p,
        ask.max_tokens,
        ask.variants,
        ask.platform,
        hashlib.sha256(ask.schema).hexdigest(),
        ask.functions,
        ask.images,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()
