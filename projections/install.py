"""Making, showing and dropping the schemas of read models; every table is guarded."""

from collections.abc import Sequence
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
VIEW = """
CREATE OR REPLACE VIEW {view} WITH (security_invoker = true) AS SELECT * FROM {table}
"""
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
# Those of constraints stay: an upsert cannot do without its key.
INDEXES = """
SELECT i.schemaname, i.indexname, i.indexdef FROM pg_indexes i
WHERE i.schemaname = %s AND NOT EXISTS (
  SELECT FROM pg_constraint c
  WHERE c.conindid = format('%%I.%%I', i.schemaname, i.indexname)::regclass)
"""


def complete(connection: Connection, projection: Projection) -> bool:
    """Whether every table of this version is there."""
    return all(
        _there(connection, projection.schema, table.name) for table in projection.tables
    )


def create(connection: Connection, projection: Projection) -> None:
    """Empty tables in a schema of their own; call in a transaction."""
    drop(connection, projection)
    schema = sql.Identifier(projection.schema)
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
    connection.execute(
        sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, _everyone())
    )
    connection.execute(sql.SQL("SET LOCAL search_path = {}").format(schema))
    connection.execute((projection.folder / "table.sql").read_bytes())
    connection.execute("SET LOCAL search_path = DEFAULT")
    for table in projection.tables:
        _guard(connection, sql.Identifier(projection.schema, table.name))


def drop(connection: Connection, projection: Projection) -> None:
    """The rows and where their reader stood; nothing may be shown from here."""
    schema = sql.Identifier(projection.schema)
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema))
    forget(connection, projection.reader)


def forget(connection: Connection, reader: str) -> None:
    """Drop where a reader stands and what it could not read."""
    for table in ("positions", "parked"):
        delete = sql.SQL("DELETE FROM coordination.{} WHERE reader = %s")
        connection.execute(delete.format(sql.Identifier(table)), (reader,))


def without_indexes(connection: Connection, projection: Projection) -> list[str]:
    """Drop every index that no key needs; answers how to make them again."""
    found = connection.execute(INDEXES, (projection.schema,)).fetchall()
    for schema, name, _ in found:
        index = sql.Identifier(str(schema), str(name))
        connection.execute(sql.SQL("DROP INDEX {}").format(index))
    return [str(definition) for _, _, definition in found]


def show(connection: Connection, shown: Sequence[Projection]) -> bool:
    """Let the views in `read` show these versions; call in a transaction.

    True when a view has other columns than before: it was made anew, and those that
    rest on it are gone until they are shown again.
    """
    connection.execute("CREATE SCHEMA IF NOT EXISTS read")
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA read TO {}").format(_everyone()))
    anew = [
        _replace(connection, projection, table.name)
        for projection in shown
        for table in projection.tables
    ]
    return any(anew)


def unguarded(connection: Connection) -> list[str]:
    """Tables with a tenant that row-level security does not protect."""
    return [str(row[0]) for row in connection.execute(UNGUARDED).fetchall()]


def _replace(connection: Connection, projection: Projection, name: str) -> bool:
    try:
        with connection.transaction():
            _show(connection, projection, name)
    except psycopg.errors.InvalidTableDefinition:
        view = sql.Identifier("read", name)
        connection.execute(sql.SQL("DROP VIEW {} CASCADE").format(view))
        _show(connection, projection, name)
        return True
    return False


def _show(connection: Connection, projection: Projection, name: str) -> None:
    view = sql.Identifier("read", name)
    table = sql.Identifier(projection.schema, name)
    own = projection.folder / "view.sql"
    if own.exists():
        named = table.as_string(connection).encode()
        connection.execute(own.read_bytes().replace(b"{table}", named))
    else:
        connection.execute(sql.SQL(VIEW).format(view=view, table=table))
    connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(view, _everyone()))


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


def _everyone() -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, (*READERS, WRITER)))
