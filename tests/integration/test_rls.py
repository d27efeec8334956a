"""Row-level security on the real database: one tenant sees one tenant."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors

from fixtures.fix_ai_story import ai_story
from fixtures.fix_read_side import Rows
from fixtures.fix_records import Writer, eventually, story
from infra.settings import Settings
from projections import install
from projections.registry import PROJECTIONS

TOLD = (story, ai_story)
TABLES = [table.name for each in PROJECTIONS for table in each.tables]


@pytest.fixture(scope="module")
def stack(written_stack: Settings) -> Settings:
    return written_stack


@pytest.fixture
def two(projecting: None, log: Writer, rows: Rows) -> list[str]:
    """Two tenants whose whole business is in the rows."""
    names = [f"t{uuid4().hex}" for _ in range(2)]
    told = [r for name in names for tell in TOLD for r in tell(log, name, "1")]
    records = log.append(told)
    ids = {r.envelope.causation for r in records if ".events." in r.topic}
    query = "SELECT count(*) FROM read.operations WHERE id = ANY(%s)"
    eventually(lambda: rows(query, (list(ids),)) == [(len(ids),)])
    return names


@pytest.fixture
def api(stack: Settings) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(stack.dsn("api")) as connection:
        yield connection


def tenants(
    connection: psycopg.Connection[tuple[object, ...]], table: str
) -> set[object]:
    return {row[0] for row in connection.execute(f"SELECT tenant FROM read.{table}")}


@pytest.mark.parametrize("table", TABLES)
def test_without_a_tenant_there_is_nothing(
    table: str, two: list[str], api: psycopg.Connection[tuple[object, ...]], rows: Rows
) -> None:
    assert rows(f"SELECT count(*) FROM read.{table}") != [(0,)] or table == "users"
    assert tenants(api, table) == set()


def test_another_tenant_is_not_there(
    two: list[str], api: psycopg.Connection[tuple[object, ...]]
) -> None:
    mine, other = two
    api.execute("SELECT set_config('app.tenant', %s, true)", (mine,))

    assert all(tenants(api, table) == {mine} for table in TABLES if table != "users")
    found = api.execute("SELECT * FROM read.leads WHERE tenant = %s", (other,))
    assert found.fetchall() == []


def test_the_tenant_ends_with_the_transaction(
    two: list[str], api: psycopg.Connection[tuple[object, ...]]
) -> None:
    api.execute("SELECT set_config('app.tenant', %s, true)", (two[0],))
    assert tenants(api, "projects") == {two[0]}
    api.commit()
    assert tenants(api, "projects") == set()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM read.projects",
        "INSERT INTO coordination.positions SELECT * FROM coordination.positions",
        "SELECT * FROM coordination.leases",
        "SET ROLE contentops_projector",
        "CREATE TABLE read.mine (x int)",
    ],
)
def test_the_api_may_only_read(
    statement: str, api: psycopg.Connection[tuple[object, ...]]
) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        api.execute(statement)


def test_questions_before_the_tenant_is_known(
    two: list[str], api: psycopg.Connection[tuple[object, ...]], rows: Rows
) -> None:
    """They answer tenant and id, and only for who knows the secret or the code."""
    mine = two[0]
    ((sha256, key),) = rows(
        "SELECT sha256, id FROM read.keys WHERE tenant = %s", (mine,)
    )
    ((code, page),) = rows("SELECT code, id FROM read.pages WHERE tenant = %s", (mine,))
    ((open_id, account),) = rows(
        "SELECT open_id, id FROM read.accounts WHERE tenant = %s", (mine,)
    )

    assert api.execute("SELECT * FROM auth.key(%s)", (sha256,)).fetchall() == [
        (mine, key)
    ]
    assert api.execute("SELECT * FROM auth.form(%s)", (code,)).fetchall() == [
        (mine, page)
    ]
    assert api.execute(
        "SELECT * FROM auth.account('bilibili', %s)", (open_id,)
    ).fetchall() == [(mine, account)]
    assert api.execute("SELECT * FROM auth.key('nonsense')").fetchall() == []


def test_every_table_with_a_tenant_is_guarded(stack: Settings) -> None:
    for database in ("contentops", "contentops_keys"):
        with psycopg.connect(stack.dsn("owner", database)) as owner:
            assert install.unguarded(owner) == []


@pytest.mark.parametrize(
    "guard",
    [
        "SELECT 1",
        "ALTER TABLE bad ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE bad ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    ],
    ids=["none", "not forced", "no policy"],
)
def test_a_table_that_is_not_guarded_is_found(guard: str, stack: Settings) -> None:
    with psycopg.connect(stack.dsn("owner")) as owner:
        owner.execute("SET LOCAL search_path = public")
        owner.execute("CREATE TABLE bad (tenant text)")
        owner.execute(guard.encode())
        assert install.unguarded(owner) == ["public.bad"]
        owner.rollback()


def test_every_primary_key_begins_with_the_tenant(rows: Rows) -> None:
    found = rows(
        "SELECT c.relname, a.attname FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname LIKE 'rm\\_%%'"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]"
        " WHERE i.indisprimary"
    )
    assert len(found) == len(TABLES)
    assert {name for _, name in found} == {"tenant"}
