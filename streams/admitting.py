"""Which commands have a place in a partition; the others are parked, never refused.

A refusal on the log of a stream that does not live there would be unreadable to every
reader. This is looked at before anything of a batch is decided.
"""

from collections.abc import Sequence
from typing import TypeAlias

from confluent_kafka import Message
from msgspec import Struct

from schemas.envelope import Envelope, Malformed
from schemas.ids import stream_key
from schemas.topics import Family
from streams.judging import envelope_of
from streams.placing import partition_of

Good: TypeAlias = list[tuple[Message, Envelope]]
Bad: TypeAlias = list[tuple[Message, str]]


class Place(Struct, frozen=True):
    """One partition of one family, out of so many."""

    family: Family
    number: int
    partitions: int


def admit(messages: Sequence[Message], place: Place) -> tuple[Good, Bad]:
    """Commands of streams that live here, in order; the rest with the reason."""
    good: Good = []
    bad: Bad = []
    for message in messages:
        try:
            envelope = envelope_of(message)
            _check_place(message, envelope, place)
        except Malformed as wrong:
            bad.append((message, str(wrong)))
        else:
            good.append((message, envelope))
    return good, bad


def _check_place(message: Message, envelope: Envelope, place: Place) -> None:
    key = stream_key(envelope.tenant, envelope.aggregate_id)
    raw = key.encode()
    if envelope.key != key or message.key() != raw:
        raise Malformed("its key is not that of its tenant and subject")
    if partition_of(raw, place.partitions) != place.number:
        raise Malformed("its key belongs into another partition")
