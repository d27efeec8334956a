"""Reading rows as one tenant: row-level security decides what there is to see."""

import base64
import binascii
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TypeVar

from psycopg import AsyncCursor, sql
from psycopg.rows import DictRow, dict_row

from api.problems import invalid
from api.shapes import Page, Shown
from streams.pools import Pool

Seen = TypeVar("Seen", bound=Shown)

PAGE_MAX = 200
SET_TENANT = "SELECT set_config('app.tenant', %s, true)"


@asynccontextmanager
async def as_tenant(pool: Pool, tenant: str) -> AsyncIterator[AsyncCursor[DictRow]]:
    """The setting ends with the transaction, so a pooled connection keeps nothing."""
    async with pool.connection() as connection, connection.transaction():
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(SET_TENANT, (tenant,))
        yield cursor


class Rows:
    """The read models as one tenant sees them."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool = pool
        self._tenant = tenant

    async def one(self, table: str, kind: type[Seen], key: str) -> Seen | None:
        query = sql.SQL("SELECT * FROM {} WHERE id = %s").format(_view(table))
        found = await self.all(query, (key,))
        return kind.model_validate(found[0]) if found else None

    async def page(
        self,
        table: str,
        kind: type[Seen],
        *,
        where: Mapping[str, str | None] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[Seen]:
        """Newest first; `where` keeps rows whose columns equal the given values."""
        wanted = {name: text for name, text in (where or {}).items() if text}
        tests: list[sql.Composable] = [
            sql.SQL("{} = %s").format(sql.Identifier(name)) for name in wanted
        ]
        values: list[object] = list(wanted.values())
        if cursor:
            tests.append(sql.SQL("(created_at, id) < (%s, %s)"))
            values += read_cursor(cursor)
        query = sql.SQL(
            "SELECT * FROM {} {} ORDER BY created_at DESC, id DESC LIMIT %s"
        ).format(_view(table), _where(tests))
        return page_of(kind, await self.all(query, [*values, limit + 1]), limit)

    async def all(
        self,
        query: sql.Composed | sql.SQL,
        values: Sequence[object] | Mapping[str, object] = (),
    ) -> list[DictRow]:
        async with as_tenant(self._pool, self._tenant) as cursor:
            await cursor.execute(query, values)
            return await cursor.fetchall()


def page_of(kind: type[Seen], found: Sequence[DictRow], limit: int) -> Page[Seen]:
    """Of rows newest first, one more than the page shows where there are more."""
    rest = write_cursor(found[limit - 1]) if len(found) > limit else None
    return Page(items=[kind.model_validate(row) for row in found[:limit]], next=rest)


def _view(table: str) -> sql.Identifier:
    return sql.Identifier("read", table)


def _where(tests: Sequence[sql.Composable]) -> sql.Composable:
    if not tests:
        return sql.SQL("")
    return sql.SQL("WHERE ") + sql.SQL(" AND ").join(tests)


def write_cursor(row: Mapping[str, object]) -> str:
    created = row["created_at"]
    stamp = created.isoformat() if isinstance(created, datetime) else ""
    return base64.urlsafe_b64encode(json.dumps([stamp, row["id"]]).encode()).decode()


def read_cursor(text: str) -> list[object]:
    try:
        stamp, key = json.loads(base64.urlsafe_b64decode(text))
        return [datetime.fromisoformat(stamp), str(key)]
    except (binascii.Error, ValueError, TypeError) as wrong:
        raise invalid(
            "/query/cursor",
            "This is not a cursor of this API.",
            "Send the `next` of an earlier page, or leave the cursor out.",
        ) from wrong
