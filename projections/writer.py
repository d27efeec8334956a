"""Rows into Postgres: folded to the last state per key, then one upsert per shape.

A shape is a table with a set of columns. Few rows go in one round trip; many go
through a binary COPY into a temporary table that the connection keeps. Versions of one
read model that stand at the same position share the folding and the COPY.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeAlias

import msgspec
import psycopg
from msgspec import Struct
from psycopg import sql

from projections.parking import Unprojectable
from projections.table import Projection, Row, Table, Value

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Plain: TypeAlias = object
Schemas: TypeAlias = tuple[str, ...]
Columns: TypeAlias = tuple[str, ...]

# Measured on the four tables that every event writes: from here on COPY is faster.
MANY = 40
TYPES = """
SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
STAGE = """
CREATE TEMP TABLE {} ON COMMIT DELETE ROWS AS TABLE {} WITH NO DATA
"""
# Every other type goes as text and is parsed on its way out of the stage.
BINARY = frozenset(
    {"text", "text[]", "bigint", "integer", "boolean", "double precision"}
    | {"timestamp with time zone"}
)
AS_TEXT = "ALTER TABLE {} ALTER COLUMN {} TYPE text"


class Folded(Struct):
    """The last state of each key of one table, for every schema that wants it."""

    schemas: Schemas
    table: Table
    rows: dict[tuple[Value, ...], dict[str, Value]] = {}

    def add(self, values: dict[str, Value]) -> None:
        """Later values win; a fact and `created_at` are never changed."""
        key = tuple([values[name] for name in self.table.key])
        before = self.rows.get(key)
        if before is None:
            self.rows[key] = values
        elif not self.table.once:
            born = before["created_at"]
            self.rows[key] = {**before, **values, "created_at": born}


class Shape(Struct, frozen=True):
    """Rows of one table that name the same columns."""

    table: Table
    columns: Columns


def folded(rows: Iterable[tuple[Schemas, Row]]) -> list[Folded]:
    found: dict[tuple[Schemas, str], Folded] = {}
    for schemas, row in rows:
        place = (schemas, row.table.name)
        fold = found.get(place)
        if fold is None:
            fold = found[place] = Folded(schemas, row.table)
        fold.add(row.values)
    return list(found.values())


class Writer:
    """Not thread-safe; one per connection. Temporary tables live as long as it does."""

    def __init__(
        self, connection: Connection, projections: Iterable[Projection]
    ) -> None:
        self._connection = connection
        self._types: dict[str, dict[str, str]] = {}
        with connection.transaction():
            for projection in projections:
                for table in projection.tables:
                    if table.name not in self._types:
                        self._prepare(projection.schema, table)

    def write(self, found: Iterable[Folded], *, again: bool = False) -> None:
        """Call in a transaction; raises what Postgres or its client says of a value.

        `again`: the same transaction may have written before.
        """
        many = []
        with self._connection.pipeline(), self._connection.cursor() as cursor:
            for fold in found:
                for shape, rows in self._shapes(fold):
                    if len(rows) >= MANY:
                        many.append((fold.schemas, shape, rows))
                        continue
                    for schema in fold.schemas:
                        cursor.executemany(_insert(schema, shape), rows)
        # Temporary tables are emptied at commit, not at the end of a savepoint.
        staged = set(self._types) if again else set()
        for schemas, shape, rows in many:
            self._copy(shape, rows, again=shape.table.name in staged)
            staged.add(shape.table.name)
            for schema in schemas:
                self._connection.execute(self._merge(schema, shape))

    def _prepare(self, schema: str, table: Table) -> None:
        place, stage = sql.Identifier(schema, table.name), _stage(table)
        named = place.as_string(self._connection)
        found = self._connection.execute(TYPES, (named,)).fetchall()
        types = {str(name): str(kind) for name, kind in found}
        self._connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(stage))
        self._connection.execute(sql.SQL(STAGE).format(stage, place))
        for name, kind in types.items():
            if kind not in BINARY:
                column = sql.Identifier(name)
                self._connection.execute(sql.SQL(AS_TEXT).format(stage, column))
        self._types[table.name] = types

    def _shapes(self, fold: Folded) -> list[tuple[Shape, list[list[Plain]]]]:
        grouped: dict[Columns, list[list[Plain]]] = defaultdict(list)
        for values in fold.rows.values():
            grouped[tuple(values)].append(list(values.values()))
        shapes = []
        for columns, rows in grouped.items():
            self._make_plain(fold.table, columns, rows)
            shapes.append((Shape(fold.table, columns), rows))
        return shapes

    def _make_plain(
        self, table: Table, columns: Columns, rows: list[list[Plain]]
    ) -> None:
        types = self._types[table.name]
        for place, name in enumerate(columns):
            plain = _json if name in table.json else _plain(types.get(name, ""))
            if plain is not None:
                for row in rows:
                    value = row[place]
                    row[place] = None if value is None else plain(value)

    def _copy(self, shape: Shape, rows: list[list[Plain]], *, again: bool) -> None:
        stage, types = _stage(shape.table), self._types[shape.table.name]
        with self._connection.cursor() as cursor:
            if again:
                cursor.execute(sql.SQL("TRUNCATE {}").format(stage))
            copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)")
            with cursor.copy(copy.format(stage, _names(shape.columns))) as stream:
                kinds = [types.get(name, "") for name in shape.columns]
                stream.set_types([k if k in BINARY else "text" for k in kinds])
                _send(stream, rows)

    def _merge(self, schema: str, shape: Shape) -> sql.Composed:
        types = self._types[shape.table.name]
        texts = tuple(
            (name, kind) for name, kind in types.items() if kind not in BINARY
        )
        return _merge(schema, shape, texts)


