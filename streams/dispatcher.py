"""Ringing for due jobs, firing due timers, ending jobs that kill workers or run over.

A bell assigns nothing and a timer's command has a derived id, so everything here may
be lost, late or doubled. A mark per job and timer only keeps it from being repeated
more often than every five seconds.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from time import monotonic

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row

from schemas.clock import Clock
from schemas.commands.asset import AbandonUpload, PurgeAsset, TrashAsset
from schemas.commands.budget import ExpireReservation
from schemas.commands.job import ExpireJob, LoseJob
from schemas.commands.publication import FirePublication
from schemas.envelope import Record, command, stamp
from schemas.ids import derived
from schemas.registry import Command
from schemas.topics import AI, ASSET, JOB, JOBS, PUBLICATION
from streams import metrics
from streams.due import (
    JOBS_DUE,
    LOST,
    MOST,
    NEXT_IN,
    OVERDUE,
    SWEEP,
    SWEEP_MARKS,
    TIMERS_DUE,
    Bell,
    Lost,
    Overdue,
    Timer,
)
from streams.faults import reach
from streams.following import when_up
from streams.freshness import STALE_S, Freshness
from streams.log import Log, NotAcknowledged
from streams.places import ends_of
from streams.queue import DEATHS
from streams.vitals import VITALS

logger = structlog.get_logger()

TICK_S = 0.2
# Positions are announced after every batch; the rows of a few are looked at together.
APART_S = 0.03
SHORTEST_S = 0.01
LONGEST_S = 1.0
GRACE_S = 3600.0
"""A timer that fires later than this is missed, unless its plan says otherwise."""
TRASH_KEPT = timedelta(days=30)
"""What left by itself can be brought back for so long."""
ROLES = tuple(JOBS)
SOURCES = (
    ("tasks", JOB.events.name),
    ("timers", PUBLICATION.events.name),
    ("timers", ASSET.events.name),
    ("timers", AI.events.name),
)

POSITIONS = """
SELECT topic, partition, max(next_offset) FROM coordination.live_positions
WHERE (projection, topic) IN ((%s, %s), (%s, %s), (%s, %s), (%s, %s))
GROUP BY topic, partition
"""
SWEEP_S = 3600.0


class Dispatcher:
    """Several may run at once: the marks are taken by one of them each."""

    def __init__(
        self,
        connection: AsyncConnection[TupleRow],
        log: Log,
        clock: Clock,
        grace_s: float = GRACE_S,
    ) -> None:
        self._connection = connection
        self._log = log
        self._clock = clock
        self._grace_s = grace_s

    async def tick(self) -> int:
        """Everything that is due now, up to `MOST` of a kind; how much it was."""
        done = (
            await self._ring(),
            await self._fire(),
            await self._expire(),
            await self._lose(),
        )
        return sum(done)

    async def next_in(self) -> float:
        """Seconds to sleep when nobody announces anything; never more than one."""
        found = await (await self._connection.execute(NEXT_IN)).fetchone()
        left = LONGEST_S if found is None or found[0] is None else float(found[0])
        return min(max(left, SHORTEST_S), LONGEST_S)

    async def sweep(self) -> None:
        await self._connection.execute(SWEEP)
        await self._connection.execute(SWEEP_MARKS)

    async def _ring(self) -> int:
        asked = {
            "kind": "job",
            "roles": list(ROLES),
            "deaths": DEATHS,
            "labels": None,
        }
        cursor = self._connection.cursor(row_factory=class_row(Bell))
        bells = await (await cursor.execute(JOBS_DUE, asked)).fetchall()
        for bell in bells:
            self._log.append_soon(JOBS[bell.role], bell.id, bell.id.encode())
        if bells:
            reach("dispatcher.rung")
        return len(bells)

    async def _fire(self) -> int:
        now = self._clock()
        cursor = self._connection.cursor(row_factory=class_row(Timer))
        found = await cursor.execute(TIMERS_DUE, {"kind": "timer", "now": now})
        timers = await found.fetchall()
        for timer in timers:
            late = (now - timer.at).total_seconds()
            metrics.TIMER_LATE_SECONDS.observe(max(late, 0.0))
        return await self._append(
            [fired(timer, self._clock(), self._grace_s) for timer in timers]
        )

    async def _expire(self) -> int:
        now = self._clock()
        cursor = self._connection.cursor(row_factory=class_row(Overdue))
        found = await cursor.execute(OVERDUE, {"kind": "deadline", "now": now})
        return await self._append([expired(job, now) for job in await found.fetchall()])

    async def _lose(self) -> int:
        asked = {"kind": "lost", "deaths": DEATHS}
        cursor = self._connection.cursor(row_factory=class_row(Lost))
        lost = await (await cursor.execute(LOST, asked)).fetchall()
        return await self._append([given_up(each, self._clock()) for each in lost])

    async def _append(self, records: Sequence[Record[Command]]) -> int:
        """All at once, and their acknowledgements awaited together."""
        if not records:
            return 0
        reach("dispatcher.marked")
        appending = (self._log.append(record) for record in records)
        outcomes = await asyncio.gather(*appending, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, NotAcknowledged):
                logger.warning("not acknowledged", action="append_again")
            elif isinstance(outcome, BaseException):
                raise outcome
        reach("dispatcher.appended")
        return len(records)


def fired(timer: Timer, now: datetime, grace_s: float) -> Record[Command]:
    """Its id is the timer's alone: whatever is sent again later, the first counts."""
    id_ = derived("timer", timer.id, stamp(timer.at))
    return _addressed(timer, timer.subject, _wish(timer, now, grace_s), id_, now)


