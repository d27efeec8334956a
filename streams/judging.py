"""What a message of a topic is: a record that counts, a void one, or one to park.

Every reader asks here and nowhere else. On event topics the acceptance rule comes
first: what it refuses is void whatever it says. What it accepts and this build cannot
read is never skipped: it is handed over as unreadable, with the reason.
"""

import hashlib
from typing import TypeAlias, get_args

from confluent_kafka import Message
from msgspec import Struct

from schemas import registry
from schemas.envelope import (
    LIMIT_BYTES,
    Envelope,
    Headers,
    Malformed,
    Record,
    read_headers,
)
from schemas.events.log import LogRecord
from schemas.ids import stream_key
from schemas.observations import Observation
from schemas.registry import Data
from schemas.topics import FAMILIES, INBOUND, TRACKING
from streams.acceptance import CLAIM, Fence, accept
from streams.placing import partition_of

LONGEST = 200
BELONGS: dict[str, frozenset[type[Struct]]] = {
    **{
        family.events.name: frozenset(get_args(LogRecord)).union(
            *(registry.EVENTS_OF[each] for each in family.aggregates)
        )
        for family in FAMILIES
    },
    TRACKING.name: frozenset(get_args(Observation)),
    INBOUND.name: frozenset(get_args(Observation)),
}


class Void(Struct, frozen=True):
    """Not written by whoever may write there now: skipped and counted."""

    reason: str


class Unreadable(Struct, frozen=True):
    """A record that counts and that this build cannot read, with all its bytes."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: Headers
    value: bytes | None
    reason: str
    envelope: Envelope | None = None

    @property
    def stream(self) -> str:
        """What is held back with it: its stream, else all records of its key."""
        if self.envelope is not None:
            return stream_of(self.envelope)
        if self.key is not None:
            return plain(self.key.decode("utf-8", "replace"))
        return f"{self.topic}:{self.partition}:{self.offset}"


Judged: TypeAlias = Record[Data] | Unreadable | Void


def judge(
    message: Message, fence: Fence | None, partitions: int
) -> tuple[Judged, Fence | None]:
    """The message and the fence after it; `fence` None: no decider writes there."""
    try:
        envelope = envelope_of(message)
    except Malformed as wrong:
        if fence is not None:
            return Void("its headers are not those of a record"), fence
        return unread(message, f"headers: {wrong}"), None
    if fence is not None:
        after = accept(fence, envelope)
        if after is None:
            return Void(_why_void(fence, envelope)), fence
        fence = after
    return _read(message, envelope, partitions), fence


def reread(message: Message, partitions: int) -> Record[Data] | Unreadable:
    """A record that was accepted before, read once more."""
    try:
        return _read(message, envelope_of(message), partitions)
    except Malformed as wrong:
        return unread(message, f"headers: {wrong}")


def envelope_of(message: Message) -> Envelope:
    """Raises Malformed for a record that none of ours can have written."""
    try:
        found = message.headers()
        return read_headers(found if isinstance(found, list) else None)
    except UnicodeDecodeError as wrong:
        raise Malformed(f"not UTF-8: {wrong.object[:40]!r}") from wrong


def record_of(message: Message, envelope: Envelope) -> Record[Data]:
    """Raises UnknownType or msgspec.MsgspecError for a body we cannot read."""
    return Record(
        envelope=envelope,
        data=registry.decode(envelope.type, message.value() or b"{}"),
        topic=message.topic() or "",
        partition=number(message.partition()),
        offset=number(message.offset()),
    )


def number(found: int | None) -> int:
    return -1 if found is None else found


def stream_of(envelope: Envelope) -> str:
    """The key of a stream as it can be stored and shown, whatever was written."""
    return plain(stream_key(envelope.tenant, envelope.aggregate_id))


def plain(text: str) -> str:
    """Without what no database column takes, and short enough for an index."""
    clean = text.replace("\x00", "\ufffd")
    if len(clean) <= LONGEST:
        return clean
    return f"{clean[:LONGEST]}…{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _why_void(fence: Fence, envelope: Envelope) -> str:
    if envelope.type == CLAIM:
        return "a claim that came too late"
    if (envelope.epoch, envelope.owner) == (fence.epoch, fence.owner):
        return "an earlier record of its owner is missing, or it is there twice"
    return "its writer does not own the partition"


def _read(
    message: Message, envelope: Envelope, partitions: int
) -> Record[Data] | Unreadable:
    misplaced = _misplaced(message, envelope, partitions)
    if misplaced:
        return unread(message, misplaced, envelope)
    try:
        record = record_of(message, envelope)
    except Exception as wrong:  # noqa: BLE001  parked under this very reason
        reason = f"{type(wrong).__name__}: {wrong}"
        return unread(message, reason, envelope)
    allowed = BELONGS.get(record.topic)
    if allowed is not None and type(record.data) not in allowed:
        reason = f"{envelope.type} does not belong on this topic"
        return unread(message, reason, envelope)
    return record


def _misplaced(message: Message, envelope: Envelope, partitions: int) -> str:
    """Why a record must not be read where it lies; empty when it may."""
    size = len(message.value() or b"")
    if size > LIMIT_BYTES:
        return f"its body has {size} bytes, {LIMIT_BYTES} are the limit"
    if envelope.type == CLAIM:
        return ""
    key, topic = message.key(), message.topic() or ""
    wanted = envelope.key
    if topic.endswith(".events.v1"):
        wanted = stream_key(envelope.tenant, envelope.aggregate_id)
    if not isinstance(key, bytes) or key != wanted.encode():
        return f"its key is {str(key)[:LONGEST]}, its headers say {wanted[:LONGEST]}"
    right = partition_of(key, partitions)
    if right != message.partition():
        return f"its key belongs into partition {right}"
    return ""


def unread(
    message: Message, reason: str, envelope: Envelope | None = None
) -> Unreadable:
    """The message as it lies on the log, with why it is not read."""
    key, found, value = message.key(), message.headers(), message.value()
    return Unreadable(
        topic=message.topic() or "",
        partition=number(message.partition()),
        offset=number(message.offset()),
        key=key.encode() if isinstance(key, str) else key,
        headers=list(found) if isinstance(found, list) else [],
        value=value.encode() if isinstance(value, str) else value,
        reason=plain(reason),
        envelope=envelope,
    )
