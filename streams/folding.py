"""Folding one record: its stream after it, and whether the log is still the same."""

from datetime import UTC, datetime

import structlog
from confluent_kafka import Message
from msgspec import MsgspecError, Struct

from schemas.envelope import Envelope
from schemas.registry import UnknownType, decode
from streams.acceptance import CLAIM, Fence
from streams.domain.registry import RULES
from streams.reading import LogChanged
from streams.remembered import Unreadable

log = structlog.get_logger()

EPOCH = datetime.fromtimestamp(0, UTC)


def initial_of(aggregate: str) -> Struct:
    """The state before the first event; an aggregate nobody knows has none."""
    rules = RULES.get(aggregate)
    return Unreadable("unknown aggregate") if rules is None else rules.initial


def evolved(state: Struct, aggregate: str, envelope: Envelope, event: Struct) -> Struct:
    """The state after an accepted event; one nobody can fold stays unreadable."""
    if isinstance(state, Unreadable):
        return state
    try:
        return RULES[aggregate].evolve(state, event)
    except Exception as wrong:  # noqa: BLE001  whatever it is, only this stream stops
        return _unreadable(envelope, f"{type(wrong).__name__}: {wrong}")


def prove(expected: Fence, envelope: Envelope | None) -> None:
    """The record a snapshot ended with must lie where it lay; raises LogChanged."""
    found = None if envelope is None else (envelope.epoch, envelope.owner, envelope.n)
    claims = envelope is not None and envelope.type == CLAIM
    last = (expected.epoch, expected.owner, max(0, expected.n - 1))
    if found != last or claims != (expected.n == 0):
        raise LogChanged(
            "the log lost records that were decided on, and grew again; restore it, "
            "or accept the loss: `contentops doctor --restored`"
        )


def body(message: Message) -> bytes:
    value = message.value() or b""
    return value.encode() if isinstance(value, str) else value


def day_of(moment: datetime) -> int:
    """Days since 1970, within what a snapshot has room for."""
    return min(max((moment - EPOCH).days, 0), 0xFFFF)


def folded(state: Struct, envelope: Envelope, message: Message) -> Struct:
    """Fold one event; what this build cannot read makes the stream unreadable."""
    try:
        event = decode(envelope.type, body(message))
    except (UnknownType, MsgspecError) as wrong:
        return _unreadable(envelope, str(wrong))
    return evolved(state, envelope.aggregate, envelope, event)


def _unreadable(envelope: Envelope, why: str) -> Unreadable:
    """Commands to it are refused until a build that can read it folds again."""
    words = "A stream cannot be folded: its commands are refused."
    log.error(words, action="fold", key=envelope.key, record=envelope.id, reason=why)
    return Unreadable(f"{envelope.type}: {why}")
