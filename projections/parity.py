"""Whether two versions of a read model hold the same rows, tenant by tenant.

Call in one REPEATABLE READ transaction in which both stand at the same position. The
hash of a tenant runs over its rows in the order of the key.
"""

from collections.abc import Iterator
from typing import TypeAlias

import psycopg
from msgspec import Struct
from psycopg import sql

from projections.table import Projection, Table

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]

APART = """
SELECT count(*) FROM
  (SELECT * FROM coordination.positions WHERE reader = %s) AS o
FULL JOIN (SELECT * FROM coordination.positions WHERE reader = %s) AS n
  USING (topic, partition)
WHERE coalesce(o.next_offset, 0) <> coalesce(n.next_offset, 0)
"""
COLUMNS = """
SELECT o.attname FROM pg_attribute o JOIN pg_attribute n ON n.attname = o.attname
WHERE o.attrelid = %s::regclass AND n.attrelid = %s::regclass
  AND o.attnum > 0 AND n.attnum > 0 AND NOT o.attisdropped AND NOT n.attisdropped
ORDER BY o.attnum
"""
SUMS = """
SELECT tenant, count(*), encode(sha256(string_agg(
  int8send(hashtextextended(row({columns})::text, 0)), ''::bytea ORDER BY {key}
)), 'hex') FROM {table} {within} GROUP BY tenant
"""
FIRST = """
SELECT concat_ws(', ', {key}), o.hash IS NULL, n.hash IS NULL,
  (SELECT string_agg(key, ', ' ORDER BY key) FROM jsonb_each_text(o.whole) AS a
   JOIN jsonb_each_text(n.whole) AS b USING (key) WHERE a.value <> b.value
     OR (a.value IS NULL) <> (b.value IS NULL))
FROM
  (SELECT {key}, row({columns})::text AS hash, to_jsonb(t) AS whole
   FROM {old} AS t {within}) AS o
FULL JOIN
  (SELECT {key}, row({columns})::text AS hash, to_jsonb(t) AS whole
   FROM {new} AS t {within}) AS n
  USING ({key})
WHERE tenant = {tenant} AND o.hash IS DISTINCT FROM n.hash ORDER BY {key} LIMIT 1
"""
# Older rows may be pruned from one already and from the other not yet.
WITHIN = "WHERE at > now() - {} * interval '1 day'"


class Compared(Struct, frozen=True):
    """One tenant in one table; `first` names the first key that differs, and where."""

    table: str
    tenant: str
    old: int
    new: int
    first: str = ""

    @property
    def equal(self) -> bool:
        return not self.first


def level(connection: Connection, old: Projection, new: Projection) -> bool:
    """Whether both stand at the same position of every partition."""
    found = connection.execute(APART, (old.reader, new.reader)).fetchone()
    return found is not None and found[0] == 0


def compare(connection: Connection, old: Projection, new: Projection) -> list[Compared]:
    """Columns that both have, for every table and tenant."""
    return [
        each for table in old.tables for each in _compared(connection, old, new, table)
    ]


def _compared(
    connection: Connection, old: Projection, new: Projection, table: Table
) -> Iterator[Compared]:
    parts = _parts(connection, old, new, table)
    before = _sums(connection, parts, parts["old"])
    after = _sums(connection, parts, parts["new"])
    for tenant in sorted(before.keys() | after.keys()):
        (olds, mine), (news, its) = before.get(tenant, NONE), after.get(tenant, NONE)
        first = ""
        if (olds, mine) != (news, its):
            first = _first(connection, parts, tenant, (old.label, new.label))
        yield Compared(table.name, tenant, olds, news, first)


NONE = (0, "")


def _parts(
    connection: Connection, old: Projection, new: Projection, table: Table
) -> dict[str, sql.Composable]:
    places = [sql.Identifier(each.schema, table.name) for each in (old, new)]
    names = [place.as_string(connection) for place in places]
    columns = [str(row[0]) for row in connection.execute(COLUMNS, names)]
    within = sql.SQL(WITHIN).format(table.keep_days) if table.keep_days else sql.SQL("")
    return {
        "old": places[0],
        "new": places[1],
        "columns": sql.SQL(", ").join(map(sql.Identifier, columns)),
        "key": sql.SQL(", ").join(map(sql.Identifier, table.key)),
        "within": within,
    }


def _sums(
    connection: Connection, parts: dict[str, sql.Composable], table: sql.Composable
) -> dict[str, tuple[int, str]]:
    rows = connection.execute(sql.SQL(SUMS).format(**parts, table=table)).fetchall()
    return {str(row[0]): (int(str(row[1])), str(row[2])) for row in rows}


def _first(
    connection: Connection,
    parts: dict[str, sql.Composable],
    tenant: str,
    labels: tuple[str, str],
) -> str:
    query = sql.SQL(FIRST).format(**parts, tenant=sql.Literal(tenant))
    found = connection.execute(query).fetchone()
    if found is None:
        return "its number of rows"
    key, not_old, not_new, columns = found
    if not_old or not_new:
        return f"{key} (only in {labels[bool(not_old)]})"
    return f"{key} in {columns}"
