"""What the stores hold, brought to one form, and the same form of what they should."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import LiteralString

import msgspec
import psycopg
from clickhouse_connect.driver.client import Client
from msgspec import Struct
from psycopg import sql
from psycopg.rows import dict_row
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from infra.settings import Settings
from projections.clickhouse import DATABASE, connect
from projections.table import Projection, Table, Value

Plain = object
Key = tuple[Plain, ...]
Cells = dict[str, Plain]
Rows = dict[Key, Cells]

FED = """
SELECT name, version FROM coordination.projections
WHERE state IN ('live', 'catching_up', 'retiring') ORDER BY name, version
"""

# The plain name is a view of the build that is shown.
EVENTS = """
SELECT name FROM system.tables WHERE database = 'contentops'
  AND match(name, '^events(_v[0-9]+)?$') AND engine LIKE '%MergeTree'
ORDER BY length(name) DESC, name DESC LIMIT 1
"""


def plain(value: Value | object, *, json: bool = False) -> Plain:
    """Comparable whether it comes from a projection or out of a database."""
    if json and value is not None:
        value = msgspec.json.decode(msgspec.json.encode(value))
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, Decimal):
        return value.normalize()
    if isinstance(value, dict):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, Struct):
        return plain(msgspec.to_builtins(value))
    return value


def cells(table: Table, values: Mapping[str, Value] | Cells) -> Cells:
    return {name: plain(each, json=name in table.json) for name, each in values.items()}


class Postgres:
    """Asked as the owner, who sees every tenant."""

    def __init__(self, settings: Settings) -> None:
        self._dsn = settings.dsn("owner")
        self._connection = self._connected()

    @retry(
        retry=retry_if_exception_type(psycopg.OperationalError),
        stop=stop_after_delay(60),
        wait=wait_fixed(0.2),
        reraise=True,
    )
    def _connected(self) -> psycopg.Connection[Cells]:
        """A server that was killed reads its log first and refuses everybody."""
        return psycopg.connect(self._dsn, autocommit=True, row_factory=dict_row)

    def close(self) -> None:
        self._connection.close()

    def ask(self, query: sql.Composed | LiteralString) -> list[Cells]:
        """Also of a server that was restarted meanwhile: one more try, anew."""
        try:
            return self._connection.execute(query).fetchall()
        except psycopg.OperationalError:
            self._connection = self._connected()
            return self._connection.execute(query).fetchall()

    def spoil(self, schema: str, table: str, column: str) -> None:
        """One cell becomes `spoilt`, past the projector."""
        place, cell = sql.Identifier(schema, table), sql.Identifier(column)
        where = sql.SQL("(SELECT min(ctid) FROM {})").format(place)
        change = sql.SQL("UPDATE {} SET {} = 'spoilt' WHERE ctid = {} RETURNING id")
        self.ask(change.format(place, cell, where))

    def versions(self) -> dict[str, list[int]]:
        """Of each read model all that are fed, shown or not."""
        found: dict[str, list[int]] = defaultdict(list)
        for row in self.ask(FED):
            found[str(row["name"])].append(int(str(row["version"])))
        return found

    def rows(self, projection: Projection, version: int, table: Table) -> Rows:
        name = sql.Identifier(f"rm_{projection.name}_v{version}", table.name)
        found = self.ask(sql.SQL("SELECT * FROM {}").format(name))
        return _by_key(table, found)


def _by_key(table: Table, found: Iterable[Cells]) -> Rows:
    rows = (cells(table, row) for row in found)
    return {tuple(row[name] for name in table.key): row for row in rows}


class ClickHouse:
    """Asked without FINAL; a merge may keep one row of a fact that was repeated."""

    def __init__(self, settings: Settings) -> None:
        self._client: Client = connect(
            settings.need("clickhouse"), "admin", settings.clickhouse_password("admin")
        )

    def close(self) -> None:
        self._client.close()

    def double(self, topic: str, partition: int, start: int, end: int) -> None:
        """The facts of a range a second time, as a late insert would leave them."""
        where = "_topic = %(topic)s AND _partition = %(part)s AND _off >= %(start)s"
        place = {"topic": topic, "part": partition, "start": start, "end": end}
        table = f"{DATABASE}.{self._client.query(EVENTS).result_rows[0][0]}"
        self._client.command(
            f"INSERT INTO {table} SELECT * FROM {table}"
            f" WHERE {where} AND _off < %(end)s",
            parameters=place,
            settings={"insert_deduplicate": 0},
        )

    def rows(self, table: Table) -> list[Cells]:
        found = self._client.query(f"SELECT * FROM {DATABASE}.{table.name}")
        return [
            cells(table, dict(zip(found.column_names, row, strict=True)))
            for row in found.result_rows
        ]
