"""Reading changes: of one tenant by its own rights, or what is new for everybody."""

import json
from typing import Protocol

from psycopg.rows import DictRow, dict_row

from api.channel import Change
from api.parts import Vector
from api.rows import Rows
from projections.changes.query import AFTER, HEADS, NEWEST, NEWS, PLACES
from streams.pools import Pool


class Changes(Protocol):
    """What the hub asks; rows of one place come in the order of the log."""

    async def newest(self, tenant: str) -> Vector: ...

    async def after(self, tenant: str, seen: Vector, most: int) -> list[Change]:
        """At most `most`, place by place."""
        ...

    async def heads(self) -> Vector:
        """The newest change of every place any reader knows, of all tenants."""
        ...

    async def news(self, head: Vector, most: int) -> list[Change]:
        """Of all tenants, at most `most` of each place."""
        ...


class Feed:
    """The same from Postgres; each method is one question."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def newest(self, tenant: str) -> Vector:
        found = await Rows(self._pool, tenant).all(NEWEST)
        return {(row["topic"], row["partition"]): row["last"] for row in found}

    async def after(self, tenant: str, seen: Vector, most: int) -> list[Change]:
        found = await Rows(self._pool, tenant).all(AFTER, [*_columns(seen), most])
        return [_change(row | {"tenant": tenant}) for row in found]

    async def heads(self) -> Vector:
        async with self._pool.connection() as connection:
            places = await (await connection.execute(PLACES)).fetchall()
            known = [[row[0] for row in places], [row[1] for row in places]]
            found = await (await connection.execute(HEADS, known)).fetchall()
        return {(row[0], row[1]): row[2] for row in found}

    async def news(self, head: Vector, most: int) -> list[Change]:
        async with self._pool.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(NEWS, [*_columns(head), most])
            return [_change(row) for row in await cursor.fetchall()]


def _columns(seen: Vector) -> list[object]:
    places = sorted(seen)
    return [
        [topic for topic, _ in places],
        [partition for _, partition in places],
        [seen[place] for place in places],
    ]


def _change(row: DictRow) -> Change:
    told = {
        "kind": row["kind"],
        "id": row["subject"].partition("/")[2],
        "type": row["type"],
        "at": row["at"].isoformat(),
    }
    place = (row["topic"], row["partition"])
    return Change(row["tenant"], place, row["offset"], json.dumps(told))
