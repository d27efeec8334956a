"""The projector on real servers: once each, in time, and never lost."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import msgspec
import psycopg
import pytest
from msgspec import structs

from fixtures.fix_ai_story import ai_story
from fixtures.fix_read_side import FakeTables, Rows, projector_source, running
from fixtures.fix_records import Chronicle, Writer, eventually, headers_of, story
from infra import migrate, rebuild
from infra.problem import Stop
from infra.settings import Settings
from projections import install, runner, versions, writer
from projections.changes import query as changes
from projections.claims import Claims
from projections.copies import query as copies
from projections.history import query as history
from projections.projecting import rows_of
from projections.publications import query as publications
from projections.registry import PROJECTIONS
from projections.runner import Projector
from projections.table import Projection, Table, Value
from schemas.envelope import Record
from schemas.events.content import ProjectCreated
from schemas.registry import Data
from schemas.topics import CONTENT, PARKED
from streams.positions import Fenced
from streams.reading import Batch

SPOILT = "a zero \x00 in the name"


@pytest.fixture(scope="module")
def stack(written_stack: Settings) -> Settings:
    return written_stack


@pytest.fixture
def tenant() -> str:
    return f"t{uuid4().hex}"


@pytest.fixture
def own(stack: Settings) -> Iterator[Projector]:
    """A projector that the test itself steps."""
    projector = Projector(projector_source(stack, "by hand"))
    yield projector
    projector.close()


def at_live_version(stack: Settings) -> list[Projection]:
    with psycopg.connect(stack.dsn("owner")) as owner:
        found = versions.every(owner)
    return [each for p in PROJECTIONS if (each := versions.shown(found, p))]


def current(rows: Rows, name: str) -> str:
    """The reader of the version that people see."""
    query = (
        "SELECT name || '.v' || version FROM coordination.projections"
        " WHERE name = %s AND state = 'live'"
    )
    return str(rows(query, (name,))[0][0])


def decided(records: list[Record[Data]]) -> list[Record[Data]]:
    return [record for record in records if record.topic.endswith(".events.v1")]


def shown(rows: Rows, records: list[Record[Data]]) -> bool:
    """Every decision is an operation, every observation is in history."""
    commands = [record.envelope.causation for record in decided(records)]
    seen = [r.envelope.id for r in records if not r.topic.endswith(".events.v1")]
    query = (
        "SELECT (SELECT count(*) FROM read.operations WHERE id = ANY(%s)),"
        " (SELECT count(*) FROM read.history WHERE id = ANY(%s))"
    )
    return rows(query, (commands, seen)) == [(len(commands), len(seen))]


def everything(rows: Rows, tenant: str) -> dict[str, list[tuple[object, ...]]]:
    """All rows of a tenant, table by table, in one order."""
    return {
        table.name: sorted(
            rows(
                f"SELECT to_jsonb(t)::text FROM read.{table.name} t WHERE tenant = %s",
                (tenant,),
            )
        )
        for projection in PROJECTIONS
        for table in projection.tables
    }


def step_until(own: Projector, rows: Rows, records: list[Record[Data]]) -> None:
    def there() -> bool:
        own.step()
        return shown(rows, records)

    eventually(there)


def read_on(own: Projector) -> None:
    """Long enough for the look at positions that nothing moves."""
    for _ in range(50):
        own.read()


def as_stored(table: Table, values: dict[str, Value]) -> dict[str, object]:
    return {
        name: msgspec.json.decode(msgspec.json.encode(value))
        if name in table.json
        else (list(value) if isinstance(value, tuple) else value)
        for name, value in values.items()
        if is_plain(name, value)
    }


def is_plain(name: str, value: object) -> bool:
    """Postgres has defaults, and writes the words of a search in a way of its own."""
    default = value is None or value is False or value in ("", [], ())
    return not default and not name.endswith("words")


def test_real_tables_keep_the_rules_of_the_contract(
    projecting: None, log: Writer, rows: Rows, stack: Settings, tenant: str
) -> None:
    """The fake of the contract suite and Postgres agree, column by column."""
    records = log.append(story(log, tenant))
    eventually(lambda: shown(rows, records))
    with psycopg.connect(
        stack.dsn("owner"), row_factory=psycopg.rows.dict_row
    ) as owner:
        for projection in at_live_version(stack):
            fake = FakeTables()
            fake.apply(projection, records)
            for table in projection.tables:
                query = f"SELECT * FROM {projection.schema}.{table.name} t"
                found = owner.execute(f"{query} WHERE tenant = %s", (tenant,))
                kept = [
                    {name: row[name] for name in row if is_plain(name, row[name])}
                    for row in found
                ]
                expected = [
                    as_stored(table, values)
                    for values in fake.rows[table.name].values()
                ]
                assert sorted(kept, key=str) == sorted(expected, key=str), table.name


@pytest.mark.parametrize("many", [2, 1_000_000], ids=["COPY", "INSERT"])
def test_few_rows_and_many_rows_end_the_same(
    own: Projector,
    log: Writer,
    rows: Rows,
    tenant: str,
    many: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "MANY", many)
    records = [r for mark in "1234" for r in story(log, tenant, mark)]
    sent = log.append(records)
    step_until(own, rows, sent)

    statuses = rows(
        "SELECT DISTINCT status, version FROM read.publications WHERE tenant = %s",
        (tenant,),
    )
    assert statuses == [("published", 6)]
    assert rows("SELECT count(*) FROM read.history WHERE tenant = %s", (tenant,)) == [
        (len(sent) - 4,)
    ]


def test_money_and_vectors_are_copied_in_bunches_too(
    own: Projector,
    log: Writer,
    rows: Rows,
    tenant: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writer, "MANY", 1)
    step_until(own, rows, log.append(ai_story(log, tenant, "1")))

    spent = "SELECT amount, cost FROM read.reservations WHERE tenant = %s"
    assert rows(spent, (tenant,)) == [(Decimal("0.5"), Decimal("0.5"))]
    sizes = "SELECT size, vector_dims(vector) FROM read.vectors WHERE tenant = %s"
    ((size, dims),) = rows(sizes, (tenant,))
    assert size == dims


def test_the_same_records_again_change_nothing(
    stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    """The positions go back to the start, the rows stay: every guard must hold."""
    sent = log.append(story(log, tenant))
    with running(lambda stop: runner.run(projector_source(stack), stop)):
        eventually(lambda: shown(rows, sent))
        before = everything(rows, tenant)
        rows("DELETE FROM coordination.positions WHERE reader <> 'analytics.v1'")
        more = log.append(story(log, tenant, "2"))
        eventually(lambda: shown(rows, more))
    after = everything(rows, tenant)
    assert all(set(found) <= set(after[name]) for name, found in before.items())


def test_void_records_are_never_seen(
    projecting: None, stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    """What a fenced owner writes late is on the log and nowhere else."""
    late = [
        log.record(ProjectCreated("late"), "project", f"p{n}", tenant)
        for n in range(10)
    ]
    for place in {(record.topic, record.partition) for record in late}:
        log.claim(place)
    log.append(late)
    good = [
        log.record(ProjectCreated("good"), "project", f"q{n}", tenant)
        for n in range(10)
    ]
    log.append(good)
    eventually(lambda: shown(rows, good))

    names = rows("SELECT DISTINCT name FROM read.projects WHERE tenant = %s", (tenant,))
    assert names == [("good",)]


def test_rows_and_positions_move_together_or_not_at_all(
    own: Projector, log: Writer, rows: Rows, tenant: str
) -> None:
    """A projector whose position was taken writes nothing, then catches up."""
    step_until(own, rows, log.append(story(log, tenant)))
    sent = log.append(story(log, tenant, "2"))
    rows("UPDATE coordination.positions SET reader_owner = 'somebody'")

    with pytest.raises(Fenced):
        read_on(own)
    assert not shown(rows, sent)
    own.claim_again()
    step_until(own, rows, sent)


def test_nothing_that_was_not_read_is_passed_over(stack: Settings) -> None:
    topic = CONTENT.events.name
    gap = Batch(topic, 0, 5, 6, records=(), void=0, fence=None, leader_epoch=0)
    with psycopg.connect(stack.dsn("projector")) as connection:
        claims = Claims(connection, ["gap.v1"], lambda: {topic: "id"}, lambda: "me")
        with connection.transaction(force_rollback=True):
            claims.take([(topic, 0)])
            with pytest.raises(Fenced, match="at 0, but 5 came next"):
                claims.advance(gap)
            claims.advance(structs.replace(gap, start=0))


def test_a_quiet_position_that_was_reset_is_noticed(
    own: Projector, log: Writer, rows: Rows, tenant: str
) -> None:
    step_until(own, rows, log.append(story(log, tenant)))
    rows("DELETE FROM coordination.positions WHERE reader LIKE 'leads.%%'")

    with pytest.raises(Fenced):
        read_on(own)


def test_every_commit_is_announced(
    projecting: None, stack: Settings, log: Writer, tenant: str
) -> None:
    with psycopg.connect(stack.dsn("api"), autocommit=True) as listener:
        listener.execute("LISTEN positions")
        record = log.record(ProjectCreated("x"), "project", "p", tenant)
        (sent,) = log.append([record])
        wanted = (sent.topic, sent.partition, sent.offset + 1)
        with closing(listener.notifies(timeout=30)) as notices:
            assert any(
                wanted == (topic, partition, offset)
                for notice in notices
                for topic, partition, offset, _ in json.loads(notice.payload)
            )


def test_a_record_that_cannot_be_stored_parks_its_stream_alone(
    projecting: None, log: Writer, rows: Rows, tenant: str
) -> None:
    """Postgres takes no NUL in a text: the stream waits, every other one flows."""
    bad = log.record(ProjectCreated(SPOILT), "project", "bad", tenant)
    log.append([bad])
    eventually(lambda: shown(rows, [bad]))
    later = log.record(ProjectCreated("after it"), "project", "bad", tenant)
    good = log.record(ProjectCreated("good"), "project", "good", tenant)
    log.append([later, good])
    eventually(lambda: shown(rows, [later, good]))
    parked = rows(
        "SELECT reader, event_id, reason FROM coordination.parked"
        ' WHERE key = %s AND reader = %s ORDER BY "offset"',
        (f"{tenant}:bad", current(rows, "projects")),
    )

    assert rows("SELECT id FROM read.projects WHERE tenant = %s", (tenant,)) == [
        ("good",)
    ]
    assert [(row[0], row[1]) for row in parked] == [
        (current(rows, "projects"), bad.envelope.id),
        (current(rows, "projects"), later.envelope.id),
    ]
    assert "NUL" in str(parked[0][2])


def test_what_is_written_apart_does_not_meet_what_was_written_before(
    stack: Settings, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two versions in one transaction, by COPY: the first one's rows stay its own."""
    monkeypatch.setattr(writer, "MANY", 1)
    shown_now = next(each for each in at_live_version(stack) if each.name == "projects")
    both = [shown_now, structs.replace(shown_now, label="v999")]
    record = Chronicle().record(ProjectCreated("once each"), "project", "p", tenant)
    counted: list[object] = []
    with migrate.connect(stack) as owner, owner.transaction(force_rollback=True):
        install.create(owner, both[1])
        by_copy = writer.Writer(owner, both)
        for each in both:
            with owner.transaction():
                rows = writer.folded(rows_of(each, [record]))
                by_copy.write(rows, again=True)
            query = f"SELECT count(*) FROM {each.schema}.projects WHERE tenant = %s"
            counted += owner.execute(query.encode(), (tenant,)).fetchall()

    assert counted == [(1,), (1,)]


