"""Stores that came out of a backup, and a log that lost its tail: seen, then healed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka import TopicPartition

from fixtures.fix_read_side import Rows, projector_source
from fixtures.fix_records import Writer, eventually
from fixtures.fix_restored import OwnStack, cut, own_stack
from infra import migrate, rebuild, restored, topics
from infra.settings import Settings
from infra.sources import sink_source
from projections import versions
from projections.facts import name_of
from projections.registry import ANALYTICS
from projections.runner import Projector
from projections.sink import Sink
from projections.table import Projection
from schemas.envelope import Record
from schemas.events.content import ProjectCreated
from schemas.registry import Data
from schemas.topics import CONTENT, INBOUND, TRACKING
from streams.following import Follower
from streams.log import producer
from streams.reading import LogChanged

TOPIC = CONTENT.events.name


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnStack]:
    with own_stack(tmp_path_factory.mktemp("restored")) as opened:
        yield opened


@pytest.fixture(scope="module")
def stack(own: OwnStack) -> Settings:
    return own.settings


@pytest.fixture
def log(stack: Settings) -> Writer:
    return Writer(stack.need("kafka"), stack.partitions)


@pytest.fixture
def tenant() -> str:
    return f"t{uuid4().hex[:12]}"


def projects(log: Writer, tenant: str, names: Sequence[str]) -> list[Record[Data]]:
    """One stream each; every partition gets some."""
    return log.append(
        [log.record(ProjectCreated(each), "project", each, tenant) for each in names]
    )


def names(rows: Rows, tenant: str) -> list[str]:
    found = rows("SELECT name FROM read.projects WHERE tenant = %s", (tenant,))
    return sorted(str(row[0]) for row in found)


def facts(stack: Settings, tenant: str) -> list[str]:
    with closing(migrate.analyst_store(stack)) as store:
        found = store.query(
            "SELECT event_id FROM contentops.events WHERE tenant = {t:String}",
            parameters={"t": tenant},
        )
        return sorted(row[0] for row in found.result_rows)


def live(stack: Settings) -> Projection:
    """The facts that analysts see."""
    with psycopg.connect(stack.dsn("owner")) as connection:
        found = versions.shown(versions.every(connection), ANALYTICS)
    assert found is not None
    return found


def ids(records: Sequence[Record[Data]]) -> list[str]:
    return sorted(each.envelope.id for each in records)


def catch_up(
    stack: Settings, done: Callable[[], bool], *, sinking: bool = True
) -> None:
    """A projector and a sink, stepped by hand, until everything is there."""
    with closing(Projector(projector_source(stack, "by hand"))) as projector:
        if not sinking:
            eventually(lambda: (projector.step(), done())[1])
            return
        with closing(Sink(sink_source(stack, "by hand sink"), live(stack))) as sink:
            eventually(lambda: (projector.step(), sink.step(), done())[2])


def react(stack: Settings) -> None:
    """As the reactor reads: until there is nothing new, moving its position."""
    topics = [TOPIC]
    with Follower(stack.need("kafka"), stack.dsn("worker"), "reactor", topics) as one:
        quiet = 0
        while quiet < 4:
            batches = one.read(500, 0.5)
            quiet = 0 if batches else quiet + 1
            with one.moving(batches):
                pass


def test_the_record_before_the_position_may_reach_the_end_of_its_retention(
    stack: Settings,
) -> None:
    """Then there is nothing to compare with, and nothing was missed."""
    place, dsn = TopicPartition(INBOUND.name, 0), stack.dsn("worker")
    sent = producer(stack.need("kafka"))

    def follow(many: int) -> None:
        with Follower(stack.need("kafka"), dsn, "inbound", [INBOUND.name]) as one:
            for n in range(many):
                sent.produce(place.topic, b"", str(n).encode(), partition=0)
            assert not sent.flush(20)
            found = 0
            while found < many:
                for batch in one.read(100, 0.5):
                    found += batch.end - batch.start
                    with one.moving([batch]):
                        pass
            assert found == many

    follow(3)
    place.offset = 3
    client = topics.admin(stack)
    for future in client.delete_records([place]).values():
        future.result()
    follow(1)


def refused(stack: Settings, work: Callable[[], None]) -> str:
    with pytest.raises(LogChanged) as refusal:
        work()
    return str(refusal.value)


def readers(stack: Settings) -> dict[str, Callable[[], None]]:
    def never() -> bool:
        return False

    def sink() -> None:
        with closing(Sink(sink_source(stack, "by hand sink"), live(stack))) as one:
            eventually(lambda: (one.step(), False)[1], 20)

    return {
        "projector": lambda: catch_up(stack, never, sinking=False),
        "sink": sink,
        "reactor": lambda: react(stack),
    }


def test_a_log_that_lost_its_tail_stops_every_reader_and_is_healed(
    own: OwnStack, stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    kept = projects(log, tenant, [f"kept {n}" for n in range(8)])
    lost = projects(log, tenant, [f"lost {n}" for n in range(8)])
    first = {each.partition: each.offset for each in reversed(lost)}
    wanted = ids([*kept, *lost])
    catch_up(
        stack,
        lambda: len(names(rows, tenant)) == 16 and facts(stack, tenant) == wanted,
    )
    react(stack)

    with own.kafka_away() as logs:
        for partition, end in first.items():
            cut(logs / f"{TOPIC}-{partition}", end)

    for name, work in readers(stack).items():
        words = refused(stack, work)
        assert "were read" in words, name
        assert "contentops" in words.partition("run `")[2], name

    again = Writer(stack.need("kafka"), stack.partitions)
    new = projects(again, tenant, [f"new {n}" for n in range(40)])
    for name, work in readers(stack).items():
        assert "another record" in refused(stack, work), name

    said: list[str] = []
    assert not restored.visit(stack, said.append)
    assert any("grew again" in line for line in said)
    assert any("projection rebuild projects" in line for line in said)
    react(stack)  # it was set back, and goes on
    rebuild.rebuild(stack, None, lambda _: None, replace=True)
    shown = sorted([f"kept {n}" for n in range(8)] + [f"new {n}" for n in range(40)])
    wanted = ids([*kept, *new])
    catch_up(
        stack,
        lambda: names(rows, tenant) == shown and facts(stack, tenant) == wanted,
    )
    said.clear()
    assert restored.visit(stack, said.append), said


def test_a_postgres_from_a_backup_catches_up_by_itself(
    own: OwnStack, stack: Settings, log: Writer, tenant: str
) -> None:
    """Also where ClickHouse is newer: what it had too early is there once."""
    first = projects(log, tenant, [f"first {n}" for n in range(8)])
    catch_up(stack, lambda: facts(stack, tenant) == ids(first))
    own.back_up_postgres()
    second = projects(log, tenant, [f"second {n}" for n in range(8)])
    wanted = ids([*first, *second])
    catch_up(stack, lambda: facts(stack, tenant) == wanted)

    own.restore_postgres()
    third = projects(log, tenant, ["third"])
    wanted = ids([*first, *second, *third])
    catch_up(stack, lambda: facts(stack, tenant) == wanted)
    said: list[str] = []
    assert restored.visit(stack, said.append), said


def test_a_clickhouse_from_a_backup_is_mended_by_the_doctor(
    stack: Settings, log: Writer, tenant: str
) -> None:
    sent = projects(log, tenant, [f"name {n}" for n in range(8)])
    catch_up(stack, lambda: facts(stack, tenant) == ids(sent))
    with closing(migrate.analyst_store(stack)) as store:
        store.command(
            f"DELETE FROM {name_of(live(stack), 'events')} WHERE tenant = {{t:String}}",
            parameters={"t": tenant},
        )
    assert facts(stack, tenant) == []

    assert restored.visit(stack, lambda _: None)
    assert facts(stack, tenant) == ids(sent)


def test_a_topic_that_was_made_anew_stops_the_reader(
    stack: Settings, rows: Rows
) -> None:
    """Its records are gone, and its first offsets mean something else."""
    with closing(Projector(projector_source(stack, "by hand"))) as projector:
        eventually(lambda: (projector.step(), projector.assigned())[1] != [])
    client = topics.admin(stack)
    client.delete_topics([TRACKING.name])[TRACKING.name].result()
    eventually(lambda: TRACKING.name not in client.list_topics(timeout=10).topics)
    topics.make(stack)

    work = readers(stack)["projector"]
    words = refused(stack, work)
    assert TRACKING.name in words
    assert "projection rebuild" in words
    said: list[str] = []
    assert not restored.visit(stack, said.append)
    assert any("another topic" in line for line in said)

    rows("DELETE FROM coordination.positions WHERE topic = %s", (TRACKING.name,))
    assert restored.visit(stack, said.append)
