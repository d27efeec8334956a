"""The past, asked for: rows as they were before an edit."""

import io
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from rich.console import Console

from api import positions
from fixtures.fix_read_side import Rows, projector_source, running
from fixtures.fix_records import BEGAN, Writer, eventually
from infra import asof as command
from infra.problem import Stop
from infra.settings import Settings
from projections import asof, runner
from schemas.envelope import Record
from schemas.events.content import ProjectCreated
from schemas.events.publication import PublicationRefused, PublicationScheduled
from schemas.registry import Data

TUESDAY = BEGAN + timedelta(days=2)
FRIDAY = BEGAN + timedelta(days=5)


@pytest.fixture(scope="module")
def stack(clean_stack: Settings) -> Settings:
    return clean_stack


@pytest.fixture(scope="module")
def log(clean_log: Writer) -> Writer:
    return clean_log


@pytest.fixture
def tenant() -> str:
    return f"t{uuid4().hex}"


def edited(
    log: Writer, tenant: str
) -> tuple[datetime, list[Record[Data]], list[Record[Data]]]:
    """A publication planned for Tuesday and, after the moment, moved to Friday."""

    def say(data: Data) -> Record[Data]:
        return log.record(data, "publication", f"p{tenant}", tenant)

    first = log.append([say(PublicationScheduled(TUESDAY))])
    # The broker's clock counts in milliseconds: no record shares one with the moment.
    began = datetime.now(UTC)
    moment = began + timedelta(milliseconds=10)
    eventually(lambda: datetime.now(UTC) > began + timedelta(milliseconds=20))
    return moment, first, log.append([say(PublicationScheduled(FRIDAY))])


def asked(
    stack: Settings, name: str, text: str, *where: str
) -> list[dict[str, object]]:
    out = io.StringIO()
    console = Console(file=out, width=200)
    command.query(stack, name, text, where=where, as_json=True, console=console)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def day(row: dict[str, object]) -> datetime:
    return datetime.fromisoformat(str(row["at"])).astimezone(UTC)


def test_the_calendar_shows_what_was_planned_then(
    stack: Settings, log: Writer, tenant: str
) -> None:
    moment, *_ = edited(log, tenant)
    mine = f"tenant={tenant}"
    then = asked(stack, "calendar", moment.isoformat(), mine)
    later = datetime.now(UTC) + timedelta(minutes=1)
    now = asked(stack, "calendar", later.isoformat(), mine)

    assert [day(row) for row in then] == [TUESDAY]
    assert [day(row) for row in now] == [FRIDAY]
    assert asked(stack, "calendar", (moment - timedelta(days=1)).isoformat()) == []


def test_a_position_is_a_moment_too(stack: Settings, log: Writer, tenant: str) -> None:
    _, first, second = edited(log, tenant)
    seen = []
    for (record,) in (first, second):
        place = {(record.topic, record.partition): record.offset}
        token = positions.encode(place, datetime.now(UTC))
        seen += asked(stack, "publications", token, f"tenant={tenant}")

    assert [day(row) for row in seen] == [TUESDAY, FRIDAY]


def test_each_column_has_a_line_that_fits_a_narrow_screen(
    stack: Settings, log: Writer, tenant: str
) -> None:
    moment, *_ = edited(log, tenant)
    out = io.StringIO()
    console = Console(file=out, width=60)
    where = [f"tenant={tenant}"]
    assert (
        command.query(
            stack, "calendar", moment.isoformat(), where=where, console=console
        )
        == 1
    )
    lines = out.getvalue().splitlines()
    assert ["status", "scheduled"] in [line.split() for line in lines]
    assert max(map(len, lines)) <= 60
    assert "None" not in out.getvalue()


@pytest.mark.parametrize(
    ("name", "text", "where", "words"),
    [
        ("calendar", "2026-03-10T10:00", (), "zone"),
        ("calendar", "last Tuesday", (), "zone"),
        ("nonsense", "2026-03-10T10:00Z", (), "use one of"),
        ("calendar", "2026-03-10T10:00Z", ("tenant",), "column=value"),
        ("calendar", "2026-03-10T10:00Z", ("nothing=1",), "nothing"),
    ],
)
def test_what_cannot_be_asked(
    stack: Settings, name: str, text: str, where: tuple[str, ...], words: str
) -> None:
    with pytest.raises(Stop, match=words) as refusal:
        command.query(stack, name, text, where=where)
    assert refusal.value.code == 2


def test_a_position_beyond_the_log_is_refused(stack: Settings, log: Writer) -> None:
    record = log.append([log.record(ProjectCreated("x"), "project", "p")])[0]
    place = {(record.topic, record.partition): record.offset + 1_000_000}
    with pytest.raises(Stop, match="not on the log"):
        command.query(stack, "projects", positions.encode(place, datetime.now(UTC)))


def test_the_projector_answers_what_a_tenant_asks_and_drops_it_after_an_hour(
    stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    """As the API asks: with the rights of that tenant, who sees its rows alone."""
    moment, *_ = edited(log, tenant)
    edited(log, f"other{tenant}")
    id_ = uuid4().hex[:12]
    values = asof.values(id_, tenant, "publications", moment, {})
    question = asof.question("publications")
    assert question is not None
    with psycopg.connect(stack.dsn("api"), autocommit=True) as api:
        api.execute("SELECT set_config('app.tenant', %s, false)", (tenant,))
        api.execute(asof.ASK, values)
        with running(lambda stop: runner.run(projector_source(stack), stop)):

            def state() -> tuple[object, ...] | None:
                return api.execute(asof.LOOK, (id_, "publications")).fetchone()

            eventually(lambda: state()[1] == "ready")
            found = api.execute(asof.select(question, id_, 10)).fetchall()
            api.execute("SELECT set_config('app.tenant', 'nobody', false)")
            assert state() is None
            rows(
                "UPDATE coordination.as_of SET expires_at = clock_timestamp()"
                " WHERE id = %s",
                (id_,),
            )
            schema = asof.there("publications", id_).schema
            there = "SELECT count(*) FROM pg_namespace WHERE nspname = %s"
            eventually(lambda: rows(there, (schema,)) == [(0,)])
    assert [row[0] for row in found] == [tenant]


def test_what_ends_a_publication_is_in_the_past_it_belongs_to(
    stack: Settings, log: Writer, tenant: str
) -> None:
    moment, *_ = edited(log, tenant)
    refused = PublicationRefused("too_late", "The day is over.")
    log.append([log.record(refused, "publication", f"p{tenant}", tenant)])
    then = asked(stack, "publications", moment.isoformat(), f"tenant={tenant}")

    assert [row["status"] for row in then] == ["scheduled"]
