"""Records without rows: parked and named, while all else flows into ClickHouse."""

from collections.abc import Iterable
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from msgspec import structs

from fixtures.fix_cut import Cut
from fixtures.fix_facts import Build
from fixtures.fix_records import BEGAN, Writer, eventually, story
from infra.release import Released, release
from infra.settings import Settings
from projections.serving import NeedsPerson
from projections.sink import Sink
from projections.table import Row
from schemas.envelope import Record, encode
from schemas.events.content import ProjectCreated
from schemas.observations import MetricsObserved
from schemas.registry import Data


@pytest.fixture(scope="module")
def stack(written_stack: Settings) -> Settings:
    return written_stack


@pytest.fixture
def records(log: Writer) -> list[Record[Data]]:
    return log.append(story(log, f"t{uuid4().hex}"))


def seen(log: Writer, views: int) -> Record[Data]:
    metrics = MetricsObserved("p", "bilibili", BEGAN, views, 1, 1, 1)
    return log.record(metrics, "publication", uuid4().hex)


def stranger(record: Record[Data]) -> Record[Data]:
    envelope = structs.replace(record.envelope, owner="a stranger")
    return structs.replace(record, envelope=envelope)


def test_a_row_that_clickhouse_refuses_is_parked_alone(
    log: Writer, records: list[Record[Data]], build: Build
) -> None:
    """Its table takes no negative number; the same batch has good rows around it."""
    sent = log.append([seen(log, views) for views in (1, 2, -3, 4, -5, 6)])
    bad = {each.envelope.id for each in (sent[2], sent[4])}
    build.catch_up()

    assert build.parked().keys() == bad
    assert all("-" in reason for reason in build.parked().values())
    assert not build.wrong()


def test_a_kill_between_refusal_and_retry_loses_nothing(
    log: Writer, records: list[Record[Data]], build: Build
) -> None:
    (bad,) = log.append([seen(log, -1)])
    build.killed("sink.mending:1")
    build.catch_up()

    assert bad.envelope.id in build.parked()
    assert not build.wrong()


def test_a_record_that_the_rules_fail_on_is_parked_alone(
    records: list[Record[Data]], build: Build
) -> None:
    bad = next(each for each in records if isinstance(each.data, ProjectCreated))

    def project(record: Record[Data]) -> Iterable[Row]:
        if record.envelope.id == bad.envelope.id:
            raise ZeroDivisionError("by a mistake")
        return build.projection.project(record)

    build.catch_up(project)

    assert "by a mistake" in build.parked()[bad.envelope.id]
    assert not build.wrong()

    # Those rules were mended: it is taken up, also after a kill in the middle.
    build.store.command(
        f"INSERT INTO {build.name()} (event_id, _topic, _partition, _off) VALUES"
        f" ('{bad.envelope.id}', '{bad.topic}', {bad.partition}, {bad.offset})"
    )
    assert release(build.stack, build.reader, bad.envelope.key) == Released(1, 0)
    assert bad.envelope.id not in build.parked()
    assert not build.wrong()
    assert not build.unconfirmed()


def test_what_clickhouse_refuses_stays_parked_with_the_reason(
    log: Writer, build: Build
) -> None:
    (bad,) = log.append([seen(log, -7)])
    build.catch_up()
    found = release(build.stack, build.reader, bad.envelope.key)

    assert (found.taken, found.left) == (0, 1)
    assert "-" in found.reason
    assert bad.envelope.id in build.parked()
    assert not build.wrong()
    assert not build.unconfirmed()


def test_what_cannot_be_read_is_parked_and_what_is_void_is_skipped(
    log: Writer, stack: Settings, build: Build
) -> None:
    odd = seen(log, 1)
    void = log.record(ProjectCreated("a stranger"), "project", uuid4().hex)
    raw = Producer({"bootstrap.servers": stack.need("kafka")})
    for record, value in ((odd, b"no json"), (stranger(void), b"{}")):
        key, (_, headers) = record.envelope.key.encode(), encode(record)
        raw.produce(record.topic, value, key, record.partition, headers=headers)
    raw.flush(20)
    # The record that the stranger stands for was never written by its owner.
    log.claim((void.topic, void.partition))
    good = log.append([seen(log, 1)])
    build.catch_up()

    assert odd.envelope.id in build.parked()
    assert good[0].envelope.id in {id_ for id_, _ in build.there()["events"]}
    assert not build.wrong()


def test_clickhouse_away_for_a_while(
    log: Writer, records: list[Record[Data]], build: Build, cut: Cut
) -> None:
    """It waits, keeps nothing in memory, and goes on where its plan stands."""
    source = build.through(cut)
    opened = Sink(source, build.projection)
    opened.step()
    cut.off()
    log.append([seen(log, 7)])
    with pytest.raises(NeedsPerson):
        eventually(lambda: bool(opened.step()), 20)
    opened.close()
    with pytest.raises(NeedsPerson):
        Sink(source, build.projection)
    cut.on()
    build.catch_up()

    assert not build.wrong()
