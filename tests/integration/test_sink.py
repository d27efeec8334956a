"""The sink on a real ClickHouse: every fact once, whoever is killed in between."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from clickhouse_connect.driver.client import Client

from fixtures.fix_read_side import Rows, running, sink_source
from fixtures.fix_records import Writer, eventually, story
from infra import migrate, rebuild
from infra.settings import Settings
from projections import clickhouse, sink
from projections.analytics.query import PERFORMANCE
from projections.registry import ANALYTICS
from projections.sink import Faults, Sink
from schemas.envelope import Record
from schemas.events.content import ProjectCreated
from schemas.registry import Data


class Killed(Exception):
    """Stands in for a kill: nothing after this point happens."""


def kill() -> None:
    raise Killed


@pytest.fixture(scope="module")
def stack(written_stack: Settings) -> Settings:
    return written_stack


@pytest.fixture(scope="module")
def log(stack: Settings) -> Writer:
    return Writer(stack.need("kafka"), stack.partitions)


@pytest.fixture
def tenant() -> str:
    return f"t{uuid4().hex}"


@pytest.fixture
def store(stack: Settings) -> Iterator[Client]:
    client = migrate.analyst_store(stack)
    yield client
    client.close()


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


def step_until(one: Sink, store: Client, tenant: str, wanted: list[str]) -> None:
    def there() -> bool:
        one.step()
        return stored(store, tenant) == wanted

    eventually(there, 60)


@pytest.fixture
def caught_up(stack: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what a test appends is the only thing left to be put in."""
    monkeypatch.setattr(rebuild, "ANSWER_S", 0.1)
    rebuild.rebuild(stack, ANALYTICS.name, lambda _: None)


def step_until_killed(one: Sink) -> None:
    with pytest.raises(Killed):
        for _ in iter(one.step, object()):
            pass
    one.close()