def test_a_parked_record_is_on_the_log_with_its_reason(
    projecting: None, stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    bad = log.record(ProjectCreated(SPOILT), "project", "bad", tenant)
    log.append([bad])
    eventually(lambda: shown(rows, [bad]))
    found = [
        dict(headers)
        for partition in range(stack.partitions)
        for headers in headers_of(stack.need("kafka"), (PARKED.name, partition))
    ]
    reader = current(rows, "projects").encode()
    mine = [
        each
        for each in found
        if each.get("ce_id") == bad.envelope.id.encode() and each["parked_by"] == reader
    ]

    assert len(mine) == 1
    assert mine[0]["parked_at"].startswith(CONTENT.events.name.encode())


def test_a_lost_connection_loses_no_record(
    projecting: None, log: Writer, rows: Rows, tenant: str
) -> None:
    first = log.append(story(log, tenant))
    eventually(lambda: shown(rows, first))
    rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE usename = 'contentops_projector'"
    )
    second = log.append(story(log, tenant, "2"))
    eventually(lambda: shown(rows, second), 60)

    counts = rows(
        "SELECT count(*), count(DISTINCT id) FROM read.operations WHERE tenant = %s",
        (tenant,),
    )
    assert counts == [(len(decided([*first, *second])),) * 2]


