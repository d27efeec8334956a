"""From the records of a partition to one root: what the audit compares.

A leaf covers all that a reader is given of a record, void or not; an offset without a
record has a leaf too. The root grows by one leaf at a time, so it depends on the
records alone and never on where a checkpoint was made.
"""

from collections.abc import Iterable
from hashlib import sha256
from struct import Struct as Layout

from confluent_kafka import Message
from msgspec import Struct

START = bytes(32)
LEAF = 32
NOTHING = bytes(32)
_PLACE = Layout(">Iiq")
_TIME = Layout(">q")
_LENGTHS = Layout(">ii")


class Entry(Struct, frozen=True):
    """One record as it lies in a partition; `at_ms` is the broker's own time."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None


def entry_of(message: Message) -> Entry:
    found = message.headers()
    headers = found if isinstance(found, list) else []
    return Entry(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        at_ms=message.timestamp()[1],
        key=_raw(message.key()),
        headers=tuple((name, _raw(value)) for name, value in headers),
        value=_raw(message.value()),
    )


def _raw(part: str | bytes | None) -> bytes | None:
    return part.encode() if isinstance(part, str) else part


def leaf(entry: Entry) -> bytes:
    return sha256(
        b"".join(
            (
                _place(entry.topic, entry.partition, entry.offset),
                _TIME.pack(entry.at_ms),
                _digest(entry.key),
                _of_headers(entry.headers),
                _digest(entry.value),
            )
        )
    ).digest()


def gap(topic: str, partition: int, offset: int) -> bytes:
    """The leaf of an offset that no reader is given, such as a broker's own marker."""
    return sha256(_place(topic, partition, offset)).digest()


def grown(root: bytes, leaves: Iterable[bytes]) -> bytes:
    for each in leaves:
        root = sha256(root + each).digest()
    return root


def split(leaves: bytes) -> list[bytes]:
    """One leaf each."""
    return [leaves[at : at + LEAF] for at in range(0, len(leaves), LEAF)]


def _place(topic: str, partition: int, offset: int) -> bytes:
    name = topic.encode()
    return _PLACE.pack(len(name), partition, offset) + name


def _digest(part: bytes | None) -> bytes:
    # No known bytes hash to zeros, so "none" differs from "empty".
    return NOTHING if part is None else sha256(part).digest()


def _of_headers(headers: Iterable[tuple[str, bytes | None]]) -> bytes:
    parts: list[bytes] = []
    for name, value in headers:
        raw = name.encode()
        if value is None:
            parts += (_LENGTHS.pack(len(raw), -1), raw)
        else:
            parts += (_LENGTHS.pack(len(raw), len(value)), raw, value)
    return sha256(b"".join(parts)).digest()
