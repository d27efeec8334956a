"""Facts that were lost or doubled behind the sink's back are found and mended."""

from collections.abc import Callable
from contextlib import closing
from uuid import uuid4

import pytest

from fixtures.fix_facts import Build
from fixtures.fix_read_side import running
from fixtures.fix_records import Writer, eventually, story
from infra import reconcile
from infra.problem import Stop
from infra.reconcile import Report, Stores
from infra.settings import Settings
from projections import sink, versions
from projections.registry import ANALYTICS
from schemas.envelope import Record
from schemas.registry import Data
from streams.rulings import Rulings


@pytest.fixture(scope="module")
def stack(written_stack: Settings) -> Settings:
    return written_stack


@pytest.fixture
def records(log: Writer) -> list[Record[Data]]:
    return log.append(story(log, f"t{uuid4().hex}"))


@pytest.fixture
def full(records: list[Record[Data]], build: Build) -> Build:
    build.catch_up()
    return build


def compared(build: Build, *, repair: bool = True) -> Report:
    with build.connection() as connection:
        connection.autocommit = True
        kafka, rulings = build.source.kafka, Rulings.load(build.source.kafka)
        stores = Stores(kafka, connection, build.store, rulings, build.projection)
        return reconcile.compare(stores, repair=repair)


def test_all_is_as_confirmed(full: Build) -> None:
    report = compared(full)

    assert report.right
    assert report.compared > len(full.projection.tables)


def lose_some(build: Build) -> None:
    build.store.command(
        f"DELETE FROM {build.name()} WHERE cityHash64(event_id) % 3 = 0"
    )


def lose_all(build: Build) -> None:
    for table in build.projection.tables:
        build.store.command(f"TRUNCATE TABLE {build.name(table.name)}")


def double_some(build: Build) -> None:
    name = build.name("publications")
    build.store.command(f"INSERT INTO {name} SELECT * FROM {name} LIMIT 1")


def lose_one_and_double_another(build: Build) -> None:
    """The count is right, so only the checksum tells."""
    name = build.name("events")
    one, other = build.store.query(
        f"SELECT event_id FROM {name} WHERE _topic LIKE '%content%' LIMIT 2"
    ).result_rows
    build.store.command(
        f"INSERT INTO {name} SELECT * FROM {name} WHERE event_id = '{one[0]}'"
    )
    build.store.command(f"DELETE FROM {name} WHERE event_id = '{other[0]}'")


def insert_late(build: Build) -> None:
    """A frozen owner after the server has forgotten its tokens."""
    name = build.name("leads")
    build.store.command(f"INSERT INTO {name} SELECT * FROM {name}")


HARMS: tuple[Callable[[Build], None], ...] = (
    lose_all,
    double_some,
    lose_one_and_double_another,
    insert_late,
)


def test_harm_is_found_and_mended(full: Build) -> None:
    """One after the other, so each mending also starts from a mended build."""
    for harm in HARMS:
        harm(full)
        found = compared(full, repair=False)
        assert not found.right, harm
        assert {each.outcome for each in found.differences} == {"found"}
        assert full.wrong()

        mended = compared(full)
        assert not mended.right
        assert {each.outcome for each in mended.differences} <= {"repaired", "merged"}
        assert not full.wrong()
        assert compared(full).right


def test_beside_a_running_sink(log: Writer, build: Build) -> None:
    """It never takes what is under way for a loss, and repairs what is one."""

    def settled() -> bool:
        return build.standing() == build.ends() and not build.plans()

    sent: list[Record[Data]] = []
    with running(lambda stop: sink.run(build.source, stop, build.projection)):
        sent += log.append(story(log, f"t{uuid4().hex}"))
        eventually(lambda: bool(build.there()["events"]), 60)
        for mark in range(6):
            sent += log.append(story(log, f"t{uuid4().hex}", str(mark)))
            assert compared(build).right
        eventually(settled, 60)
        lose_some(build)
        sent += log.append(story(log, f"t{uuid4().hex}"))
        mended = compared(build)
        eventually(settled, 60)
    assert {each.outcome for each in mended.differences} == {"repaired"}
    assert len(sent) > 7 * 20
    assert not build.wrong()


def test_what_the_log_does_not_give_is_left_alone(full: Build) -> None:
    full.rows(
        "UPDATE coordination.ch_confirmed SET rows = rows + 1"
        " WHERE reader = %s AND name = 'leads'",
        (full.reader,),
    )
    before = full.there()
    report = compared(full)

    assert {each.outcome for each in report.differences} == {"kept"}
    assert not report.right
    assert full.there() == before


def test_a_repeated_observation_that_was_merged_is_right(
    log: Writer, build: Build
) -> None:
    *_, once = story(log, f"t{uuid4().hex}")
    again = log.append([once, once])[-1]
    build.catch_up()
    assert sum(build.there()["publication_metrics"].values()) > 1
    build.store.command(f"OPTIMIZE TABLE {build.name('publication_metrics')} FINAL")
    build.store.command(f"OPTIMIZE TABLE {build.name()} FINAL")
    assert build.there() != build.oracle()

    report = compared(build)
    assert report.right
    assert {each.outcome for each in report.differences} == {"merged"}
    build.rule_out((again.topic, again.partition, again.offset))


def test_an_open_plan_is_left_to_its_sink(full: Build, log: Writer) -> None:
    log.append(story(log, f"t{uuid4().hex}"))
    full.killed("sink.between_tables:1")
    assert full.plans()
    assert compared(full).right

    full.catch_up()
    assert not full.wrong()


def test_two_at_a_time_are_refused(stack: Settings, full: Build) -> None:
    with closing(full.connection()) as other:
        for each in versions.fed(other, [ANALYTICS]):
            other.execute(reconcile.LOCK, (each.reader,))
        with pytest.raises(Stop, match="under way"):
            reconcile.reconcile(stack, lambda _: None)
