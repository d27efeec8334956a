"""Making and dropping the schemas of read models; every table gets the same guard."""

from collections.abc import Iterable
from typing import TypeAlias

import psycopg
from psycopg import sql

from projections.table import Projection

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]

READERS = ("contentops_api", "contentops_worker", "contentops_auth")
WRITER = "contentops_projector"

GUARD = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON {table}
USING (tenant = (SELECT current_setting('app.tenant', true)));
GRANT SELECT ON {table} TO {readers};
GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {writer};
"""
# Without security_invoker a view runs as its owner and skips row-level security.
VIEW = "CREATE VIEW {view} WITH (security_invoker = true) AS SELECT * FROM {table}"
UNGUARDED = """
SELECT n.nspname || '.' || c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant'
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND NOT a.attisdropped
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND NOT (c.relrowsecurity AND c.relforcerowsecurity
    AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))
ORDER BY 1
"""


def missing(connection: Connection, projections: Iterable[Projection]) -> list[str]:
    """Names of projections of which at least one table is not there."""
    return [
        each.name
        for each in projections
        if not all(_there(connection, each.schema, table.name) for table in each.tables)
    ]


def recreate(connection: Connection, projection: Projection) -> None:
    """Empty tables and no position: whoever projects begins at offset 0.

    Call in a transaction, then `show` in the same one. A running projector loses its
    claim, because the positions it moves are gone.
    """
    schema = sql.Identifier(projection.schema)
    for table in projection.tables:
        view = sql.Identifier("read", table.name)
        connection.execute(sql.SQL("DROP VIEW IF EXISTS {} CASCADE").format(view))
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema))
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
    everyone = sql.SQL(", ").join(map(sql.Identifier, (*READERS, WRITER)))
    connection.execute(
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, everyone)
    )
    connection.execute(sql.SQL("SET LOCAL search_path = {}").format(schema))
    connection.execute((projection.folder / "table.sql").read_bytes())
    connection.execute("SET LOCAL search_path = DEFAULT")
    for table in projection.tables:
        _guard(connection, sql.Identifier(projection.schema, table.name))
    forget(connection, projection.reader)


def forget(connection: Connection, reader: str) -> None:
    """Drop where a reader stands and what it could not read."""
    for table in ("positions", "parked"):
        delete = sql.SQL("DELETE FROM coordination.{} WHERE reader = %s")
        connection.execute(delete.format(sql.Identifier(table)), (reader,))


def show(connection: Connection, projections: Iterable[Projection]) -> None:
    """Create the views in `read` that are not there, in the order of the registry."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS read")
    everyone = sql.SQL(", ").join(map(sql.Identifier, (*READERS, WRITER)))
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA read TO {}").format(everyone))
    for projection in projections:
        for table in projection.tables:
            if not _there(connection, "read", table.name):
                _show(connection, projection, table.name)


def unguarded(connection: Connection) -> list[str]:
    """Tables with a tenant that row-level security does not protect."""
    return [str(row[0]) for row in connection.execute(UNGUARDED).fetchall()]


def _show(connection: Connection, projection: Projection, name: str) -> None:
    view = sql.Identifier("read", name)
    table = sql.Identifier(projection.schema, name)
    own = projection.folder / "view.sql"
    if own.exists():
        connection.execute(own.read_bytes())
    else:
        connection.execute(sql.SQL(VIEW).format(view=view, table=table))
    everyone = sql.SQL(", ").join(map(sql.Identifier, (*READERS, WRITER)))
    connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(view, everyone))


def _there(connection: Connection, schema: str, name: str) -> bool:
    found = connection.execute(
        "SELECT to_regclass(format('%%I.%%I', %s::text, %s::text))", (schema, name)
    ).fetchone()
    return found is not None and found[0] is not None


def _guard(connection: Connection, table: sql.Identifier) -> None:
    connection.execute(
        sql.SQL(GUARD).format(
            table=table,
            readers=sql.SQL(", ").join(map(sql.Identifier, READERS)),
            writer=sql.Identifier(WRITER),
        )
    )
