"""Ringing for due jobs, firing due timers, and giving up jobs that kill workers.

A bell assigns nothing and a timer's command has a derived id, so everything here may
be lost, late or doubled. A mark per job and timer only keeps it from being repeated
more often than every five seconds.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from time import monotonic

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row

from schemas.clock import Clock
from schemas.commands.job import LoseJob
from schemas.commands.publication import FirePublication
from schemas.envelope import Record, command, stamp
from schemas.ids import derived
from schemas.registry import Command
from schemas.topics import JOB, JOBS, PUBLICATION
from streams.due import (
    JOBS_DUE,
    LOST,
    NEXT_IN,
    SWEEP,
    SWEEP_MARKS,
    TIMERS_DUE,
    Bell,
    Lost,
    Timer,
)
from streams.following import when_up
from streams.freshness import Freshness, ends_of
from streams.leases import DEATHS
from streams.log import Log, NotAcknowledged

logger = structlog.get_logger()

TICK_S = 0.2
SHORTEST_S = 0.01
LONGEST_S = 1.0
ROLES = tuple(JOBS)
TOPICS = {"tasks": JOB.events.name, "timers": PUBLICATION.events.name}

POSITIONS = """
SELECT topic, partition, max(next_offset) FROM coordination.positions
WHERE (split_part(reader, '.', 1), topic) IN (('tasks', %s), ('timers', %s))
GROUP BY topic, partition
"""
SWEEP_S = 3600.0


class Dispatcher:
    """Several may run at once: the marks are taken by one of them each."""

    def __init__(
        self, connection: AsyncConnection[TupleRow], log: Log, clock: Clock
    ) -> None:
        self._connection = connection
        self._log = log
        self._clock = clock

    async def tick(self) -> int:
        """Everything that is due now; the number of records appended."""
        fired = await self._fire()
        rung = await self._ring()
        return fired + rung + await self._lose()

    async def next_in(self) -> float:
        """Seconds to sleep when nobody announces anything; never more than one."""
        found = await (await self._connection.execute(NEXT_IN)).fetchone()
        left = LONGEST_S if found is None or found[0] is None else float(found[0])
        return min(max(left, SHORTEST_S), LONGEST_S)

    async def sweep(self) -> None:
        await self._connection.execute(SWEEP)
        await self._connection.execute(SWEEP_MARKS)

    async def _ring(self) -> int:
        asked = {"kind": "job", "roles": list(ROLES)}
        cursor = self._connection.cursor(row_factory=class_row(Bell))
        bells = await (await cursor.execute(JOBS_DUE, asked)).fetchall()
        for bell in bells:
            self._log.append_soon(JOBS[bell.role], bell.id, bell.id.encode())
        return len(bells)

    async def _fire(self) -> int:
        asked = {"kind": "timer", "now": self._clock()}
        cursor = self._connection.cursor(row_factory=class_row(Timer))
        timers = await (await cursor.execute(TIMERS_DUE, asked)).fetchall()
        await self._append([fired(timer, self._clock()) for timer in timers])
        return len(timers)

    async def _lose(self) -> int:
        asked = {"kind": "lost", "deaths": DEATHS}
        cursor = self._connection.cursor(row_factory=class_row(Lost))
        lost = await (await cursor.execute(LOST, asked)).fetchall()
        await self._append([given_up(each, self._clock()) for each in lost])
        return len(lost)

    async def _append(self, records: Sequence[Record[Command]]) -> None:
        appending = (self._log.append(record) for record in records)
        outcomes = await asyncio.gather(*appending, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, NotAcknowledged):
                logger.warning("not acknowledged", action="append_again")
            elif isinstance(outcome, BaseException):
                raise outcome


def fired(timer: Timer, now: datetime) -> Record[Command]:
    return command(
        FirePublication(at=timer.at),
        tenant=timer.tenant,
        aggregate_id=timer.id,
        id=derived("timer", timer.id, stamp(timer.at)),
        time=now,
        correlation=timer.correlation,
        cause=timer.event_id,
        auth_id="dispatcher",
    )


def given_up(lost: Lost, now: datetime) -> Record[Command]:
    return command(
        LoseJob(deaths=lost.deaths),
        tenant=lost.tenant,
        aggregate_id=lost.id,
        id=derived("lose", lost.id, lost.token),
        time=now,
        correlation=lost.correlation,
        cause=lost.event_id,
        auth_id="dispatcher",
    )


async def run(bootstrap: str, conninfo: str, clock: Clock, stop: asyncio.Event) -> None:
    """Until `stop` is set; raises what nobody expected."""
    log = Log(bootstrap)
    try:
        async with await _connect(conninfo) as connection:
            await connection.execute("LISTEN positions")
            dispatcher = Dispatcher(connection, log, clock)
            await _loop(bootstrap, connection, dispatcher, stop)
    finally:
        await log.close()


async def _loop(
    bootstrap: str,
    connection: AsyncConnection[TupleRow],
    dispatcher: Dispatcher,
    stop: asyncio.Event,
) -> None:
    fresh = Freshness(monotonic)
    swept = monotonic()
    while not stop.is_set():
        if fresh.due():
            fresh.raise_bar(await _ends(bootstrap))
        pause = TICK_S
        if fresh.may_act(await positions(connection)) and not await dispatcher.tick():
            pause = await dispatcher.next_in()
        if monotonic() - swept > SWEEP_S:
            swept = monotonic()
            await dispatcher.sweep()
        async for _ in connection.notifies(timeout=pause, stop_after=1):
            pass


@when_up
async def _connect(conninfo: str) -> AsyncConnection[TupleRow]:
    return await psycopg.AsyncConnection.connect(
        conninfo, autocommit=True, prepare_threshold=None
    )


@when_up
async def _ends(bootstrap: str) -> Mapping[tuple[str, int], int]:
    return await asyncio.to_thread(ends_of, bootstrap, list(TOPICS.values()))


async def positions(
    connection: AsyncConnection[TupleRow],
) -> dict[tuple[str, int], int]:
    """How far the read models behind tasks and timers have come."""
    found = await connection.execute(POSITIONS, list(TOPICS.values()))
    return {(row[0], row[1]): row[2] for row in await found.fetchall()}
