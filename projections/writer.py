"""Rows into Postgres: folded to the last state per key, then one upsert per shape.

A shape is a table with a set of columns. Few rows go in one round trip, many through
COPY and a temporary table.
"""

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

import msgspec
import psycopg
from msgspec import Struct
from psycopg import sql

from projections.table import Row, Table, Value

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Plain: TypeAlias = object

# Measured on the four tables that every event writes: from here on COPY is faster.
MANY = 40


class Shape(Struct, frozen=True):
    schema: str
    table: Table
    columns: tuple[str, ...]


def write(connection: Connection, rows: Iterable[tuple[str, Row]]) -> None:
    """Call in a transaction; each row comes with the schema it belongs to."""
    shapes = _shapes(_folded(rows))
    few = {shape: found for shape, found in shapes.items() if len(found) < MANY}
    with connection.pipeline(), connection.cursor() as cursor:
        for shape, found in few.items():
            cursor.executemany(_insert(shape), found)
    for shape, found in shapes.items():
        if len(found) >= MANY:
            _copy(connection, shape, found)


def _folded(rows: Iterable[tuple[str, Row]]) -> list[tuple[str, Row]]:
    """One row per key: later values win, a fact and `created_at` are never changed."""
    found: dict[tuple[Value, ...], tuple[str, Row]] = {}
    for schema, row in rows:
        key = (schema, row.table.name, *row.key)
        before = found.get(key)
        if before is None:
            found[key] = (schema, row)
        elif not row.table.once:
            old = before[1].values
            values = {**old, **row.values, "created_at": old["created_at"]}
            found[key] = (schema, Row(row.table, values))
    return list(found.values())


def _shapes(rows: Iterable[tuple[str, Row]]) -> dict[Shape, list[list[Plain]]]:
    found: dict[Shape, list[list[Plain]]] = defaultdict(list)
    for schema, row in rows:
        shape = Shape(schema, row.table, tuple(row.values))
        found[shape].append(
            [_plain(row.table, name, value) for name, value in row.values.items()]
        )
    return found


def _plain(table: Table, name: str, value: Value) -> Plain:
    if value is None:
        return None
    if name in table.json:
        return msgspec.json.encode(value).decode()
    return list(value) if isinstance(value, tuple) else value


@lru_cache(maxsize=1024)
def _insert(shape: Shape) -> sql.Composed:
    values = sql.SQL(", ").join(sql.Placeholder() * len(shape.columns))
    return _upsert(shape, sql.SQL("VALUES ({})").format(values))


def _upsert(shape: Shape, source: sql.Composable) -> sql.Composed:
    return sql.SQL(
        "INSERT INTO {table} AS t ({columns}) {source} ON CONFLICT ({key}) {action}"
    ).format(
        table=sql.Identifier(shape.schema, shape.table.name),
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


def _copy(connection: Connection, shape: Shape, rows: list[list[Plain]]) -> None:
    stage = sql.Identifier(f"stage_{shape.table.name}")
    columns = _names(shape.columns)
    table = sql.Identifier(shape.schema, shape.table.name)
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "CREATE TEMP TABLE {} ON COMMIT DROP AS TABLE {} WITH NO DATA"
            ).format(stage, table)
        )
        copy = sql.SQL("COPY {} ({}) FROM STDIN").format(stage, columns)
        with cursor.copy(copy) as stream:
            for row in rows:
                stream.write_row(row)
        source = sql.SQL("SELECT {} FROM {}").format(columns, stage)
        cursor.execute(_upsert(shape, source), prepare=False)
        cursor.execute(sql.SQL("DROP TABLE {}").format(stage))


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
