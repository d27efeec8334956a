"""Answers that all processes share, in Postgres; each scope sees its own rows only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import LiteralString

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import PoolTimeout

from ai_adapter.cache import FRESH, STALE, Away, Kept, Place
from ai_adapter.kept_answers import packed, unpacked
from streams.pools import Pool

SET_SCOPE = "SELECT set_config('app.tenant', %s, true)"
GET = """
SELECT body, at FROM answers.kept
WHERE scope = %s AND key = %s AND body IS NOT NULL
"""
PUT = """
INSERT INTO answers.kept (scope, key, body, at) VALUES (%s, %s, %s, %s)
ON CONFLICT (scope, key) DO UPDATE
SET body = excluded.body, at = excluded.at, claimed_until = '-infinity'
"""
CLAIM = """
INSERT INTO answers.kept AS k (scope, key, claimed_until)
VALUES (%(scope)s, %(key)s, clock_timestamp() + %(span)s)
ON CONFLICT (scope, key) DO UPDATE SET claimed_until = excluded.claimed_until
WHERE k.claimed_until < clock_timestamp()
  AND (k.body IS NULL OR k.at < clock_timestamp() - %(fresh)s)
RETURNING key
"""
RELEASE = """
UPDATE answers.kept SET claimed_until = '-infinity'
WHERE scope = %s AND key = %s AND claimed_until > '-infinity'
"""
PURGE = """
WITH gone AS (DELETE FROM answers.kept WHERE scope = %s RETURNING key)
SELECT count(*) FROM gone
"""
# In small bites: no row is locked for long, and two sweepers do not wait for another.
SWEEP = """
WITH gone AS (
  DELETE FROM answers.kept WHERE ctid = ANY (ARRAY (
    SELECT ctid FROM answers.kept WHERE at < %s LIMIT 1000 FOR UPDATE SKIP LOCKED
  )) RETURNING key
)
SELECT count(*) FROM gone
"""


class AnswerStore:
    """`ai_adapter.cache.Store` on the database of the read models."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def get(self, place: Place) -> Kept | None:
        async with self._scoped(place[0]) as connection:
            row = await (await connection.execute(GET, place)).fetchone()
        answer = None if row is None else unpacked(bytes(row[0]))
        return None if row is None or answer is None else Kept(answer, row[1])

    async def put(self, place: Place, kept: Kept) -> None:
        values = (*place, packed(kept.answer), kept.at)
        async with self._scoped(place[0]) as connection:
            await connection.execute(PUT, values)

    async def claim(self, place: Place, span: timedelta) -> bool:
        values = {"scope": place[0], "key": place[1], "span": span, "fresh": FRESH}
        async with self._scoped(place[0]) as connection:
            found = await connection.execute(CLAIM, values)
            return await found.fetchone() is not None

    async def release(self, place: Place) -> None:
        async with self._scoped(place[0]) as connection:
            await connection.execute(RELEASE, place)

    async def purge(self, scope: str) -> int:
        """How many were removed; other processes may show theirs for half a minute."""
        return await self._removed(scope, PURGE, scope)

    async def sweep(self, now: datetime) -> int:
        """Removes what is too old even to be stale; needs a role that sees all rows."""
        removed = 0
        while True:
            gone = await self._removed("", SWEEP, now - STALE)
            removed += gone
            if gone == 0:
                return removed

    async def _removed(
        self, scope: str, query: LiteralString, of: str | datetime
    ) -> int:
        async with self._scoped(scope) as connection:
            row = await (await connection.execute(query, (of,))).fetchone()
        return row[0] if row else 0

    @asynccontextmanager
    async def _scoped(self, scope: str) -> AsyncIterator[AsyncConnection[TupleRow]]:
        try:
            async with self._pool.connection() as connection, connection.pipeline():
                await connection.execute(SET_SCOPE, (scope,))
                yield connection
        except (psycopg.Error, PoolTimeout) as away:
            raise Away(type(away).__name__) from away
