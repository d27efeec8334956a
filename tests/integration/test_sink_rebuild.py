"""The facts are built anew beside the old ones, compared, shown, and shown back."""

from uuid import uuid4

import pytest
from clickhouse_connect.driver.client import Client

from fixtures.fix_facts import Build
from fixtures.fix_read_side import Rows
from fixtures.fix_records import BEGAN, Writer, eventually, story
from infra import migrate, rebuild_analytics
from infra.problem import Stop
from infra.settings import Settings
from projections import facts, versions
from projections.registry import ANALYTICS
from schemas.observations import MetricsObserved


@pytest.fixture(scope="module")
def stack(written_stack: Settings) -> Settings:
    return written_stack


def live(stack: Settings) -> str:
    with migrate.connect(stack) as connection:
        found = versions.shown(versions.every(connection), ANALYTICS)
        assert found is not None
        return found.label


def seen(store: Client, tenant: str) -> int:
    found = store.query(
        "SELECT count() FROM contentops.events_unique WHERE tenant = {t:String}",
        parameters={"t": tenant},
    )
    return int(found.result_rows[0][0])


def test_beside_compared_switched_back_and_retired(
    sinking: None, log: Writer, stack: Settings, store: Client
) -> None:
    tenant = f"t{uuid4().hex}"
    sent = log.append(story(log, tenant))
    there = sum(".log." not in each.envelope.type for each in sent)
    eventually(lambda: seen(store, tenant) == there, 60)
    said: list[str] = []
    before = live(stack)
    rebuild_analytics.rebuild(stack, said.append)
    assert live(stack) == before
    with pytest.raises(Stop, match="not found equal"):
        rebuild_analytics.switch(stack, said.append)
    assert rebuild_analytics.verify(stack, said.append), said

    rebuild_analytics.switch(stack, said.append)
    new = live(stack)
    assert new != before
    assert seen(store, tenant) == there
    log.append(story(log, tenant, "2"))
    eventually(lambda: seen(store, tenant) == 2 * there, 60)

    rebuild_analytics.switch(stack, said.append, to=int(before[1:]))
    assert live(stack) == before
    eventually(lambda: seen(store, tenant) == 2 * there, 60)
    rebuild_analytics.retire(stack, say=said.append)
    assert said[-1] == f"analytics {new} is gone"
    with pytest.raises(Stop, match="shown"):
        rebuild_analytics.retire(stack, int(before[1:]))


def test_a_difference_is_found(
    sinking: None, log: Writer, stack: Settings, store: Client, rows: Rows
) -> None:
    tenant = f"t{uuid4().hex}"
    sent = log.append(story(log, tenant))
    there = sum(".log." not in each.envelope.type for each in sent)
    eventually(lambda: seen(store, tenant) == there, 60)
    said: list[str] = []
    rebuild_analytics.rebuild(stack, said.append)
    with migrate.connect(stack) as connection:
        new = versions.of(connection, ANALYTICS.name)[-1].of(ANALYTICS)
    store.command(
        f"DELETE FROM {facts.name_of(new, 'leads')} WHERE tenant = {{t:String}}",
        parameters={"t": tenant},
    )
    assert not rebuild_analytics.verify(stack, said.append)
    assert f"leads of {tenant} differs" in said
    rebuild_analytics.retire(stack, say=said.append)


def test_a_record_without_rows_stops_a_rebuild_until_it_is_ruled_out(
    log: Writer, stack: Settings, build: Build
) -> None:
    metrics = MetricsObserved("p", "bilibili", BEGAN, -1, 1, 1, 1)
    log.append([log.record(metrics, "publication", uuid4().hex)])
    with pytest.raises(Stop, match="parked drop analytics"):
        rebuild_analytics.rebuild(stack, lambda _: None)
    build.catch_up()
    build.rule_out()

    rebuild_analytics.rebuild(stack, lambda _: None)
    rebuild_analytics.retire(stack, say=lambda _: None)
