"""Bringing both databases and ClickHouse to the newest shape; repeatable.

Files run once, in the order of their names; `before` in a name means it may run while
the last version of the code still works. Read models are not migrated: one that is
missing is made empty and filled from the log.
"""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import psycopg
from clickhouse_connect.driver.client import Client
from psycopg import sql
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed

from infra.settings import PostgresRole, Settings
from infra.stack.postgres import create_databases
from projections import clickhouse, install
from projections.registry import ANALYTICS, PROJECTIONS

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
        read_models(connection, install.missing(connection, PROJECTIONS))
        with closing(analyst_store(settings)) as store:
            if clickhouse.missing(store):
                analytics(connection, store)


def connect(settings: Settings, database: str = "contentops") -> Connection:
    """As the owner, each statement for itself; no read model waits for us for long."""
    return psycopg.connect(
        settings.dsn("owner", database), autocommit=True, options="-c lock_timeout=2s"
    )


def analyst_store(settings: Settings) -> Client:
    password = settings.clickhouse_password("admin")
    return clickhouse.connect(settings.need("clickhouse"), "admin", password)


@patient
def read_models(connection: Connection, names: Iterable[str]) -> None:
    """Make these anew and empty, and every view that is not there, all at once."""
    wanted = set(names)
    with connection.transaction():
        for projection in PROJECTIONS:
            if projection.name in wanted:
                install.recreate(connection, projection)
        install.show(connection, PROJECTIONS)


def analytics(connection: Connection, store: Client) -> None:
    """Tables first: a sink that claimed before its position went is fenced by that."""
    clickhouse.recreate(store)
    with connection.transaction():
        connection.execute(
            "DELETE FROM coordination.ch_plan WHERE reader = %s", (ANALYTICS.reader,)
        )
        install.forget(connection, ANALYTICS.reader)


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