def _plain(kind: str) -> Callable[[Plain], Plain] | None:
    """What makes a value one that COPY takes for a column of that kind."""
    if kind.endswith("[]"):
        return _listed
    return str if kind == "numeric" else None


def _listed(value: Plain) -> Plain:
    return list(value) if isinstance(value, tuple) else value


def _json(value: Plain) -> str:
    return msgspec.json.encode(value).decode()


def _send(stream: psycopg.Copy, rows: list[list[Plain]]) -> None:
    try:
        for row in rows:
            stream.write_row(row)
    except (TypeError, ValueError, AttributeError, OverflowError) as wrong:
        raise Unprojectable(f"{type(wrong).__name__}: {wrong}") from wrong


@lru_cache(maxsize=1024)
def _insert(schema: str, shape: Shape) -> sql.Composed:
    values = sql.SQL(", ").join(sql.Placeholder() * len(shape.columns))
    return _upsert(schema, shape, sql.SQL("VALUES ({})").format(values))


@lru_cache(maxsize=1024)
def _merge(
    schema: str, shape: Shape, texts: tuple[tuple[str, str], ...]
) -> sql.Composed:
    """`texts` are columns that the stage holds as text, with their types."""
    kinds = dict(texts)
    columns = sql.SQL(", ").join(
        sql.SQL("CAST({} AS {})").format(
            sql.Identifier(name), sql.Identifier(*kinds[name].split("."))
        )
        if name in kinds
        else sql.Identifier(name)
        for name in shape.columns
    )
    rows = sql.SQL("SELECT {} FROM {}").format(columns, _stage(shape.table))
    return _upsert(schema, shape, rows)


def _upsert(schema: str, shape: Shape, source: sql.Composed) -> sql.Composed:
    return sql.SQL(
        "INSERT INTO {table} AS t ({columns}) {source} ON CONFLICT ({key}) {action}"
    ).format(
        table=sql.Identifier(schema, shape.table.name),
        columns=_names(shape.columns),
        source=source,
        key=_names(shape.table.key),
        action=_action(shape),
    )


def _action(shape: Shape) -> sql.Composable:
    if shape.table.once:
        return sql.SQL("DO NOTHING")
    kept = {*shape.table.key, "created_at"}
    changes = sql.SQL(", ").join(
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name))
        for name in shape.columns
        if name not in kept
    )
    # A record that is read again must not take a row back.
    return sql.SQL("DO UPDATE SET {} WHERE t.version < excluded.version").format(
        changes
    )


def _stage(table: Table) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"stage_{table.name}")


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
