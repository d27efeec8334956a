"""An analyst of one tenant, on a ClickHouse of its own: sees it and changes nothing."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError
from msgspec import structs

from infra import access, migrate
from infra.problem import Stop
from infra.settings import Settings, inherited
from infra.stack import analysts, clickhouse, supervisor
from infra.stack.children import Children, read_state
from projections import clickhouse as store
from projections import facts
from projections.registry import ANALYTICS

MINE, OTHER = "acme-1", "rival"
FIRST = structs.replace(ANALYTICS, label="v1")
SECOND = structs.replace(ANALYTICS, label="v2")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """With facts of two tenants, and an analyst made for one of them while it ran."""
    data = tmp_path_factory.mktemp("analyst")
    children = Children(data)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings(data=data, clickhouse=f"http://127.0.0.1:{port}")
    asyncio.run(_begin(children, settings, port))
    with_facts(settings)
    yield settings
    asyncio.run(children.end_all())


async def _begin(children: Children, settings: Settings, port: int) -> None:
    child = await clickhouse.start(
        children,
        settings.data,
        port=port,
        passwords=analysts.passwords(settings),
        tenants=analysts.tenants(settings),
        env=inherited(),
    )
    keeping = asyncio.ensure_future(
        supervisor.keep_running(children, [child.program], lambda _: None)
    )
    await asyncio.to_thread(access.sign_in, settings, "analyst", MINE)
    keeping.cancel()


def with_facts(settings: Settings) -> None:
    admin = migrate.analyst_store(settings)
    for build in (FIRST, SECOND):
        facts.create(admin, build)
        for table in ANALYTICS.tables:
            admin.command(
                f"INSERT INTO {facts.name_of(build, table.name)}"
                f" (tenant, event_id, _off) VALUES"
                f" ('{MINE}', 'mine', 1), ('{OTHER}', 'theirs', 2)"
            )
    facts.show(admin, FIRST)
    admin.close()


def signed_in(settings: Settings) -> Client:
    """As a person would: with what the command prints."""
    url, user, password = access.sign_in(settings, "analyst", MINE).split()
    return store.connect(url, user, password)


@pytest.fixture
def analyst(ours: Settings) -> Iterator[Client]:
    client = signed_in(ours)
    yield client
    client.close()


def every_name(settings: Settings) -> list[str]:
    """Tables of both builds and all views there are."""
    admin = migrate.analyst_store(settings)
    found = admin.query("SELECT name FROM system.tables WHERE database = 'contentops'")
    admin.close()
    return [str(row[0]) for row in found.result_rows]


def test_every_table_and_view_shows_one_tenant(ours: Settings, analyst: Client) -> None:
    names = every_name(ours)
    assert len(names) > 3 * len(ANALYTICS.tables)
    for name in names:
        found = analyst.query(f"SELECT DISTINCT tenant FROM contentops.{name}")
        assert found.result_rows in ([(MINE,)], []), name
    assert analyst.query("SELECT count() FROM contentops.events").result_rows == [(1,)]


def test_all_others_see_all_tenants(ours: Settings) -> None:
    for user in analysts.USERS:
        client = store.connect(
            ours.need("clickhouse"), user, ours.clickhouse_password(user)
        )
        asked = "SELECT count() FROM contentops.events"
        assert client.query(asked).result_rows == [(2,)], user
        client.close()


@pytest.mark.parametrize(
    "question",
    [
        "SELECT tenant FROM contentops.events WHERE tenant = 'rival'",
        "SELECT 1 FROM contentops.events a, contentops.leads b WHERE b.tenant > 'b'",
        "SELECT tenant FROM merge('contentops', '.*') WHERE tenant != 'acme-1'",
        "SELECT throwIf(tenant = 'rival') AS found FROM contentops.events HAVING found",
        "SELECT name FROM system.tables WHERE total_rows > 0 AND database != 'system'",
        "SELECT table FROM system.columns WHERE match(table, '_v[0-9]')",
        "SELECT max(tenant) AS last FROM contentops.events_v2 HAVING last != 'acme-1'",
    ],
)
def test_questions_that_would_find_another_tenant(
    analyst: Client, question: str
) -> None:
    assert analyst.query(question).result_rows == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO contentops.events_v1 (tenant) VALUES ('acme-1')",
        "ALTER TABLE contentops.events_v1 DELETE WHERE 1",
        "TRUNCATE TABLE contentops.events_v1",
        "DROP VIEW contentops.events",
        "CREATE TABLE contentops.mine (x Int8) ENGINE = Memory",
        "SELECT 1 SETTINGS max_execution_time = 3600",
        "SELECT 1 SETTINGS max_memory_usage = 100000000000",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS allow_ddl = 1",
        "SELECT * FROM mergeTreeIndex('contentops', 'events_v1')",
        "SELECT * FROM system.parts",
        "SELECT * FROM system.users",
        "SELECT * FROM system.row_policies",
        "SELECT * FROM system.processes",
        "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
        "SELECT * FROM file('/etc/passwd', LineAsString)",
        "DROP ROW POLICY p ON contentops.events",
    ],
)
def test_what_is_refused(analyst: Client, statement: str) -> None:
    with pytest.raises(DatabaseError):
        analyst.command(statement)


def test_a_switch_and_a_new_build_change_nothing(
    ours: Settings, analyst: Client
) -> None:
    admin = migrate.analyst_store(ours)
    facts.show(admin, SECOND)
    facts.drop(admin, FIRST)
    seen = analyst.query("SELECT DISTINCT tenant FROM contentops.events").result_rows
    facts.create(admin, FIRST)
    facts.show(admin, FIRST)
    with_facts(ours)
    again = analyst.query("SELECT DISTINCT tenant FROM contentops.events").result_rows
    admin.close()
    assert seen == again == [(MINE,)]


def test_asking_again_starts_nothing(ours: Settings) -> None:
    state = ours.data / "run" / "children.json"
    before = read_state(state)
    signed_in(ours).close()
    assert read_state(state) == before


def test_a_tenant_is_no_statement(ours: Settings) -> None:
    with pytest.raises(Stop, match="letters"):
        access.sign_in(ours, "analyst", "a' OR '1' = '1")


def test_somebody_elses_clickhouse_is_asked_by_sql(
    ours: Settings, tmp_path: Path
) -> None:
    """Ours takes no user by SQL, but reads every statement and says what is missing."""
    elsewhere = ours.replace({"data": tmp_path})
    given = elsewhere.replace({"master_key_file": ours.key_file})
    with pytest.raises(Stop, match="CREATE USER IF NOT EXISTS tenant_rival"):
        access.sign_in(given, "analyst", OTHER)
    admin = migrate.analyst_store(ours)
    for statement in access.statements(OTHER, "secret"):
        admin.query(f"EXPLAIN AST {statement}")
    admin.close()
