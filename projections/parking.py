"""Parking: a record that cannot be projected holds its stream back, and no other."""

import psycopg
import structlog

from projections.claims import Connection
from projections.serving import NeedsPerson
from schemas.envelope import Record, encode
from schemas.ids import stream_key
from schemas.registry import Data
from schemas.topics import PARKED
from streams.log import Batched

_log = structlog.get_logger("projections")

LIMIT = 100
INSERT = """
INSERT INTO coordination.parked
  (reader, topic, partition, "offset", key, event_id, reason)
VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
RECENT = """
SELECT count(DISTINCT (reader, key)) FROM coordination.parked
WHERE reader = ANY(%s) AND at > clock_timestamp() - interval '10 minutes'
"""


class Unprojectable(Exception):
    """A projection or its table refuses a record: park its stream, read on."""


# What the database says of a value it will never take; everything else may pass.
POISON = (psycopg.DataError, psycopg.IntegrityError, Unprojectable)


class Parking:
    """Which streams each reader has given up on, until its rows are built anew."""

    def __init__(self, connection: Connection, kafka: str, readers: list[str]) -> None:
        self._connection = connection
        self._kafka = kafka
        self._readers = readers
        self._held: set[tuple[str, str]] = set()
        self._log: Batched | None = None
        self.load()

    def load(self) -> None:
        """What other owners and rebuilds have parked and released meanwhile."""
        with self._connection.transaction():
            rows = self._connection.execute(
                "SELECT DISTINCT reader, key FROM coordination.parked"
                " WHERE reader = ANY(%s)",
                (self._readers,),
            ).fetchall()
        self._held = {(str(reader), str(key)) for reader, key in rows}

    def holds(self, reader: str, record: Record[Data]) -> bool:
        return bool(self._held) and (reader, _stream(record)) in self._held

    def park(self, reader: str, record: Record[Data], reason: str) -> None:
        """In the caller's transaction; on the log first, where twice is harmless."""
        self._append(reader, record, reason)
        self._connection.execute(
            INSERT,
            (
                reader,
                record.topic,
                record.partition,
                record.offset,
                _stream(record),
                record.envelope.id,
                reason,
            ),
        )
        self._held.add((reader, _stream(record)))
        _log.error(
            "A stream is parked: this record cannot be projected.",
            action="park",
            reader=reader,
            key=_stream(record),
            place=f"{record.topic}:{record.partition}:{record.offset}",
            reason=reason,
        )
        self._refuse_too_many()

    def _append(self, reader: str, record: Record[Data], reason: str) -> None:
        if self._log is None:
            self._log = Batched(self._kafka)
        value, headers = encode(record)
        place = f"{record.topic}:{record.partition}:{record.offset}"
        more = [("parked_by", reader), ("parked_at", place), ("parked_why", reason)]
        self._log.add_raw(
            PARKED,
            _stream(record),
            value,
            [*headers, *((name, text.encode()) for name, text in more)],
        )
        self._log.confirm()

    def _refuse_too_many(self) -> None:
        found = self._connection.execute(RECENT, (self._readers,)).fetchone()
        if found is not None and int(str(found[0])) > LIMIT:
            raise NeedsPerson(
                f"More than {LIMIT} streams were parked within ten minutes, so the "
                "projector stops here: look at coordination.parked, mend the cause, "
                "then run `contentops projection rebuild --all`."
            )


def _stream(record: Record[Data]) -> str:
    return stream_key(record.tenant, record.subject_id)
