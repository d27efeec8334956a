"""Building versions of read models from the beginning of the log, beside all others.

One pass over the log feeds all that are built together, through a consumer without a
group: nobody can take its partitions away. While one batch is written in a thread, the
next is read, decoded and folded. A build has no parking: the first record that cannot
be projected and that nobody ruled on ends the build of that version, and no other.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeAlias
from uuid import uuid4

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from msgspec import Struct, structs

from projections.claims import Claims, Connection, Place
from projections.parking import POISON, Unprojectable
from projections.projecting import project, rows_of
from projections.registry import READ_TOPICS
from projections.table import Projection, Row
from projections.writer import Folded, Schemas, Writer, folded
from schemas.envelope import Record
from schemas.registry import Data
from streams.faults import reach
from streams.reading import Batch, Reader, partition_counts
from streams.topic_ids import topic_ids

Ends: TypeAlias = Mapping[Place, int]
Dropped: TypeAlias = Callable[[str, str, int, int], bool]
Tell: TypeAlias = Callable[[int], None]

LIMIT = 5000
WAIT_S = 0.2


class Blocked(Struct, frozen=True):
    """What a build ended at."""

    projection: Projection
    place: str
    reason: str

    @property
    def sentence(self) -> str:
        return (
            f"{self.projection.name}: the record at {self.place} cannot be projected "
            f"({self.reason}). Mend the projection, or rule that it be left out with "
            f"`contentops parked drop {self.projection.name} {self.place} --why ...`, "
            f"then run `contentops projection rebuild {self.projection.name}` again."
        )


class Scan(Reader):
    """Reads every partition of its topics, without a group."""

    def _join(self, topics: list[str]) -> None:
        counts = partition_counts(self._consumer)
        self._assign_all(
            [(name, each) for name in topics for each in range(counts.get(name, 0))]
        )

    def _assign_all(self, places: Sequence[Place]) -> None:
        self._counts = partition_counts(self._consumer)
        starts = self._starts(places)
        self._consumer.assign(
            [
                TopicPartition(*place, self._begin(place, start))
                for place, start in starts.items()
            ]
        )


class Builder:
    """Not thread-safe. `blocked` names the versions that were given up, and why."""

    def __init__(
        self,
        kafka: str,
        connection: Connection,
        projections: Iterable[Projection],
        dropped: Dropped,
        topics: Sequence[str] = READ_TOPICS,
    ) -> None:
        self.blocked: list[Blocked] = []
        self._connection = connection
        self._building = list(projections)
        self._dropped = dropped
        admin = AdminClient({"bootstrap.servers": kafka})
        self._claims = Claims(
            connection,
            [each.reader for each in self._building],
            lambda: topic_ids(admin),
            lambda: uuid4().hex,
        )
        self._writer = Writer(connection, self._building)
        self._next: dict[Place, int] = {}
        self._reader = Scan(kafka, "build", topics, self._claims.take)

    @property
    def built(self) -> list[Projection]:
        """Those that were not given up."""
        return list(self._building)

    def run(
        self, ends: Ends, tell: Tell = lambda _: None, *, exact: bool = False
    ) -> None:
        """Every version holds what lies below `ends` at return, or a bit more.

        `exact`: nothing more; then no other reader can go on from where this ends.
        """
        with ThreadPoolExecutor(1) as aside:
            writing: Future[None] | None = None
            while self._building and self._left(ends):
                batches = self._reader.read(LIMIT, WAIT_S)
                if exact:
                    batches = _below(ends, batches)
                found = self._folded(batches)
                if writing is not None:
                    writing.result()
                writing = aside.submit(self._write, batches, found)
                self._next |= {
                    (each.topic, each.partition): each.end for each in batches
                }
                tell(sum(self._next.values()))
            if writing is not None:
                writing.result()

    def close(self) -> None:
        self._reader.close()

    def _left(self, ends: Ends) -> bool:
        return any(self._next.get(place, 0) < end for place, end in ends.items())

    def _folded(self, batches: Sequence[Batch]) -> list[Folded]:
        try:
            return folded(self._rows(batches))
        except _Found as found:
            self._give_up(found.blocked)
            return self._folded(batches)

    def _rows(self, batches: Sequence[Batch]) -> Iterator[tuple[Schemas, Row]]:
        for projection in self._building:
            schemas = (projection.schema,)
            for batch in batches:
                self._refuse_unreadable(projection, batch)
                for record in self._wanted(projection, batch):
                    try:
                        for row in project(projection, record):
                            yield schemas, row
                    except Unprojectable as wrong:
                        raise _Found(_blocked(projection, record, wrong)) from wrong

    def _wanted(self, projection: Projection, batch: Batch) -> Iterator[Record[Data]]:
        name, topic, partition = projection.name, batch.topic, batch.partition
        for record in batch.records:
            if not self._dropped(name, topic, partition, record.offset):
                yield record

    def _refuse_unreadable(self, projection: Projection, batch: Batch) -> None:
        for odd in batch.unreadable:
            where = (odd.topic, odd.partition, odd.offset)
            if not self._dropped(projection.name, *where):
                place = ":".join(map(str, where))
                raise _Found(Blocked(projection, place, odd.reason))

    def _write(self, batches: Sequence[Batch], found: list[Folded]) -> None:
        try:
            self._commit(batches, found)
        except POISON:
            for blocked in self._culprits(batches):
                self._give_up(blocked)
            self._commit(batches, self._folded(batches))

    def _commit(self, batches: Sequence[Batch], found: list[Folded]) -> None:
        with self._connection.transaction():
            self._writer.write(found)
            for batch in batches:
                self._claims.advance(batch)
        self._claims.moved(batches)
        reach("rebuild.filling")

    def _culprits(self, batches: Sequence[Batch]) -> list[Blocked]:
        """The first record of each version that the database refuses."""
        found = []
        for projection in self._building:
            records = [r for batch in batches for r in self._wanted(projection, batch)]
            wrong = self._refused(projection, records)
            while wrong is not None and len(records) > 1:
                first = records[: len(records) // 2]
                before = self._refused(projection, first)
                records = first if before else records[len(first) :]
                wrong = before or self._refused(projection, records)
            if wrong is not None:
                found.append(_blocked(projection, records[0], wrong))
        return found

    def _refused(
        self, projection: Projection, records: Sequence[Record[Data]]
    ) -> Exception | None:
        """What is said when these are written; they are not kept."""
        try:
            with self._connection.transaction(force_rollback=True):
                self._writer.write(folded(rows_of(projection, records)))
        except POISON as wrong:
            return wrong
        return None

    def _give_up(self, blocked: Blocked) -> None:
        self.blocked.append(blocked)
        name = blocked.projection.name
        self._building = [each for each in self._building if each.name != name]


class _Found(Exception):
    """A record that ends a build."""

    def __init__(self, blocked: Blocked) -> None:
        super().__init__(blocked.reason)
        self.blocked = blocked


def _blocked(projection: Projection, record: Record[Data], wrong: Exception) -> Blocked:
    place = f"{record.topic}:{record.partition}:{record.offset}"
    return Blocked(projection, place, str(wrong).partition("\n")[0])


def _below(ends: Ends, batches: Iterable[Batch]) -> list[Batch]:
    """Without what lies at or above the ends."""
    kept = []
    for batch in batches:
        end = ends.get((batch.topic, batch.partition), 0)
        if batch.start >= end:
            continue
        if batch.end > end:
            records = tuple(each for each in batch.records if each.offset < end)
            odd = tuple(each for each in batch.unreadable if each.offset < end)
            batch = structs.replace(  # noqa: PLW2901  the same batch, cut
                batch, end=end, records=records, unreadable=odd
            )
        kept.append(batch)
    return kept
