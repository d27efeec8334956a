"""Building read models again from the log: empty tables, then wait until they are full.

A running projector or sink loses its positions, claims again and reads from the start.
Where none runs, one runs here until the end of the log that was seen at the beginning.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TypeAlias

import psycopg
from confluent_kafka import Consumer, TopicPartition
from msgspec import Struct

from infra import migrate
from infra.problem import Stop
from infra.settings import Settings
from projections.registry import ANALYTICS, PROJECTIONS, READ_TOPICS
from projections.runner import Projector
from projections.runner import Source as ProjectorSource
from projections.serving import NeedsPerson
from projections.sink import Sink
from projections.sink import Source as SinkSource
from projections.table import Projection
from streams.positions import Fenced

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Place: TypeAlias = tuple[str, int]
Say: TypeAlias = Callable[[str], None]

EVERY = (*PROJECTIONS, ANALYTICS)
ANSWER_S = 3.0
POLL_S = 0.1
SAY_S = 1.0
GROUP = "rebuild"
STANDING = """
SELECT reader, topic, partition, next_offset FROM coordination.positions
WHERE reader = ANY(%s)
"""


class Standing(Struct, frozen=True):
    """How far one read model has come, of how much there is."""

    name: str
    version: int
    done: int
    end: int

    @property
    def state(self) -> str:
        return (
            "up to date" if self.done >= self.end else f"{self.end - self.done} behind"
        )


def projection_list(settings: Settings) -> list[Standing]:
    """Every read model with the records it has passed and the records there are."""
    ends = log_end(settings.need("kafka"))
    with migrate.connect(settings) as connection:
        there = _positions(connection, [each.reader for each in EVERY])
    return [_standing(each, there.get(each.reader, {}), ends) for each in EVERY]


def show(settings: Settings, say: Say = print) -> None:
    for each in projection_list(settings):
        read = f"{each.done} of {each.end}"
        say(f"{each.name:<14} v{each.version}  {read:>20}  {each.state}")


def rebuild(settings: Settings, name: str | None, say: Say = print) -> None:
    """Returns once the read model (all: None) holds what the log held at the start."""
    wanted = _wanted(name)
    ends = log_end(settings.need("kafka"))
    with migrate.connect(settings) as connection:
        _empty(connection, settings, wanted)
        say(f"emptied: {', '.join(each.name for each in wanted)}")
        postgres = [each for each in wanted if each is not ANALYTICS]
        readers = [each.reader for each in postgres]
        makers: list[tuple[list[str], Callable[[], Projector | Sink]]] = [
            (readers, lambda: _projector(settings, postgres)),
            ([ANALYTICS.reader] * (ANALYTICS in wanted), lambda: _sink(settings)),
        ]
        for names, make in makers:
            if names:
                _fill(Filling(connection, names, ends, make), say)


def log_end(kafka: str) -> dict[Place, int]:
    """The next offset of every partition that read models are made from."""
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "contentops.ends"})
    try:
        topics = consumer.list_topics(timeout=10).topics
        places = [
            (name, partition)
            for name in READ_TOPICS
            if name in topics
            for partition in topics[name].partitions
        ]
        return {
            place: consumer.get_watermark_offsets(TopicPartition(*place), timeout=10)[1]
            for place in places
        }
    finally:
        consumer.close()


def _wanted(name: str | None) -> list[Projection]:
    if name is None:
        return list(EVERY)
    found = [each for each in EVERY if each.name == name]
    if not found:
        names = ", ".join(each.name for each in EVERY)
        raise Stop(f"There is no read model {name}: use one of {names}.", code=2)
    return found


def _empty(
    connection: Connection, settings: Settings, wanted: Iterable[Projection]
) -> None:
    names = [each.name for each in wanted]
    try:
        migrate.read_models(connection, names)
        if ANALYTICS.name in names:
            with closing(migrate.analyst_store(settings)) as store:
                migrate.analytics(connection, store)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedObject) as wrong:
        raise Stop(f"{wrong}: run `contentops migrate` first.") from wrong


class Filling:
    """Waits for a running worker to fill read models, or does it where none is."""

    def __init__(
        self,
        connection: Connection,
        readers: list[str],
        ends: dict[Place, int],
        make: Callable[[], Projector | Sink],
    ) -> None:
        self._connection = connection
        self._readers = readers
        self._ends = ends
        self._make = make
        self._own: Projector | Sink | None = None
        self._moved = time.monotonic()
        self.done = -1

    @property
    def all(self) -> int:
        return sum(self._ends.values()) * len(self._readers)

    def step(self) -> bool:
        """Do or await a bit more; True when everything is there."""
        there = _positions(self._connection, self._readers)
        done = sum(_reached(there.get(each, {}), self._ends) for each in self._readers)
        if done != self.done:
            self.done, self._moved = done, time.monotonic()
        if done == self.all and len(there) == len(self._readers):
            return not self._planned()
        if self._own is None and time.monotonic() - self._moved > ANSWER_S:
            self._own = self._make()
        self._work()
        return False

    def close(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None

    def _work(self) -> None:
        if self._own is None:
            time.sleep(POLL_S)
            return
        try:
            self._own.read()
        except Fenced:
            # Somebody else does it after all; two would only take it from each other.
            self.close()
            self._moved = time.monotonic()

    def _planned(self) -> bool:
        """Whether rows of a passed position are still on their way to ClickHouse."""
        found = self._connection.execute(
            "SELECT count(*) FROM coordination.ch_plan WHERE reader = ANY(%s)",
            (self._readers,),
        ).fetchone()
        return found is not None and found[0] != 0


def _fill(filling: Filling, say: Say) -> None:
    said = time.monotonic()
    try:
        while not filling.step():
            if time.monotonic() - said >= SAY_S:
                said = time.monotonic()
                say(f"read {filling.done} of {filling.all} records")
    except NeedsPerson as wrong:
        raise Stop(str(wrong)) from wrong
    finally:
        filling.close()
    say(f"read {filling.done} of {filling.all} records: up to date")


def _projector(settings: Settings, projections: list[Projection]) -> Projector:
    source = ProjectorSource(
        kafka=settings.need("kafka"), postgres=settings.dsn("projector"), group=GROUP
    )
    return Projector(source, projections)


def _sink(settings: Settings) -> Sink:
    source = SinkSource(
        kafka=settings.need("kafka"),
        postgres=settings.dsn("projector"),
        clickhouse=settings.need("clickhouse"),
        user="sink",
        password=settings.clickhouse_password("sink"),
        group=f"{GROUP}-sink",
    )
    return Sink(source)


def _positions(
    connection: Connection, readers: list[str]
) -> dict[str, dict[Place, int]]:
    found: dict[str, dict[Place, int]] = {}
    for reader, topic, partition, offset in connection.execute(STANDING, (readers,)):
        place = (str(topic), int(str(partition)))
        found.setdefault(str(reader), {})[place] = int(str(offset))
    return found


def _reached(there: dict[Place, int], ends: dict[Place, int]) -> int:
    """Records passed, not counting those that came after `ends` was looked at."""
    return sum(min(there.get(place, 0), end) for place, end in ends.items())


def _standing(
    projection: Projection, there: dict[Place, int], ends: dict[Place, int]
) -> Standing:
    done = _reached(there, ends)
    return Standing(projection.name, projection.version, done, sum(ends.values()))
