"""The projector: every read model in Postgres, fed by one consumer.

Take what is there, fold, write, move all positions, announce, commit: rows and
positions in one transaction, so each record counts exactly once.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias
from uuid import uuid4

import msgspec
import psycopg
from confluent_kafka.admin import AdminClient
from msgspec import Struct
from psycopg import sql

from projections import serving
from projections.claims import Claims, Place
from projections.parking import POISON, Parking, Unprojectable
from projections.registry import PROJECTIONS, READ_TOPICS
from projections.table import Projection, Row
from projections.writer import write
from schemas.envelope import Record
from schemas.registry import Data
from streams.positions import Fenced, command_mark
from streams.reading import Batch, Reader
from streams.topic_ids import topic_ids

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]

LIMIT = 1000
WAIT_S = 0.5
CHECK_S = 1.0
PRUNE_S = 3600.0
CHECKPOINT = 10_000
PRUNE = "DELETE FROM {} WHERE at < clock_timestamp() - %s * interval '1 day'"
SAVE = """
INSERT INTO coordination.checkpoints
  (topic, partition, "offset", log_epoch, log_owner, log_n)
VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""


class Source(Struct, frozen=True):
    """Where a reader of the log reads and where it writes its positions."""

    kafka: str
    postgres: str
    group: str = "projector"
    ordinal: int = 0


def run(source: Source, stop: threading.Event) -> None:
    """Blocks until `stop` is set; waits for servers and tables that are away."""
    serving.serve(lambda: Projector(source), stop)


class Projector:
    """One consumer and one connection; any error but Fenced is the end of both."""

    def __init__(
        self,
        source: Source,
        projections: Sequence[Projection] = PROJECTIONS,
        owner: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._projections = tuple(projections)
        # A commit that a crash of the server loses takes its positions with it.
        self._connection: Connection = psycopg.connect(
            source.postgres, options="-c synchronous_commit=off", prepare_threshold=0
        )
        admin = AdminClient({"bootstrap.servers": source.kafka})
        readers = [each.reader for each in self._projections]
        self._parking = Parking(self._connection, source.kafka, readers)
        self._claims = Claims(
            self._connection, readers, lambda: topic_ids(admin), owner
        )
        self._reader = Reader(
            source.kafka,
            source.group,
            READ_TOPICS,
            self._claims.take,
            ordinal=source.ordinal,
        )
        self._checked = self._pruned = time.monotonic()

    def step(self) -> None:
        try:
            self.read()
        except Fenced:
            self.claim_again()

    def read(self) -> None:
        """One batch, or the wait for one; raises Fenced with nothing changed."""
        batches = self._reader.read(LIMIT, WAIT_S)
        if batches:
            self._apply(batches)
        self._tidy(time.monotonic())

    def claim_again(self) -> None:
        self._parking.load()
        self._reader.restart(self._reader.assigned())

    def assigned(self) -> list[Place]:
        return self._reader.assigned()

    def close(self) -> None:
        self._reader.close()
        self._connection.close()

    def _apply(self, batches: Sequence[Batch]) -> None:
        try:
            with self._connection.transaction():
                write(self._connection, self._rows(batches))
                self._advance(batches)
        except POISON:
            with self._connection.transaction():
                self._write_apart(batches)
                self._advance(batches)
        self._claims.moved(batches)

    def _advance(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self._claims.advance(batch)
            _checkpoint(self._connection, batch)
        self._connection.execute("SELECT pg_notify('positions', %s)", (_news(batches),))

    def _rows(self, batches: Sequence[Batch]) -> Iterator[tuple[str, Row]]:
        for projection, record in self._wanted(batches):
            if self._parking.holds(projection.reader, record):
                raise Unprojectable("its stream is parked")
            for row in _project(projection, record):
                yield projection.schema, row

    def _wanted(
        self, batches: Sequence[Batch]
    ) -> Iterator[tuple[Projection, Record[Data]]]:
        """Records that are news for a projection: those below its position are not."""
        for batch in batches:
            place = (batch.topic, batch.partition)
            for projection in self._projections:
                start = self._claims.next_of(projection.reader, place)
                for record in batch.records:
                    if record.offset >= start:
                        yield projection, record

    def _write_apart(self, batches: Sequence[Batch]) -> None:
        """Rare: finds the records that cannot be written and parks their streams."""
        apart: dict[str, list[Record[Data]]] = defaultdict(list)
        for projection, record in self._wanted(batches):
            apart[projection.name].append(record)
        for projection in self._projections:
            self._halve(projection, apart[projection.name])

    def _halve(self, projection: Projection, records: Sequence[Record[Data]]) -> None:
        """Write what can be written in one go; what cannot, half by half."""
        free = [each for each in records if not self._held_back(projection, each)]
        try:
            with self._connection.transaction():
                rows = (row for each in free for row in _project(projection, each))
                write(self._connection, ((projection.schema, row) for row in rows))
        except POISON as wrong:
            if len(free) == 1:
                reason = str(wrong).partition("\n")[0]
                self._parking.park(projection.reader, free[0], reason)
                return
            middle = len(free) // 2
            self._halve(projection, free[:middle])
            self._halve(projection, free[middle:])

    def _held_back(self, projection: Projection, record: Record[Data]) -> bool:
        held = self._parking.holds(projection.reader, record)
        if held:
            reason = "an earlier record of the stream is parked"
            self._parking.park(projection.reader, record, reason)
        return held

    def _tidy(self, now: float) -> None:
        if now - self._checked >= CHECK_S:
            self._checked = now
            self._claims.check(self.assigned())
        if now - self._pruned >= PRUNE_S:
            self._pruned = now
            self._prune()

    def _prune(self) -> None:
        for projection in self._projections:
            for table in projection.tables:
                if table.keep_days is not None:
                    name = sql.Identifier(projection.schema, table.name)
                    with self._connection.transaction():
                        self._connection.execute(
                            sql.SQL(PRUNE).format(name), (table.keep_days,)
                        )


def _project(projection: Projection, record: Record[Data]) -> list[Row]:
    try:
        return list(projection.project(record))
    except Exception as wrong:
        raise Unprojectable(f"{type(wrong).__name__}: {wrong}") from wrong


def _checkpoint(connection: Connection, batch: Batch) -> None:
    """Now and then the fence at an offset, for readers that start in the middle."""
    if batch.fence is None or batch.start // CHECKPOINT == batch.end // CHECKPOINT:
        return
    fence = batch.fence
    place = (batch.topic, batch.partition, batch.end)
    connection.execute(SAVE, (*place, fence.epoch, fence.owner, fence.n))


def _news(batches: Sequence[Batch]) -> str:
    """What waiters want to know: topic, partition, next offset, decided commands."""
    news = [
        (each.topic, each.partition, each.end, command_mark(each.records))
        for each in batches
    ]
    return msgspec.json.encode(news).decode()