def test_the_questions_of_each_read_model_are_answered(
    projecting: None, log: Writer, rows: Rows, tenant: str
) -> None:
    """Asked by the owner, who sees all tenants."""
    sent = log.append(story(log, tenant))
    eventually(lambda: shown(rows, sent))
    plan = next(r for r in sent if r.envelope.type.endswith("publication.planned.v1"))
    at = plan.data.schedule.at
    span = (at - timedelta(hours=1), at + timedelta(hours=1))
    dates = rows(publications.BETWEEN, span)
    steps = rows(publications.STEPS, (plan.subject_id,))
    newest = rows(copies.NEWEST_APPROVED, (plan.data.video_id, "bilibili"))
    after = rows(changes.AFTER, ([plan.topic], [plan.partition], [plan.offset], 1000))
    ((_, _, _, _, _, _, _, causes),) = rows(history.WITH_CAUSES, ([plan.envelope.id],))

    assert dates
    assert [version for version, *_ in steps] == [1, 2, 3, 4, 5, 6]
    assert newest[0][1] == plan.data.copy_id
    here = (plan.topic, plan.partition)
    assert all(row[2] > plan.offset for row in after if (row[0], row[1]) == here)
    assert set(causes) == {
        plan.data.approval.event_id,
        plan.data.material.event_id,
    }
    assert (*here,) in {(row[0], row[1]) for row in rows(changes.NEWEST)}


def test_a_read_model_nobody_knows_is_a_wrong_use(stack: Settings) -> None:
    with pytest.raises(Stop) as refusal:
        rebuild.rebuild(stack, "nonsense")
    assert refusal.value.code == 2


def test_migrating_again_changes_nothing(
    own: Projector, stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    step_until(own, rows, log.append(story(log, tenant)))
    before = everything(rows, tenant)
    migrate.migrate(stack)

    assert everything(rows, tenant) == before
