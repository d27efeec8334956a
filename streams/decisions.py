"""Waiting for what was decided: the one port of routes and workers to learn it.

The projector announces the positions it has committed; every waiter of this process
then looks once, together, at the rows of the `operations` read model.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, TypeAlias

import psycopg
import structlog
from msgspec import Struct
from psycopg.rows import TupleRow

from streams.pools import Pool
from streams.together import Together

log = structlog.get_logger()

Place: TypeAlias = tuple[str, int]
Wish: TypeAlias = tuple[str, str]
"""Tenant and command id."""
Standing: TypeAlias = dict[Place, tuple[Any, Any]]
"""Next offset and highest decided command of each place."""

SELECT = """
SELECT tenant, id, status, event_id, event_type, subject, problem, body_mac, topic,
       partition, "offset", version
FROM read.operations WHERE tenant = %s AND id = ANY(%s)
"""
SELECT_POSITIONS = """
SELECT topic, partition, min(next_offset), max(command_offset)
FROM coordination.live_positions WHERE projection = ANY(%s) GROUP BY topic, partition
"""
TENANT = "SELECT set_config('app.tenant', %s, true)"
RECHECK_S = 5.0


class Refusal(Struct, frozen=True):
    """Why the answer is no, as recorded; `kind` decides the HTTP status."""

    kind: str
    code: str
    pointer: str = ""
    detail: str = ""


class Decision(Struct, frozen=True):
    """One row of `operations`; `status` is accepted, unchanged or rejected."""

    id: str
    status: str
    event_id: str
    event_type: str
    subject: str
    problem: Refusal | None
    body_mac: str
    topic: str
    partition: int
    offset: int
    version: int

    @property
    def code(self) -> str:
        """Why it was refused, for programs; empty when it was not."""
        return self.problem.code if self.problem else ""


class Decisions:
    """Opened once per process; every method may be called by many tasks at once."""

    def __init__(self, pool: Pool, conninfo: str) -> None:
        self._pool = pool
        self._conninfo = conninfo
        self._moved = asyncio.Event()
        self._decided = Together(self._look_all)
        self._stand = Together(self._stand_all)
        self._listener: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._listener = asyncio.create_task(self._listen(), name="decisions")

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)

    async def decision(
        self, tenant: str, command_id: str, wait_s: float
    ) -> Decision | None:
        """None when nothing was decided (or shown) within `wait_s`."""
        deadline = asyncio.get_running_loop().time() + wait_s
        while True:
            moved = self._moved
            found = await self._decided.ask((tenant, command_id))
            if found is not None:
                return found
            if not await _until(moved, deadline):
                return None

    async def _look_all(self, wishes: Collection[Wish]) -> dict[Wish, Decision]:
        """One question for each tenant, however many of its commands are waited for."""
        asked = defaultdict(list)
        for tenant, command_id in wishes:
            asked[tenant].append(command_id)
        looks = [self.look(tenant, ids) for tenant, ids in asked.items()]
        answers = await asyncio.gather(*looks)
        return {
            (tenant, each.id): each
            for tenant, found in zip(asked, answers, strict=True)
            for each in found
        }

    async def look(self, tenant: str, command_ids: list[str]) -> list[Decision]:
        async with self._pool.connection() as connection, connection.pipeline():
            await connection.execute(TENANT, (tenant,))
            cursor = await connection.execute(SELECT, (tenant, command_ids))
            return [_decision(row) for row in await cursor.fetchall()]

    async def reached(
        self, wanted: dict[Place, int], readers: Iterable[str], wait_s: float
    ) -> bool:
        """True once all these readers have passed every offset that is wanted.

        An event topic counts next offsets; a command topic counts decided commands.
        """
        names = tuple(readers)
        deadline = asyncio.get_running_loop().time() + wait_s
        while True:
            moved = self._moved
            seen = await self._stand.ask(names) or {}
            if all(_behind(seen, place) > last for place, last in wanted.items()):
                return True
            if not await _until(moved, deadline):
                return False

    async def _stand_all(
        self, groups: Collection[tuple[str, ...]]
    ) -> dict[tuple[str, ...], Standing]:
        found = {}
        async with self._pool.connection() as connection:
            for readers in groups:
                cursor = await connection.execute(SELECT_POSITIONS, (list(readers),))
                rows = await cursor.fetchall()
                found[readers] = {(str(r[0]), int(r[1])): (r[2], r[3]) for r in rows}
        return found

    async def _listen(self) -> None:
        while True:
            try:
                await self._follow()
            except psycopg.Error as wrong:
                log.warning("listening again", action="listen", reason=str(wrong))
                await asyncio.sleep(0.5)

    async def _follow(self) -> None:
        connection = await psycopg.AsyncConnection.connect(
            self._conninfo, autocommit=True
        )
        async with connection:
            await connection.execute("LISTEN positions")
            self._wake()
            while True:
                async for _ in connection.notifies(timeout=RECHECK_S, stop_after=1):
                    pass
                self._wake()

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


def _behind(seen: Standing, place: Place) -> int:
    topic, partition = place
    if topic.endswith(".commands.v1"):
        events = topic.replace(".commands.v1", ".events.v1")
        return int(seen.get((events, partition), (0, -1))[1]) + 1
    return int(seen.get(place, (0, -1))[0])


def _decision(row: TupleRow) -> Decision:
    problem = row[6]
    if isinstance(problem, str):
        problem = json.loads(problem)
    return Decision(
        id=str(row[1]),
        status=row[2],
        event_id=str(row[3]),
        event_type=row[4],
        subject=row[5],
        problem=Refusal(**problem) if problem else None,
        body_mac=row[7],
        topic=row[8],
        partition=row[9],
        offset=row[10],
        version=row[11],
    )


async def _until(moved: asyncio.Event, deadline: float) -> bool:
    left = deadline - asyncio.get_running_loop().time()
    if left <= 0:
        return False
    try:
        await asyncio.wait_for(moved.wait(), left)
    except TimeoutError:
        return False
    return True