def _wish(timer: Timer, now: datetime, grace_s: float) -> Command:
    match timer.kind:
        case "asset_keep":
            return TrashAsset(purge_at=timer.at + TRASH_KEPT, expired=timer.at)
        case "asset_purge":
            return PurgeAsset(at=timer.at)
        case "asset_upload":
            return AbandonUpload(at=timer.at)
        case "budget":
            return ExpireReservation(timer.id.partition(":")[2], timer.at)
        case _:
            return FirePublication(at=timer.at, fired_at=now, grace_s=grace_s)


def expired(job: Overdue, now: datetime) -> Record[Command]:
    id_ = derived("expire", job.id, stamp(job.deadline))
    return _addressed(job, job.id, ExpireJob(deadline=job.deadline), id_, now)


def given_up(lost: Lost, now: datetime) -> Record[Command]:
    id_ = derived("lose", lost.id, lost.token)
    return _addressed(lost, lost.id, LoseJob(deaths=lost.deaths), id_, now)


def _addressed(
    due: Timer | Overdue | Lost, stream: str, wish: Command, id_: str, now: datetime
) -> Record[Command]:
    return command(
        wish,
        tenant=due.tenant,
        aggregate_id=stream,
        id=id_,
        time=now,
        correlation=due.correlation,
        cause=due.event_id,
        auth_id="dispatcher",
    )


async def run(
    bootstrap: str,
    conninfo: str,
    clock: Clock,
    stop: asyncio.Event,
    *,
    grace_s: float = GRACE_S,
) -> None:
    """Until `stop` is set; raises what nobody expected."""
    log = Log(bootstrap)
    try:
        async with await _connect(conninfo) as connection:
            await connection.execute("LISTEN positions")
            dispatcher = Dispatcher(connection, log, clock, grace_s)
            await _loop(bootstrap, connection, dispatcher, stop)
    finally:
        await log.close()


class Ends:
    """The question for the log's ends, asked beside the ticks: it takes longer."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._asking: asyncio.Task[Mapping[tuple[str, int], int]] | None = None
        self._since = 0.0

    def answer(self) -> Mapping[tuple[str, int], int] | None:
        """Asks if nobody does; None until there is an answer."""
        if self._asking is None:
            self._asking = asyncio.create_task(_ends(self._bootstrap))
            self._since = monotonic()
        if not self._asking.done():
            return None
        asked, self._asking = self._asking, None
        return asked.result()

    @property
    def overdue(self) -> bool:
        """So long without an answer that nobody knows how fresh the rows are."""
        return self._asking is not None and monotonic() - self._since > STALE_S


async def _loop(
    bootstrap: str,
    connection: AsyncConnection[TupleRow],
    dispatcher: Dispatcher,
    stop: asyncio.Event,
) -> None:
    fresh, ends = Freshness(monotonic), Ends(bootstrap)
    swept = monotonic()
    while not stop.is_set():
        if fresh.due() and (found := ends.answer()) is not None:
            fresh.raise_bar(found)
        pause = TICK_S
        if not ends.overdue and fresh.may_act(await positions(connection)):
            done = await dispatcher.tick()
            pause = SHORTEST_S if done >= MOST else pause
            pause = pause if done else await dispatcher.next_in()
            VITALS.turn()
        if monotonic() - swept > SWEEP_S:
            swept = monotonic()
            await dispatcher.sweep()
        await announced(connection, pause)


async def announced(connection: AsyncConnection[TupleRow], pause_s: float) -> None:
    """Until an announcement or the end of the pause; those close to it count as one."""
    if [each async for each in connection.notifies(timeout=pause_s, stop_after=1)]:
        await asyncio.sleep(APART_S)
        async for _ in connection.notifies(timeout=0):
            pass


@when_up
async def _connect(conninfo: str) -> AsyncConnection[TupleRow]:
    return await psycopg.AsyncConnection.connect(
        conninfo, autocommit=True, prepare_threshold=None
    )


@when_up
async def _ends(bootstrap: str) -> Mapping[tuple[str, int], int]:
    return await asyncio.to_thread(ends_of, bootstrap, [topic for _, topic in SOURCES])


async def positions(
    connection: AsyncConnection[TupleRow],
) -> dict[tuple[str, int], int]:
    """How far the read models behind tasks and timers have come."""
    found = await connection.execute(
        POSITIONS, [part for source in SOURCES for part in source]
    )
    return {(row[0], row[1]): row[2] for row in await found.fetchall()}
