"""Bringing both databases and ClickHouse to the newest shape; repeatable.

Files run once, in the order of their names; `before` in a name means it may run while
the last version of the code still works. Read models are not migrated: one that is
missing is made empty and filled from the log.
"""

from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import psycopg
from clickhouse_connect.driver.client import Client
from psycopg import sql
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed

from infra.settings import PostgresRole, Settings
from infra.stack.postgres import create_databases
from projections import clickhouse, facts, install, versions
from projections.registry import ANALYTICS, PROJECTIONS
from projections.table import Projection

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]

FOLDER = Path(__file__).with_name("migrations")
LOCK = 7_034_511
KEYS_DATABASE = "contentops_keys"
# The value says whether row-level security lets the role pass.
LOGINS: dict[PostgresRole, bool] = {
    "api": False,
    "projector": True,
    "worker": True,
    "keys": True,
}
LEDGER = """
CREATE TABLE IF NOT EXISTS public.contentops_migrations (
    name text PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
)
"""
patient = retry(
    retry=retry_if_exception_type(
        (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
    ),
    stop=stop_after_attempt(20),
    wait=wait_fixed(0.3),
    reraise=True,
)


def migrate(settings: Settings) -> None:
    """Everything Postgres and ClickHouse must have before a role starts."""
    create_databases(settings.dsn("owner", "postgres"))
    with connect(settings) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        with connection.transaction():
            _roles(connection, settings)
        _files(connection, "contentops")
        with connect(settings, KEYS_DATABASE) as keys:
            _files(keys, KEYS_DATABASE)
        read_models(settings, connection)
        with closing(analyst_store(settings)) as store:
            analytics(connection, store)
    searches(settings)


def connect(settings: Settings, database: str = "contentops") -> Connection:
    """As the owner, each statement for itself; no read model waits for us for long."""
    return psycopg.connect(
        settings.dsn("owner", database), autocommit=True, options="-c lock_timeout=2s"
    )


def analyst_store(settings: Settings) -> Client:
    password = settings.clickhouse_password("admin")
    return clickhouse.connect(settings.need("clickhouse"), "admin", password)


def read_models(settings: Settings, connection: Connection) -> None:
    """Live and empty at the first install; later, what this build's shape lacks.

    A new read model, or a new shape of one, is built from the log beside what is
    shown and shown once it has caught up: there is nothing it could be compared with.
    """
    if _first_install(connection):
        return
    wanted = lacking(connection)
    if wanted:
        from infra import rebuild

        rebuild.beside(settings, connection, wanted, print)
    show(connection)


@patient
def _first_install(connection: Connection) -> bool:
    with connection.transaction():
        names = {each.name for each in versions.every(connection)}
        if names & {each.name for each in PROJECTIONS}:
            return False
        for projection in PROJECTIONS:
            install.create(connection, versions.draw(connection, projection, "live"))
        install.show(connection, _shown(connection))
    return True


def lacking(connection: Connection) -> list[Projection]:
    """Those whose live version is not of this build's shape, or not whole."""
    there = {each.name for each in _shown(connection)}
    return [each for each in PROJECTIONS if each.name not in there]


@patient
def show(connection: Connection) -> None:
    """Every view there is to be, in the order of the registry."""
    with connection.transaction():
        install.show(connection, _shown(connection))


def _shown(connection: Connection) -> list[Projection]:
    """The live versions that are of this build's shape and whole."""
    live = {
        (each.name, each.shape): each
        for each in versions.every(connection)
        if each.state == "live"
    }
    found = [
        live[each.name, each.shape].of(each)
        for each in PROJECTIONS
        if (each.name, each.shape) in live
    ]
    return [each for each in found if install.complete(connection, each)]


def analytics(connection: Connection, store: Client) -> None:
    """Views onto the live build of the facts; its tables, where one is missing, anew.

    A build of another shape is left alone: only a rebuild and a switch replace it.
    """
    found = [
        each for each in versions.of(connection, ANALYTICS.name) if each.state == "live"
    ]
    if found and found[0].shape != ANALYTICS.shape:
        return
    live = versions.shown(found, ANALYTICS)
    if live is None:
        live = versions.draw(connection, ANALYTICS, "live")
    if facts.missing(store, live):
        # Tables first: a sink that claimed before is fenced by its lost position.
        facts.create(store, live)
        forget_facts(connection, live.reader)
    facts.show(store, live)


def searches(settings: Settings) -> None:
    """The index, where OpenSearch answers searches; it is whole before it is shown."""
    if not settings.searches_elsewhere:
        return
    from infra import rebuild_index

    if not rebuild_index.there(settings):
        rebuild_index.rebuild(settings, replace=True)


def forget_facts(connection: Connection, reader: str) -> None:
    """Where a sink stands, what it planned and what is confirmed."""
    with connection.transaction():
        for table in ("ch_plan", "ch_confirmed"):
            delete = sql.SQL("DELETE FROM coordination.{} WHERE reader = %s")
            connection.execute(delete.format(sql.Identifier(table)), (reader,))
        install.forget(connection, reader)


def _roles(connection: Connection, settings: Settings) -> None:
    _role(connection, "contentops_auth", "NOLOGIN BYPASSRLS")
    for name, passes in LOGINS.items():
        options = f"LOGIN {'BYPASSRLS' if passes else 'NOBYPASSRLS'}"
        password = settings.secret_for(f"postgres:{name}")
        _role(connection, f"contentops_{name}", options, password)
    owner = sql.Identifier("contentops_keys")
    for statement in (
        "GRANT {owner} TO CURRENT_USER",
        "ALTER DATABASE {owner} OWNER TO {owner}",
    ):
        connection.execute(sql.SQL(statement).format(owner=owner))


def _role(
    connection: Connection, name: str, options: str, password: str | None = None
) -> None:
    there = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,))
    verb = "ALTER" if there.fetchone() is not None else "CREATE"
    connection.execute(
        sql.SQL("{} ROLE {} {} PASSWORD {}").format(
            sql.SQL(verb),
            sql.Identifier(name),
            sql.SQL(options),
            sql.Literal(password),
        )
    )


def _files(connection: Connection, folder: str) -> None:
    connection.execute(LEDGER)
    rows = connection.execute("SELECT name FROM public.contentops_migrations")
    done = {row[0] for row in rows.fetchall()}
    for path in sorted((FOLDER / folder).glob("*.sql")):
        if path.stem not in done:
            with connection.transaction():
                connection.execute(path.read_bytes())
                connection.execute("RESET ROLE")
                connection.execute(
                    "INSERT INTO public.contentops_migrations (name) VALUES (%s)",
                    (path.stem,),
                )
