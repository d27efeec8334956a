"""The projector: every version of every read model in Postgres, fed by one consumer.

Take what is there, fold, move all positions, announce, write, commit: rows and
positions in one transaction, so each record counts exactly once. When the answer to
COMMIT is lost, the projector begins anew: its claim waits for the old transaction to
end and then finds the position either moved or not.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeAlias
from uuid import uuid4

import msgspec
import psycopg
from confluent_kafka.admin import AdminClient
from msgspec import Struct
from psycopg.conninfo import make_conninfo

from projections import asof, serving, versions
from projections.claims import Claims, Place
from projections.parking import POISON, Unprojectable
from projections.projecting import project, prune, rows_of
from projections.registry import PROJECTIONS, READ_TOPICS
from projections.serving import GONE, NeedsPerson
from projections.table import Projection, Row
from projections.writer import Folded, Schemas, Writer, folded
from schemas.envelope import Record
from schemas.registry import Data
from streams.faults import reach
from streams.garbage import collect_rarely
from streams.judging import Unreadable
from streams.observing import observed
from streams.parking import Found, Parking
from streams.positions import Fenced, command_mark
from streams.reading import Batch, Reader, Start
from streams.topic_ids import topic_ids

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]

# A commit that a crash of the server loses takes its positions with it. A transaction
# whose client is gone without a word would keep its positions locked for hours.
OPTIONS = (
    "-c synchronous_commit=off -c idle_in_transaction_session_timeout=30s"
    " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5"
)
LIMIT = 2000
# From here on it pays to hand the writing to a thread: about 10 ms of work.
LARGE = 500
# A lone command is one to three records, and its rows are waited for.
FEW = 4
GATHER_S = 0.02
WAIT_S = 0.5
CHECK_S = 1.0
PRUNE_S = 3600.0
CHECKPOINT = 10_000
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
    collect_rarely()
    aside = threading.Thread(
        target=asof.serve, args=(source.kafka, source.postgres, stop), name="as-of"
    )
    aside.start()
    try:
        serving.serve(lambda: Projector(source), stop)
    finally:
        stop.set()
        aside.join()


class Projector:
    """One consumer and one connection; any error but Fenced is the end of both.

    Without `only` it feeds what the registry says, and looks there every second.
    """

    def __init__(
        self,
        source: Source,
        only: Sequence[Projection] | None = None,
        owner: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._source, self._only, self._owner = source, only, owner
        self._connection: Connection = psycopg.connect(
            make_conninfo(source.postgres, keepalives_idle=10, keepalives_interval=5),
            options=OPTIONS,
            prepare_threshold=0,
        )
        self._admin = AdminClient({"bootstrap.servers": source.kafka})
        self._projections = self._feeding()
        self._aside = ThreadPoolExecutor(1, "write")
        self._writing: Future[bool] | None = None
        self._pause = 0.0
        self._open()
        self._reader = Reader(
            source.kafka,
            source.group,
            READ_TOPICS,
            self._starts,
            ordinal=source.ordinal,
        )
        self._checked = self._pruned = time.monotonic()

    def step(self) -> None:
        try:
            self.read()
        except Fenced:
            self.claim_again()
        except GONE:
            # A version that was dropped takes its tables with it.
            if self._feeding() == self._projections:
                raise
            self.claim_again()

    def read(self) -> None:
        """One batch, or the wait for one; raises Fenced with nothing changed.

        A large batch is written aside, while the next one is read and folded. After a
        middling one more is let come first, since each transaction costs the same.
        """
        time.sleep(self._pause)
        batches = self._reader.read(LIMIT, 0.0 if self._writing else WAIT_S)
        found = self._folded(batches)
        if self._written():
            # Streams were parked meanwhile, perhaps one of these.
            found = self._folded(batches)
        self._tidy(time.monotonic())
        count = sum(len(each.records) for each in batches)
        self._pause = GATHER_S if FEW <= count < LARGE else 0
        if count >= LARGE:
            self._writing = self._aside.submit(self._apply, batches, found)
        elif batches:
            self._apply(batches, found)

    def claim_again(self) -> None:
        """Feed what is to be fed now, from where it stands now."""
        self._projections = self._feeding()
        self._open()
        self._reader.restart(self._reader.assigned())

    def assigned(self) -> list[Place]:
        return self._reader.assigned()

    def close(self) -> None:
        self._aside.shutdown()
        self._reader.close()
        self._connection.close()

    def _open(self) -> None:
        readers = [each.reader for each in self._projections]
        self._parking = Parking(self._connection, self._source.kafka, readers)
        self._claims = Claims(
            self._connection, readers, lambda: topic_ids(self._admin), self._owner
        )
        self._writer = Writer(self._connection, self._projections)

    def _feeding(self) -> tuple[Projection, ...]:
        if self._only is not None:
            return tuple(self._only)
        with self._connection.transaction():
            found = versions.fed(self._connection, PROJECTIONS)
        if not found:
            raise NeedsPerson(
                "There is no read model of this build's shape: "
                "run `contentops migrate`."
            )
        return found

    def _starts(self, places: Sequence[Place]) -> dict[Place, Start]:
        if self._writing is not None:
            # The connection is in use; what went wrong there is told by `_written`.
            wait([self._writing])
        found = self._claims.take(places)
        # Whoever had these partitions before may have parked streams of theirs.
        self._parking.load()
        return found

    def _written(self) -> bool:
        """Wait for what is written aside; True when it had to be written apart."""
        writing, self._writing = self._writing, None
        return writing is not None and writing.result()

    def _folded(self, batches: Sequence[Batch]) -> list[Folded] | None:
        """None when a record cannot be projected or belongs to a parked stream."""
        try:
            return folded(self._rows(batches))
        except Unprojectable:
            return None

    def _apply(self, batches: Sequence[Batch], found: list[Folded] | None) -> bool:
        """True when something could not be written in one go."""
        self._parking.saw(sum(len(each.records) for each in batches))
        with observed("projector", batches):
            whole = found is not None and self._write(batches, found)
            if not whole:
                with self._connection.transaction():
                    self._advance(batches)
                    self._write_apart(batches)
                    self._parking.confirm()
        reach("projector.committed")
        self._claims.moved(batches)
        return not whole

    def _write(self, batches: Sequence[Batch], found: list[Folded]) -> bool:
        try:
            with self._connection.transaction():
                # First, so that a fenced one touches no row that its successor writes.
                self._advance(batches)
                reach("projector.moved")
                self._writer.write(found)
                reach("projector.written")
        except POISON:
            return False
        return True

    def _advance(self, batches: Sequence[Batch]) -> None:
        for batch in sorted(batches, key=lambda each: (each.topic, each.partition)):
            self._claims.advance(batch)
            _checkpoint(self._connection, batch)
        self._connection.execute("SELECT pg_notify('positions', %s)", (_news(batches),))

    def _rows(self, batches: Sequence[Batch]) -> Iterator[tuple[Schemas, Row]]:
        """Each record is projected once for all versions that it is news for."""
        for batch in batches:
            if batch.unreadable:
                raise Unprojectable(batch.unreadable[0].reason)
            for start, together in self._standing(batch):
                schemas = tuple(each.schema for each in together)
                for record in self._free_news(batch, start, together):
                    for row in project(together[0], record):
                        yield schemas, row

    def _free_news(
        self, batch: Batch, start: int, together: Sequence[Projection]
    ) -> Iterator[Record[Data]]:
        for record in batch.records:
            if record.offset < start:
                continue
            for each in together:
                if self._parking.holds(each.reader, record):
                    raise Unprojectable("its stream is parked")
            yield record

    def _standing(self, batch: Batch) -> list[tuple[int, list[Projection]]]:
        """Versions of one read model that stand at the same offset, together."""
        place = (batch.topic, batch.partition)
        found: dict[tuple[str, int], list[Projection]] = defaultdict(list)
        for projection in self._projections:
            start = self._claims.next_of(projection.reader, place)
            found[projection.name, max(start, batch.start)].append(projection)
        return [(start, together) for (_, start), together in found.items()]

    def _write_apart(self, batches: Sequence[Batch]) -> None:
        """Rare: finds the records that cannot be written and parks their streams."""
        apart: dict[str, list[Found]] = defaultdict(list)
        for batch in batches:
            both: list[Found] = [*batch.records, *batch.unreadable]
            both.sort(key=lambda found: found.offset)
            for start, together in self._standing(batch):
                news = [each for each in both if each.offset >= start]
                for projection in together:
                    apart[projection.reader] += news
        for projection in self._projections:
            self._halve(projection, apart[projection.reader])

    def _halve(self, projection: Projection, found: Sequence[Found]) -> None:
        """Write what can be written in one go; what cannot, half by half."""
        free = [record for each in found for record in self._free(projection, each)]
        try:
            with self._connection.transaction():
                self._writer.write(folded(rows_of(projection, free)), again=True)
        except POISON as wrong:
            if len(free) == 1:
                reason = str(wrong).partition("\n")[0]
                self._parking.keep(projection.reader, free[0], reason)
                return
            middle = len(free) // 2
            self._halve(projection, free[:middle])
            self._halve(projection, free[middle:])

    def _free(self, projection: Projection, found: Found) -> Iterator[Record[Data]]:
        """The record, if it can be read and its stream is not parked."""
        reader = projection.reader
        if self._parking.holds(reader, found) and self._parking.held_back(
            reader, found
        ):
            return
        if isinstance(found, Unreadable):
            self._parking.keep(reader, found, found.reason)
            return
        yield found

    def _tidy(self, now: float) -> None:
        if now - self._checked >= CHECK_S:
            self._checked = now
            self._claims.check(self.assigned())
            if self._feeding() != self._projections:
                raise Fenced("versions were added or dropped")
        if now - self._pruned >= PRUNE_S:
            self._pruned = now
            for projection in self._projections:
                prune(self._connection, projection)


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
