"""Versions of read models: built beside, compared, switched, gone back to, dropped."""

from uuid import uuid4

import psycopg
import pytest

from bench.bluegreen import under_load
from fixtures.fix_read_side import Rows, projector_source
from fixtures.fix_records import Writer, eventually, story
from infra import catching_up, migrate, parked, rebuild, switching
from infra.problem import Stop
from infra.settings import Settings
from projections import versions
from projections.registry import PROJECTIONS
from projections.runner import Projector
from projections.table import Projection
from schemas.events.content import ProjectCreated

SPOILT = "a zero \x00 in the name"


@pytest.fixture(scope="module")
def stack(clean_stack: Settings) -> Settings:
    return clean_stack


@pytest.fixture(scope="module")
def log(clean_log: Writer) -> Writer:
    return clean_log


@pytest.fixture
def tenant() -> str:
    return f"t{uuid4().hex}"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no projector runs, the commands need not wait for one."""
    monkeypatch.setattr(catching_up, "ANSWER_S", 0.1)


def quiet(_line: str) -> None:
    return


def of(stack: Settings, name: str, state: str) -> list[versions.Version]:
    with migrate.connect(stack) as owner:
        return [each for each in versions.of(owner, name) if each.state == state]


def live(stack: Settings, projection: Projection) -> Projection:
    return of(stack, projection.name, "live")[0].of(projection)


def everything(rows: Rows, tenant: str) -> dict[str, list[tuple[object, ...]]]:
    query = "SELECT to_jsonb(t)::text FROM read.{} t WHERE tenant = %s"
    return {
        table.name: sorted(rows(query.format(table.name), (tenant,)))
        for projection in PROJECTIONS
        for table in projection.tables
        if not table.keep_days
    }


def test_a_reader_never_sees_a_row_missing_or_a_version_going_back(
    stack: Settings, log: Writer, tenant: str
) -> None:
    for mark in "123":
        log.append(story(log, tenant, mark))
    found = under_load(stack, log, tenant, rate=100)

    assert found["wrong"] == []
    assert found["looks"] > 100
    for projection in PROJECTIONS:
        assert len(of(stack, projection.name, "retiring")) == 1
        switching.retire(stack, projection.name, None, quiet)


def test_a_planted_difference_is_found(
    stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    log.append(story(log, tenant))
    rebuild.rebuild(stack, "projects", quiet)
    new = of(stack, "projects", "catching_up")[0]
    (key,) = rows(
        f"UPDATE rm_projects_{new.label}.projects SET name = 'planted'"
        " WHERE tenant = %s RETURNING id",
        (tenant,),
    )
    said: list[str] = []

    assert not switching.verify(stack, "projects", said.append)
    assert f"projects of {tenant} differs first at {tenant}, {key[0]} in name" in said
    with pytest.raises(Stop, match="not found equal"):
        switching.switch(stack, "projects", quiet)
    switching.retire(stack, "projects", new.number, quiet)
    assert of(stack, "projects", "catching_up") == []


def test_a_missing_row_is_found_too(
    stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    log.append(story(log, tenant))
    rebuild.rebuild(stack, "history", quiet)
    new = of(stack, "history", "catching_up")[0]
    rows(
        f"DELETE FROM rm_history_{new.label}.history WHERE ctid IN (SELECT ctid FROM"
        f" rm_history_{new.label}.history WHERE tenant = %s LIMIT 1)",
        (tenant,),
    )
    said: list[str] = []

    assert not switching.verify(stack, "history", said.append)
    assert any("(only in v" in line for line in said)
    switching.retire(stack, "history", None, quiet)


def test_what_is_shown_can_be_gone_back_to_and_is_not_dropped(
    stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    log.append(story(log, tenant))
    rebuild.rebuild(stack, "videos", quiet)
    assert switching.verify(stack, "videos", quiet)
    before = of(stack, "videos", "live")[0]
    switching.switch(stack, "videos", quiet)
    after = of(stack, "videos", "live")[0]
    with pytest.raises(Stop, match="what people see"):
        switching.retire(stack, "videos", after.number, quiet)
    log.append(story(log, tenant, "2"))
    switching.switch(stack, "videos", quiet, to=before.number)

    assert of(stack, "videos", "live") == [before]
    query = "SELECT count(*), count(project_id) FROM read.videos WHERE tenant = %s"
    catching_up_with(stack, "assets")
    assert rows(query, (tenant,)) == [(2, 2)]
    switching.retire(stack, "videos", None, quiet)
    assert rows(query, (tenant,)) == [(2, 2)]


def catching_up_with(stack: Settings, *names: str) -> None:
    wanted = [live(stack, each) for each in PROJECTIONS if each.name in names]
    with migrate.connect(stack) as owner:
        catching_up.pass_end(stack, owner, wanted)


def test_thrown_away_rows_come_back_the_same(
    stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    """There is nothing to compare with, so what is built is shown at once."""
    log.append(story(log, tenant))
    catching_up_with(stack, *(each.name for each in PROJECTIONS))
    before = everything(rows, tenant)
    for projection in PROJECTIONS:
        rows(f"DROP SCHEMA {live(stack, projection).schema} CASCADE")
    rows("DROP SCHEMA read CASCADE")
    said: list[str] = []
    with migrate.connect(stack) as owner:
        rebuild.beside(stack, owner, PROJECTIONS, said.append)

    assert everything(rows, tenant) == before
    assert any(line.startswith("timers shows v") for line in said)
    assert before["publications"]


def test_a_projector_takes_new_versions_on_and_lets_dropped_ones_go(
    stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    log.append(story(log, tenant))
    own = Projector(projector_source(stack, "by hand"))
    try:
        eventually(lambda: own.step() or len(own.assigned()) > 0)
        rebuild.rebuild(stack, "projects", quiet)
        new = of(stack, "projects", "catching_up")[0]
        sent = log.append(story(log, tenant, "2"))
        query = (
            f"SELECT count(*) FROM rm_projects_{new.label}.projects WHERE tenant = %s"
        )
        eventually(lambda: own.step() or rows(query, (tenant,)) == [(2,)])
        switching.retire(stack, "projects", new.number, quiet)
        log.append(story(log, tenant, "3"))
        shown = "SELECT count(*) FROM read.projects WHERE tenant = %s"
        eventually(lambda: own.step() or rows(shown, (tenant,)) == [(3,)])
    finally:
        own.close()
    assert sent


def test_a_read_model_nobody_knows_is_a_wrong_use(stack: Settings) -> None:
    for step in (rebuild.rebuild, switching.switch, switching.verify):
        with pytest.raises(Stop) as refusal:
            step(stack, "nonsense", quiet)
        assert refusal.value.code == 2


def test_nothing_is_switched_before_it_was_built(stack: Settings) -> None:
    with pytest.raises(Stop, match="projection rebuild leads"):
        switching.switch(stack, "leads", quiet)


def test_a_new_shape_is_built_beside_and_shown_when_it_is_there(
    stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    """What `migrate` does when it finds rows of another build's shape."""
    log.append(story(log, tenant))
    rows(
        "UPDATE coordination.projections SET shape = shape + 1"
        " WHERE name = 'leads' AND state = 'live'"
    )
    old = of(stack, "leads", "live")[0]
    migrate.migrate(stack)
    new = of(stack, "leads", "live")[0]

    assert (new.number, new.shape) == (old.number + 1, 1)
    assert rows("SELECT count(*) FROM read.leads WHERE tenant = %s", (tenant,)) == [
        (1,)
    ]
    switching.retire(stack, "leads", None, quiet)


def test_a_build_ends_at_a_record_nobody_ruled_on_and_others_go_on(
    stack: Settings, log: Writer, rows: Rows, tenant: str
) -> None:
    """Afterwards everybody is told to pass over it: others build from this log too."""
    bad = log.append([log.record(ProjectCreated(SPOILT), "project", "bad", tenant)])[0]
    wanted = [each for each in PROJECTIONS if each.name in {"projects", "history"}]
    with migrate.connect(stack) as owner, pytest.raises(Stop) as told:
        rebuild.beside(stack, owner, wanted, quiet)

    assert "contentops parked drop projects contentops.content.events.v1:" in str(
        told.value
    )
    assert [each.state for each in of(stack, "projects", "failed")] == ["failed"]
    assert len(of(stack, "history", "catching_up")) == 1
    with psycopg.connect(stack.dsn("owner")) as owner:
        assert versions.shown(versions.every(owner), PROJECTIONS[1])
    place = f"{bad.topic}:{bad.partition}:{bad.offset}"
    for each in PROJECTIONS:
        parked.drop(stack, each.name, place, "the test is over", quiet)