def test_the_business_is_seen_in_one_row_per_publication(
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


@pytest.mark.parametrize(
    "faults",
    [Faults(before_insert=kill), Faults(before_confirm=kill)],
    ids=["planned, not inserted", "inserted, not confirmed"],
)
def test_a_kill_loses_nothing_and_doubles_nothing(
    caught_up: None,
    faults: Faults,
    log: Writer,
    stack: Settings,
    store: Client,
    rows: Rows,
    tenant: str,
) -> None:
    records = log.append(story(log, tenant))
    step_until_killed(Sink(sink_source(stack, "kill"), faults=faults))
    assert open_plans(rows) > 0

    other = Sink(sink_source(stack, "kill"))
    step_until(other, store, tenant, expected(records))
    other.close()
    assert open_plans(rows) == 0


def test_a_range_that_is_half_there_is_made_whole(
    caught_up: None,
    log: Writer,
    stack: Settings,
    store: Client,
    rows: Rows,
    tenant: str,
) -> None:
    """Also for a hash that differs: the log is right, what lies there is not."""
    records = log.append(story(log, tenant))
    step_until_killed(
        Sink(sink_source(stack, "half"), faults=Faults(before_confirm=kill))
    )
    gone = expected(records)[0]
    store.command(
        "DELETE FROM contentops.events WHERE event_id = {id:String}",
        parameters={"id": gone},
    )
    rows(
        "UPDATE coordination.ch_plan SET sha256 = 'another' WHERE topic LIKE '%%lead%%'"
    )

    other = Sink(sink_source(stack, "half"))
    step_until(other, store, tenant, expected(records))
    other.close()


def test_killed_again_while_mending(
    caught_up: None,
    log: Writer,
    stack: Settings,
    store: Client,
    rows: Rows,
    tenant: str,
) -> None:
    """The token was renewed before the rows went: the repeat is not taken for done."""
    records = log.append(story(log, tenant))
    step_until_killed(
        Sink(sink_source(stack, "twice"), faults=Faults(before_confirm=kill))
    )
    rows("UPDATE coordination.ch_plan SET token = 'fresh' || token")
    store.command(
        "DELETE FROM contentops.events WHERE tenant = {t:String}",
        parameters={"t": tenant},
    )

    other = Sink(sink_source(stack, "twice"))
    step_until(other, store, tenant, expected(records))
    other.close()


def test_positions_out_of_a_backup_double_nothing(
    caught_up: None,
    log: Writer,
    stack: Settings,
    store: Client,
    rows: Rows,
    tenant: str,
) -> None:
    backup = rows(
        "SELECT topic, partition, next_offset, log_epoch, log_owner, log_n"
        " FROM coordination.positions WHERE reader = %s",
        (ANALYTICS.reader,),
    )
    records = log.append(story(log, tenant))
    one = Sink(sink_source(stack, "backup"))
    step_until(one, store, tenant, expected(records))
    one.close()
    for topic, partition, *where in backup:
        rows(
            "UPDATE coordination.positions SET next_offset = %s, log_epoch = %s,"
            " log_owner = %s, log_n = %s"
            " WHERE reader = %s AND topic = %s AND partition = %s",
            (*where, ANALYTICS.reader, topic, partition),
        )
    more = log.append([log.record(ProjectCreated("after"), "project", "x", tenant)])
    other = Sink(sink_source(stack, "backup"))
    step_until(other, store, tenant, expected([*records, *more]))
    other.close()


def test_two_sinks_take_turns_and_double_nothing(
    caught_up: None,
    log: Writer,
    stack: Settings,
    store: Client,
    tenant: str,
) -> None:
    """Two of different groups, so both believe that all partitions are theirs."""
    first, second = sink_source(stack, "first"), sink_source(stack, "second")
    with (
        running(lambda stop: sink.run(first, stop)),
        running(lambda stop: sink.run(second, stop)),
    ):
        records = [r for mark in "123" for r in story(log, tenant, mark)]
        sent = log.append(records)
        eventually(lambda: unique(store, tenant) == expected(sent), 60)


def unique(store: Client, tenant: str) -> list[str]:
    found = store.query(
        "SELECT event_id FROM contentops.events_unique WHERE tenant = {t:String}",
        parameters={"t": tenant},
    )
    return sorted(row[0] for row in found.result_rows)


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


def test_analysts_find_no_personal_data(
    sinking: None,
    log: Writer,
    stack: Settings,
    store: Client,
    rows: Rows,
    tenant: str,
) -> None:
    records = log.append(story(log, tenant))
    eventually(lambda: all_in(store, rows, tenant, records), 60)
    person = records[-3].data.subject_id
    for table in ANALYTICS.tables:
        found = store.query(
            f"SELECT * FROM contentops.{table.name} WHERE tenant = {{t:String}}",
            parameters={"t": tenant},
        )
        assert found.result_rows
        assert person not in str(found.result_rows)
        assert "cipher" not in str(found.result_rows)


def test_an_analyst_reads_and_cannot_write(stack: Settings, store: Client) -> None:
    analyst = clickhouse.connect(
        stack.need("clickhouse"), "analyst", stack.clickhouse_password("analyst")
    )
    assert analyst.query("SELECT count() FROM contentops.publication_performance")
    with pytest.raises(clickhouse.DatabaseError):
        analyst.command("TRUNCATE TABLE contentops.events")
    analyst.close()


def test_an_open_plan_needs_its_position(
    caught_up: None,
    stack: Settings,
    log: Writer,
    rows: Rows,
) -> None:
    """Plan and position are one transaction: no plan reaches beyond its position."""
    log.append(story(log, "acme", uuid4().hex))
    step_until_killed(
        Sink(sink_source(stack, "both"), faults=Faults(before_insert=kill))
    )
    beyond = rows(
        "SELECT * FROM coordination.ch_plan c JOIN coordination.positions p"
        " USING (reader, topic, partition) WHERE c.to_offset <> p.next_offset"
    )
    assert beyond == []
