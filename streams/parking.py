"""Parking: a record that a reader can do nothing with holds back its stream, no other.

A parked record is a row of `coordination.parked`, written in the transaction that moves
the position over it, and a record of `parked.v1` with all its bytes and the reason.
What comes later in its stream is parked behind it, so a stream keeps its order.
`infra/parked.py` releases a stream once a person has ruled about it.

A reader asks `holds` of each record, which costs nothing while nothing is parked. Where
that says yes, `held_back` parks the record behind the others, or says that the stream
is free again. What fails for the first time, and every unreadable record, goes to
`keep`. Before the commit: `confirm`. After every claim: `load`.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import TypeAlias

import psycopg
import structlog

from schemas.envelope import Headers, Record
from schemas.registry import Data
from schemas.topics import PARKED
from streams import metrics
from streams.faults import reach
from streams.judging import Unreadable, plain, stream_of, unread
from streams.log import Batched
from streams.places import messages_at
from streams.rulings import Rulings, name_of, parked_headers

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Found: TypeAlias = Record[Data] | Unreadable

_logger = structlog.get_logger("streams")

STREAMS = 100
SHARE = 0.01
FEW = 20
WINDOW_S = 600.0
BEHIND = "an earlier record of the stream is parked"
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s || ' ' || %s, 0))"
INSERT = """
INSERT INTO coordination.parked
  (reader, topic, partition, "offset", key, event_id, reason)
VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
HELD = "SELECT DISTINCT reader, key FROM coordination.parked WHERE reader = ANY(%s)"
STILL = "SELECT 1 FROM coordination.parked WHERE reader = %s AND key = %s LIMIT 1"
RECENT = """
SELECT count(DISTINCT key) FROM coordination.parked
WHERE reader = ANY(%s) AND at > clock_timestamp() - %s * interval '1 second'
"""


class TooManyParked(Exception):
    """The cause cannot lie in so many records: read no more, and do what it says."""


def stream(found: Found) -> str:
    """What is held back together."""
    return found.stream if isinstance(found, Unreadable) else stream_of(found.envelope)


def place(found: Found) -> str:
    return f"{found.topic}:{found.partition}:{found.offset}"


class Parking:
    """Which streams the readers of one connection have given up on. Not thread-safe.

    `parked` counts, by reader, the records this process parked.
    """

    def __init__(
        self,
        connection: Connection,
        kafka: str,
        readers: Iterable[str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.parked: Counter[str] = Counter()
        self._connection = connection
        self._kafka = kafka
        self._readers = list(readers)
        self._held: set[tuple[str, str]] = set()
        self._seen = Recent(clock)
        self._kept: list[tuple[str, Found, str]] = []
        self._log: Batched | None = None
        self.rulings = Rulings()

    def load(self) -> None:
        """What others have parked, released and ruled: call it after every claim."""
        with self._connection.transaction():
            rows = self._connection.execute(HELD, (self._readers,)).fetchall()
        self._held = {(str(reader), str(key)) for reader, key in rows}
        self._kept.clear()
        self.rulings = Rulings.load(self._kafka)

    def saw(self, records: int) -> None:
        """So many were read: the share that was parked is a share of these."""
        self._seen.add(records)

    def holds(self, reader: str, found: Found) -> bool:
        """Whether to ask `held_back`; costs nothing while nothing is parked."""
        if not self._held and not self.rulings.drops:
            return False
        return (reader, stream(found)) in self._held or self._dropped(reader, found)

    def held_back(self, reader: str, found: Found) -> bool:
        """Whether it is out of the caller's hands; in the caller's transaction.

        It is passed over if a person ruled so, and parked if its stream is parked
        still. Waits for whoever is just releasing the stream: nothing stays behind.
        """
        if self._dropped(reader, found):
            return True
        key = stream(found)
        self._connection.execute(LOCK, (reader, key))
        if self._connection.execute(STILL, (reader, key)).fetchone() is None:
            self._held.discard((reader, key))
            return False
        self._keep(reader, found, BEHIND)
        return True

    def keep(self, reader: str, found: Found, reason: str) -> None:
        """Park it, in the caller's transaction; `confirm` before that is committed.

        Raises TooManyParked. One that a person ruled to be dropped is passed over.
        """
        if self._dropped(reader, found):
            return
        self._connection.execute(LOCK, (reader, stream(found)))
        self._keep(reader, found, reason)
        self._refuse_too_many()
        _logger.error(
            "A record is parked, and with it its stream.",
            action="park",
            reader=reader,
            key=stream(found),
            place=place(found),
            reason=plain(reason),
        )

    def confirm(self) -> None:
        """All that was kept is on the log; raises NotAcknowledged if it is not."""
        if not self._kept:
            return
        if self._log is None:
            room = PARKED.max_bytes - 1024
            self._log = Batched(self._kafka, **{"message.max.bytes": room})
        whole = self._originals()
        for reader, found, reason in self._kept:
            value, headers = whole[place(found)]
            more = [*headers, *parked_headers(reader, place(found), reason)]
            self._log.add_raw(PARKED, stream(found), value, more)
        self._log.confirm()
        self._kept.clear()
        reach("projector.parking")

    def _dropped(self, reader: str, found: Found) -> bool:
        return self.rulings.dropped(reader, found.topic, found.partition, found.offset)

    def _keep(self, reader: str, found: Found, reason: str) -> None:
        key, why = stream(found), plain(reason)
        id_ = found.envelope.id if found.envelope is not None else ""
        where = (found.topic, found.partition, found.offset)
        self._connection.execute(INSERT, (reader, *where, key, plain(id_), why))
        self._kept.append((reader, found, why))
        self._held.add((reader, key))
        self.parked[reader] += 1
        metrics.PARKED.labels(name_of(reader)).inc()

    def _originals(self) -> dict[str, tuple[bytes, Headers]]:
        """As they lie on the log: what was decoded may have lost a newer field."""
        found = {place(each): each for _, each, _ in self._kept}
        spots = [
            (each.topic, each.partition, each.offset)
            for each in found.values()
            if not isinstance(each, Unreadable)
        ]
        whole = [
            *(each for each in found.values() if isinstance(each, Unreadable)),
            *(unread(each, "") for each in messages_at(self._kafka, spots)),
        ]
        return {place(each): (each.value or b"", each.headers) for each in whole}

    def _refuse_too_many(self) -> None:
        asked = self._connection.execute(RECENT, (self._readers, WINDOW_S)).fetchone()
        streams = int(str(asked[0])) if asked is not None else 0
        if streams <= allowed(self._seen.count()):
            return
        raise TooManyParked(
            f"{streams} streams were parked within ten minutes: this is no matter of "
            "single records, so nothing more is read here. `contentops parked list` "
            "names the reasons; mend the cause, then `contentops parked replay`."
        )


def allowed(read: int) -> int:
    """How many streams may be parked in ten minutes in which so much was read."""
    return min(STREAMS, max(FEW, int(read * SHARE)))


class Recent:
    """How many there were within the window, in ten slices of it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._slices: deque[tuple[float, int]] = deque()

    def add(self, many: int) -> None:
        now = self._clock()
        if self._slices and now - self._slices[-1][0] < WINDOW_S / 10:
            began, before = self._slices.pop()
            self._slices.append((began, before + many))
        else:
            self._slices.append((now, many))

    def count(self) -> int:
        until = self._clock() - WINDOW_S
        while self._slices and self._slices[0][0] < until:
            self._slices.popleft()
        return sum(many for _, many in self._slices)
