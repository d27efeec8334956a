"""The sink on a real ClickHouse, as analysts see what it brings."""

from uuid import uuid4

import pytest
from clickhouse_connect.driver.client import Client
from msgspec import structs

from fixtures.fix_facts import Build
from fixtures.fix_read_side import Rows, running
from fixtures.fix_records import Writer, eventually, story
from infra import rebuild
from infra.settings import Settings
from projections import clickhouse, sink
from projections.analytics.query import PERFORMANCE
from projections.registry import ANALYTICS
from schemas.envelope import Record
from schemas.registry import Data


@pytest.fixture(scope="module")
def stack(written_stack: Settings) -> Settings:
    return written_stack


@pytest.fixture
def tenant() -> str:
    return f"t{uuid4().hex}"


def stored(store: Client, tenant: str) -> list[str]:
    """Ids of events as they lie in the raw table, duplicates and all."""
    found = store.query(
        "SELECT event_id FROM contentops.events WHERE tenant = {t:String}",
        parameters={"t": tenant},
    )
    return sorted(row[0] for row in found.result_rows)


def expected(records: list[Record[Data]]) -> list[str]:
    return sorted(
        record.envelope.id for record in records if ".log." not in record.envelope.type
    )


def open_plans(rows: Rows) -> int:
    return int(str(rows("SELECT count(*) FROM coordination.ch_plan")[0][0]))


def all_in(store: Client, rows: Rows, tenant: str, records: list[Record[Data]]) -> bool:
    """Events go in first, so the other tables follow when the plans are confirmed."""
    return stored(store, tenant) == expected(records) and open_plans(rows) == 0


def test_the_business_is_seen_in_one_row_per_publication_and_no_person(
    sinking: None,
    log: Writer,
    stack: Settings,
    store: Client,
    rows: Rows,
    tenant: str,
) -> None:
    records = log.append(story(log, tenant))
    eventually(lambda: all_in(store, rows, tenant, records), 60)
    found = store.query(
        PERFORMANCE, parameters={"tenant": tenant, "platform": "", "limit": 10}
    )
    (row,) = [
        dict(zip(found.column_names, each, strict=True)) for each in found.result_rows
    ]

    assert (row["views"], row["likes"], row["shares"], row["comments"]) == (
        200,
        10,
        5,
        5,
    )
    assert row["interaction_rate"] == pytest.approx(0.1)
    assert row["completion_rate"] == pytest.approx(0.5)
    assert (row["leads"], str(row["ai_cost"]), row["media_seconds"]) == (
        1,
        "0.001500",
        5.0,
    )
    assert row["published_at"] is not None
    no_personal_data(store, tenant, records)


def no_personal_data(store: Client, tenant: str, records: list[Record[Data]]) -> None:
    person = records[-3].data.subject_id
    for table in ANALYTICS.tables:
        found = store.query(
            f"SELECT * FROM contentops.{table.name} WHERE tenant = {{t:String}}",
            parameters={"t": tenant},
        )
        assert found.result_rows
        assert person not in str(found.result_rows)
        assert "cipher" not in str(found.result_rows)


def test_two_sinks_take_turns_and_double_nothing(log: Writer, build: Build) -> None:
    """Two of different groups, so both believe that all partitions are theirs."""
    first = structs.replace(build.source, group="first")
    second = structs.replace(build.source, group="second")
    with (
        running(lambda stop: sink.run(first, stop, build.projection)),
        running(lambda stop: sink.run(second, stop, build.projection)),
    ):
        for mark in "12":
            log.append(story(log, f"t{uuid4().hex}", mark))
        eventually(lambda: build.standing() == build.ends() and not build.plans(), 60)
    assert not build.wrong()


def test_a_dropped_database_comes_back_with_the_same_answers(
    sinking: None,
    log: Writer,
    stack: Settings,
    store: Client,
    rows: Rows,
    tenant: str,
) -> None:
    records = log.append(story(log, tenant))
    eventually(lambda: all_in(store, rows, tenant, records), 60)
    ask = (
        "SELECT * FROM contentops.publication_performance"
        " WHERE tenant = {t:String} ORDER BY publication_id"
    )
    before = store.query(ask, parameters={"t": tenant}).result_rows
    store.command("DROP DATABASE contentops SYNC")
    rebuild.rebuild(stack, "analytics", lambda _: None)

    assert store.query(ask, parameters={"t": tenant}).result_rows == before
    assert stored(store, tenant) == expected(records)


def test_an_analyst_reads_and_cannot_write(stack: Settings, store: Client) -> None:
    analyst = clickhouse.connect(
        stack.need("clickhouse"), "analyst", stack.clickhouse_password("analyst")
    )
    assert analyst.query("SELECT count() FROM contentops.publication_performance")
    with pytest.raises(clickhouse.DatabaseError):
        analyst.command("TRUNCATE TABLE contentops.events")
    analyst.close()
