"""The sink is killed at every point; every fact lies there once, without any merge."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from msgspec import structs

from fixtures.fix_facts import Build
from fixtures.fix_records import Writer, eventually, story
from infra.settings import Settings
from projections import facts, plans
from projections.sink import Sink
from projections.table import Row
from schemas.envelope import Record
from schemas.registry import Data
from streams.positions import Fenced


@pytest.fixture(scope="module")
def stack(written_stack: Settings) -> Settings:
    return written_stack


@pytest.fixture
def records(log: Writer) -> list[Record[Data]]:
    return log.append(story(log, f"t{uuid4().hex}"))


POINTS = (
    "sink.planning:1",
    "sink.planned:1",
    "sink.between_tables:1",
    "sink.between_tables:4",
    "sink.inserted:1",
)


def test_a_kill_loses_nothing_and_doubles_nothing(log: Writer, build: Build) -> None:
    """Each after the one before was made good, so the kill meets a new plan."""
    for point in POINTS:
        log.append(story(log, f"t{uuid4().hex}"))
        build.killed(point)
        assert build.plans() or point.startswith("sink.planning")
        build.catch_up()
        assert not build.wrong(), point


def test_killed_again_while_mending_a_table_that_is_half_there(
    records: list[Record[Data]], build: Build
) -> None:
    build.killed("sink.inserted:1")
    build.killed("sink.mending:1")
    build.store.command(f"DELETE FROM {build.name()} WHERE _off % 2 = 0")
    build.killed("sink.deleted:1")

    build.catch_up()
    assert not build.wrong()


def test_a_plan_that_nobody_mends_is_seen_by_the_oracle(
    records: list[Record[Data]], build: Build
) -> None:
    """The planted fault: the comparison of these tests can fail."""
    build.killed("sink.between_tables:1")
    build.rows("DELETE FROM coordination.ch_plan WHERE reader = %s", (build.reader,))
    build.catch_up()

    assert build.wrong()


def test_rules_that_changed_between_plan_and_retry(
    records: list[Record[Data]], build: Build
) -> None:
    """Also where nothing of the old rules had been inserted yet."""
    build.killed("sink.between_tables:4")

    def other(record: Record[Data]) -> list[Row]:
        return [
            Row(row.table, {**row.values, "tenant": "other"})
            for row in build.projection.project(record)
        ]

    build.catch_up(other)
    assert not build.wrong()
    for table in build.projection.tables:
        answer = build.store.query(
            f"SELECT DISTINCT tenant FROM {build.name(table.name)}"
        )
        assert answer.result_rows == [("other",)]


def test_a_frozen_owner_cannot_confirm_and_its_late_insert_is_dropped(
    records: list[Record[Data]], build: Build
) -> None:
    build.killed("sink.planned:1")
    frozen = build.frozen()
    build.killed("sink.between_tables:1")
    with build.connection() as connection, pytest.raises(Fenced):
        plans.confirm(connection, build.reader, frozen)
    assert len(build.plans()) == len(frozen)

    build.catch_up()
    build.insert(frozen)
    assert not build.wrong()


def test_a_late_owner_takes_no_rows_of_the_next_for_leftovers(
    records: list[Record[Data]], build: Build
) -> None:
    """It claims, is overtaken, and only then looks for rows beyond its positions."""
    slow = structs.replace(build.source, group="slow")
    with closing(Sink(slow, build.projection)) as late:
        eventually(lambda: late._reader.read(1, 0.1) and late._fresh)
        build.catch_up()
        with pytest.raises(Fenced):
            late._begin()
    assert not build.wrong()


def test_who_takes_over_waits_for_a_deletion_under_way(
    records: list[Record[Data]], build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.killed("sink.inserted:1")
    build.store.command(f"DELETE FROM {build.name()} WHERE _off % 2 = 0")
    delete, others = facts.delete, ThreadPoolExecutor(1)

    def overtaken(*given: Any) -> None:
        if not taken:
            taken.append(others.submit(build.catch_up))
            assert not wait(taken, 2).done
        delete(*given)

    taken: list[Future[None]] = []
    slow = structs.replace(build.source, group="slow")
    with closing(Sink(slow, build.projection)) as opened:
        monkeypatch.setattr(facts, "delete", overtaken)
        with pytest.raises(Fenced):
            eventually(opened.read, 10)
    taken[0].result(60)
    assert not build.wrong()


def test_positions_out_of_a_backup_double_nothing(
    records: list[Record[Data]], log: Writer, build: Build
) -> None:
    build.catch_up()
    kept = build.rows(
        "SELECT topic, partition, next_offset, log_epoch, log_owner, log_n, mark"
        " FROM coordination.positions WHERE reader = %s",
        (build.reader,),
    )
    counted = build.rows(
        "SELECT * FROM coordination.ch_confirmed WHERE reader = %s", (build.reader,)
    )
    log.append(story(log, f"t{uuid4().hex}"))
    build.catch_up()
    for topic, partition, *where in kept:
        build.rows(
            "UPDATE coordination.positions SET next_offset = %s, log_epoch = %s,"
            " log_owner = %s, log_n = %s, mark = %s"
            " WHERE reader = %s AND topic = %s AND partition = %s",
            (*where, build.reader, topic, partition),
        )
    build.rows(
        "DELETE FROM coordination.ch_confirmed WHERE reader = %s", (build.reader,)
    )
    for row in counted:
        build.rows(
            "INSERT INTO coordination.ch_confirmed VALUES (%s, %s, %s, %s, %s, %s, %s)",
            row,
        )
    build.catch_up()
    assert not build.wrong()
