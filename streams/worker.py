"""A worker: leases due jobs of one role, does them, and tells the log how they ended.

lease -> StartAttempt -> its decision -> the work -> CompleteJob or FailJob -> release.
A heartbeat runs beside all of it and cancels the work when the lease or the job is
gone. No attempt's result counts but the newest token's, which the log decides.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from time import monotonic
from typing import Protocol, TypeAlias

import psycopg
import structlog
from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.job import AccountAttempt, CompleteJob, FailJob, StartAttempt
from schemas.jobs import JobInput, JobResult, Spent
from schemas.registry import wire_name
from streams import metrics, tracing
from streams.agents.answers import Answers
from streams.agents.spending import Meter, metered
from streams.agents.work import Impossible, Job, Parked, Report, TryLater, Work
from streams.faults import reach
from streams.leases import Kept, Leased
from streams.log import NotAcknowledged
from streams.progress import reporter
from streams.vitals import VITALS

logger = structlog.get_logger()

OUTAGE = (NotAcknowledged, psycopg.OperationalError)
LONGEST_PAUSE_S = 300.0
GIVE_UP_S = 10.0
Random: TypeAlias = Callable[[], float]


draw: Random = secrets.SystemRandom().random


class HoldsLeases(Protocol):
    async def lease(self, role: str, owner: str, token: str) -> Leased | None: ...

    async def keep(self, job_id: str, token: str) -> Kept: ...

    async def ended(self, jobs: Sequence[Leased]) -> set[str]: ...

    async def release(self, job_id: str, token: str, *, done: bool) -> None: ...


class Terms(Struct, frozen=True):
    """How one worker process works; the lease is what `Leases` gives."""

    role: str
    slots: int
    lease_s: float = 15.0
    heartbeat_s: float = 5.0
    look_s: float = 1.0


class Held(Struct, frozen=True):
    """A job that is worked on; `hurry` lets its heart beat at once."""

    leased: Leased
    hurry: asyncio.Event


class NotOurs(Exception):
    """The lease or the job is gone: stop, answer nothing."""


def draw_token() -> str:
    return secrets.token_hex(16)


async def _wrong_role(job: Job, _report: Report) -> JobResult:
    raise Impossible("wrong_role", f"{type(job.input).__name__} came to this role")


def pause_before(attempt: int, after: timedelta | None, random: Random) -> timedelta:
    """Full jitter under a doubling ceiling; a pause that was asked for is kept to."""
    if after is not None:
        return after + timedelta(seconds=random())
    ceiling = min(LONGEST_PAUSE_S, 2.0 * 2**attempt)
    return timedelta(seconds=random() * ceiling)


class Jobs:
    """The slots of one worker process; `owner` is new for every process."""

    def __init__(
        self,
        terms: Terms,
        leases: HoldsLeases,
        answers: Answers,
        work: Mapping[type[JobInput], Work],
        *,
        random: Random = draw,
    ) -> None:
        self._terms = terms
        self._leases = leases
        self._answers = answers
        self._work = work
        self._random = random
        self._owner = draw_token()
        self._looking = asyncio.Lock()
        self._rung = False
        self._running: set[asyncio.Task[None]] = set()
        self._held: dict[str, Held] = {}
        self._broken: BaseException | None = None
        self._freed = asyncio.Event()
        self._closed = False

    async def admit(self, bell: bytes) -> None:  # noqa: ARG002  a bell assigns nothing
        """Lease while slots are free and start what was leased; return at once."""
        self._rung = True
        if self._may_take() and not self._looking.locked():
            await self._look()

    async def run(self) -> None:
        """Look whenever a slot frees and every second, until closed.

        Raises what nobody expected.
        """
        try:
            while self._broken is None and not self._closed:
                self._freed.clear()
                await self._look()
                await self._hurry_the_ended()
                # Not wait_for: in 3.11 it swallows a cancellation that meets a result.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._terms.look_s):
                        await self._freed.wait()
            if self._broken is not None:
                raise self._broken
        finally:
            await self.close()

    async def close(self) -> None:
        """Cancel what runs; each job gets a moment to say what must be said."""
        first, self._closed = not self._closed, True
        self._freed.set()
        async with self._looking:
            running = tuple(self._running)
        for task in running:
            # A second time would hit the last words themselves.
            if first:
                task.cancel()
        if running:
            await asyncio.wait(running, timeout=GIVE_UP_S)

    def _may_take(self) -> bool:
        full = len(self._running) >= self._terms.slots
        return not full and not self._closed and self._broken is None

    async def _look(self) -> None:
        """A bell that comes while we ask may be for what the answer does not know."""
        async with self._looking:
            while self._may_take():
                self._rung = False
                try:
                    leased = await self._leases.lease(
                        self._terms.role, self._owner, draw_token()
                    )
                except OUTAGE as outage:
                    VITALS.wait_for("leases", type(outage).__name__)
                    logger.warning("no leases now", action="wait")
                    return
                VITALS.turn()
                if leased is not None:
                    self._start(leased)
                elif not self._rung:
                    return

    async def _hurry_the_ended(self) -> None:
        """What was called off stops now, not with the next beat of its heart."""
        held = [each.leased for each in self._held.values()]
        with suppress(*OUTAGE):
            for job_id in await self._leases.ended(held) if held else ():
                if found := self._held.get(job_id):
                    found.hurry.set()

    def _start(self, leased: Leased) -> None:
        reach("worker.leased")
        waited = max(float(leased.waited), 0.0)
        metrics.DISPATCH_WAIT_SECONDS.labels(self._terms.role).observe(waited)
        task = asyncio.create_task(self._attempt(leased), name=leased.job_id)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._broken = task.exception()
        self._freed.set()

    async def _attempt(self, leased: Leased) -> None:
        done = False
        try:
            async with self._kept(leased):
                done = await self._do(leased)
        except NotOurs as reason:
            logger.warning("stopped", action="stop", why=str(reason), job=leased.job_id)
        except OUTAGE as outage:
            logger.warning(
                "given back", action="wait", why=str(outage), job=leased.job_id
            )
        finally:
            with suppress(*OUTAGE):
                await self._leases.release(leased.job_id, leased.token, done=done)

    async def _do(self, leased: Leased) -> bool:
        """True once an answer that ends this attempt is on the log."""
        job = leased.job()
        kind = wire_name(type(job.input))
        with tracing.step(f"work {kind}", job.traceparent, job=job.id) as trace:
            return await self._work_on(replace(job, traceparent=trace), leased, kind)

    async def _work_on(self, job: Job, leased: Leased, kind: str) -> bool:
        start = StartAttempt(token=job.token)
        decision = await self._answers.ask(job, start, cause=job.requested)
        if decision.status != "accepted":
            metrics.JOBS_ENDED.labels(kind, "fenced").inc()
            return True
        reach("worker.started")
        started = replace(job, started=decision.event_id)
        meter, since = metered(), monotonic()
        outcome = "stopped"
        try:
            result = leased.earlier() or await self._result(started)
            outcome = "failed" if isinstance(result, FailJob) else "completed"
        finally:
            seconds = round(monotonic() - since, 3)
            await self._account(started, meter, outcome, seconds)
        reach("worker.worked")
        failed = isinstance(result, FailJob)
        metrics.JOB_SECONDS.labels(kind).observe(seconds)
        metrics.JOBS_ENDED.labels(kind, "failed" if failed else "succeeded").inc()
        ended = (
            result
            if isinstance(result, FailJob)
            else CompleteJob(job.token, result, seconds, leased.reused)
        )
        await self._answers.tell(started, ended)
        reach("worker.answered")
        return True

    async def _account(
        self, job: Job, meter: Meter, outcome: str, seconds: float
    ) -> None:
        """Work that costs nothing worth counting (a call) has accounts of its own.

        An answer that was there already cost nothing, which is worth telling.
        """
        spent = meter.spent()
        if spent != Spent() or meter.reused:
            told = AccountAttempt(
                job.token, job.attempt, outcome, seconds, spent, meter.reused
            )
            with suppress(*OUTAGE):
                await self._answers.tell(job, told)

    async def _result(self, job: Job) -> JobResult | FailJob:
        report = reporter(self._answers.log, job, self._answers.clock)
        try:
            return await self._work.get(type(job.input), _wrong_role)(job, report)
        except Impossible as no:
            return FailJob(token=job.token, code=no.code, reason=no.reason)
        except Parked as away:
            waits = self._later(job, away.code, away.reason, away.after)
            return replace(waits, parked=True)
        except TryLater as later:
            return self._later(job, later.code, later.reason, later.after)
        except OUTAGE:
            raise
        except Exception as error:
            logger.exception("a job failed", action="retry", job=job.id)
            return self._later(job, "worker_error", type(error).__name__, None)

    def _later(
        self, job: Job, code: str, reason: str, after: timedelta | None
    ) -> FailJob:
        pause = pause_before(job.attempt, after, self._random)
        retry_at = self._answers.clock() + pause
        return FailJob(token=job.token, code=code, reason=reason, retry_at=retry_at)

    @asynccontextmanager
    async def _kept(self, leased: Leased) -> AsyncIterator[None]:
        """The body is cancelled with NotOurs as soon as the lease cannot be kept."""
        body = asyncio.current_task()
        lost: list[str] = []
        held = self._held[leased.job_id] = Held(leased, asyncio.Event())

        async def beat() -> None:
            try:
                lost.append(await self._until_lost(held))
            except Exception:
                logger.exception("no heartbeat", action="stop", job=leased.job_id)
                lost.append("the heartbeat broke")
            if body is not None:
                body.cancel()

        heart = asyncio.create_task(beat(), name=f"lease-{leased.job_id}")
        try:
            yield
        except asyncio.CancelledError:
            if lost and body is not None and body.uncancel() == 0:
                raise NotOurs(lost[0]) from None
            raise
        finally:
            heart.cancel()
            self._held.pop(leased.job_id, None)

    async def _until_lost(self, held: Held) -> str:
        leased, kept_at = held.leased, monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._terms.heartbeat_s):
                    await held.hurry.wait()
            held.hurry.clear()
            try:
                asked_at = monotonic()
                kept = await self._leases.keep(leased.job_id, leased.token)
            except OUTAGE:
                if monotonic() - kept_at > self._terms.lease_s - 1:
                    return "the lease ran out while Postgres was away"
                continue
            if kept != "held":
                return f"the lease is {kept}"
            kept_at = asked_at
