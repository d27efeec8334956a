"""A worker's slots: lease, start, do, answer; and what may come between."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from psycopg import OperationalError

from schemas.commands.job import AccountAttempt, CompleteJob, FailJob, StartAttempt
from schemas.events.job import JobCompleted, JobFailed, JobStarted
from schemas.jobs import JobResult, Settled, Spent
from schemas.publishing import PublishInput, SettleInput
from streams.agents.spending import spend
from streams.agents.work import Impossible, Job, Report, TryLater, Work
from streams.leases import Leased
from streams.worker import Jobs, Terms, pause_before
from tests.unit.streams.workshop import (
    FakeClock,
    FakeLeases,
    FakeLog,
    answers,
    until,
    wanted,
)

INPUT = PublishInput("p")


class Bench:
    """A worker whose work is a function of the test."""

    def __init__(self, slots: int = 2, *, heartbeat_s: float = 5.0) -> None:
        self.clock = FakeClock()
        self.log = FakeLog()
        self.leases = FakeLeases()
        self.seen: list[Job] = []
        self.result: Callable[[Job], JobResult] = lambda _job: Settled("done")
        self.gate = asyncio.Event()
        self.gate.set()
        self.terms = Terms("publish", slots, heartbeat_s=heartbeat_s, look_s=0.01)
        self.jobs = self.doing(self.work)

    def doing(self, work: Work) -> Jobs:
        return Jobs(
            self.terms,
            self.leases,
            answers(self.log, self.clock),
            {PublishInput: work},
            random=lambda: 0.5,
        )

    async def work(self, job: Job, report: Report) -> JobResult:
        self.seen.append(job)
        report(10, "begun")
        await self.gate.wait()
        return self.result(job)

    def offer(self, *job_ids: str, attempts: int = 3) -> None:
        for job_id in job_ids:
            wanted(self.log, job_id, INPUT, attempts=attempts)
            self.leases.offer(job_id, INPUT)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[asyncio.Task[None]]:
        running = asyncio.create_task(self.jobs.run())
        try:
            yield running
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await running


async def test_a_job_is_started_in_the_log_before_it_is_done() -> None:
    bench = Bench()
    bench.offer("j")

    async with bench.open():
        await until(lambda: bench.leases.released)

    kinds = [type(event) for _, event in bench.log.events]
    assert kinds[1:] == [JobStarted, JobCompleted]
    assert bench.leases.released == [("j", True)]
    assert bench.seen[0].started != ""


async def test_answers_name_what_made_them_and_follow_from_job_and_token() -> None:
    bench = Bench()
    bench.offer("j")

    async with bench.open():
        await until(lambda: bench.leases.released)

    start, complete = bench.log.commands[1:]
    assert start.envelope.cause == "requested"
    assert complete.envelope.cause == bench.seen[0].started
    assert {each.envelope.correlation for each in (start, complete)} == {"c"}
    assert isinstance(start.data, StartAttempt)
    assert isinstance(complete.data, CompleteJob)
    assert start.data.token == complete.data.token == bench.leases.held["j"]


async def test_a_lost_acknowledgement_appends_the_same_record_again() -> None:
    bench = Bench()
    bench.offer("j")
    bench.log.lost_acks = 1

    async with bench.open():
        await until(lambda: bench.leases.released)

    assert [type(event) for _, event in bench.log.events].count(JobStarted) == 1
    assert bench.leases.released == [("j", True)]


async def test_no_more_jobs_than_slots_and_the_next_as_soon_as_one_frees() -> None:
    bench = Bench(slots=2)
    bench.gate.clear()
    bench.offer("a", "b", "c")

    async with bench.open():
        await until(lambda: len(bench.seen) == 2)
        await bench.jobs.admit(b"c")
        assert len(bench.seen) == 2
        bench.gate.set()
        await until(lambda: len(bench.leases.released) == 3)


async def test_a_bell_starts_work_without_waiting_for_the_second_to_pass() -> None:
    bench = Bench()
    bench.offer("j")

    await bench.jobs.admit(b"any job: a bell assigns nothing")
    await until(lambda: bench.leases.released)

    assert bench.seen[0].id == "j"


async def test_a_bell_that_comes_while_it_asks_makes_it_ask_again() -> None:
    """The job became due just after the question was answered with none."""
    bench = Bench()
    bells: list[asyncio.Task[None]] = []

    def due_now() -> None:
        if not bells:
            bench.offer("j")
            bells.append(asyncio.create_task(bench.jobs.admit(b"j")))

    bench.leases.answering = due_now
    slow = asyncio.Event()
    asked = bench.leases.lease

    async def lease(role: str, owner: str, token: str) -> Leased | None:
        found = await asked(role, owner, token)
        if found is None and not slow.is_set():
            await bells[0]
            slow.set()
        return found

    bench.leases.lease = lease  # type: ignore[method-assign]  an answer that is slow
    await bench.jobs.admit(b"first")

    await until(lambda: bench.leases.released)
    assert bench.seen[0].id == "j"


async def test_an_earlier_result_answers_without_any_work() -> None:
    bench = Bench()
    wanted(bench.log, "j", INPUT)
    result = json.encode(Settled("seen before")).decode()
    bench.leases.offer("j", INPUT, reused="earlier", result=result)

    async with bench.open():
        await until(lambda: bench.leases.released)

    (done,) = [e for _, e in bench.log.events if isinstance(e, JobCompleted)]
    assert (done.result, done.reused) == (Settled("seen before"), "earlier")
    assert bench.seen == []


async def test_a_job_that_ended_meanwhile_is_not_done() -> None:
    bench = Bench()
    bench.offer("j")
    bench.log.given("j", StartAttempt("other"))
    bench.log.given("j", CompleteJob("other", Settled("done"), 1.0))

    async with bench.open():
        await until(lambda: bench.leases.released)

    assert bench.seen == []
    assert bench.log.refused() == ["job_ended"]


async def test_try_later_asks_for_another_attempt_after_the_pause_that_was_named() -> (
    None
):
    bench = Bench()
    bench.offer("j")
    bench.result = raising(TryLater("busy", "not now", timedelta(seconds=60)))

    async with bench.open():
        await until(lambda: bench.leases.released)

    failed = bench.log.told(FailJob)[0]
    assert isinstance(failed, FailJob)
    assert failed.code == "busy"
    assert failed.retry_at == bench.clock.now + timedelta(seconds=60.5)


async def test_impossible_is_the_end_in_its_own_words() -> None:
    bench = Bench()
    bench.offer("j")
    bench.result = raising(Impossible("too_long", "shorten the title"))

    async with bench.open():
        await until(lambda: bench.leases.released)

    (failed,) = [event for _, event in bench.log.events if isinstance(event, JobFailed)]
    assert (failed.code, failed.reason) == ("too_long", "shorten the title")
    assert failed.retry_at is None


async def test_an_unknown_error_is_retried_and_does_not_stop_the_worker() -> None:
    bench = Bench()
    bench.offer("j")
    bench.result = raising(ZeroDivisionError("secret words"))

    async with bench.open() as running:
        await until(lambda: bench.leases.released)
        assert not running.done()

    failed = bench.log.told(FailJob)[0]
    assert isinstance(failed, FailJob)
    assert (failed.code, failed.reason) == ("worker_error", "ZeroDivisionError")
    assert failed.retry_at is not None


async def test_the_last_attempt_is_the_last() -> None:
    bench = Bench()
    bench.offer("j", attempts=1)
    bench.result = raising(TryLater("busy", "not now"))

    async with bench.open():
        await until(lambda: bench.leases.released)

    (failed,) = [event for _, event in bench.log.events if isinstance(event, JobFailed)]
    assert failed.retry_at is None


async def test_work_this_role_does_not_know_fails_for_good() -> None:
    bench = Bench()
    wanted(bench.log, "j", SettleInput("p"))
    bench.leases.offer("j", SettleInput("p"))

    async with bench.open():
        await until(lambda: bench.leases.released)

    failed = bench.log.told(FailJob)[0]
    assert isinstance(failed, FailJob)
    assert (failed.code, failed.retry_at) == ("wrong_role", None)


@pytest.mark.parametrize("kept", ["gone", "ended"])
async def test_without_its_lease_the_work_stops_and_says_nothing(kept: str) -> None:
    bench = Bench(heartbeat_s=0.01)
    bench.gate.clear()
    bench.offer("j")

    async with bench.open() as running:
        await until(lambda: bench.seen)
        bench.leases.kept = kept  # type: ignore[assignment]  # one of two literals
        await until(lambda: bench.leases.released)
        assert not running.done()

    assert bench.log.told(CompleteJob) == []
    assert bench.log.told(FailJob) == []
    assert bench.leases.released == [("j", False)]


async def test_being_stopped_gives_the_job_back_unfinished() -> None:
    bench = Bench()
    bench.gate.clear()
    bench.offer("j")

    async with bench.open():
        await until(lambda: bench.seen)

    assert bench.leases.released == [("j", False)]
    assert bench.log.told(FailJob) == []


async def test_closed_it_takes_nothing_more_and_ends() -> None:
    bench = Bench()

    async with bench.open() as running:
        await until(lambda: bench.leases.asked)
        await bench.jobs.close()
        bench.offer("j")
        await bench.jobs.admit(b"j")
        await asyncio.wait_for(running, 5)

    assert bench.seen == []


async def test_postgres_away_is_waited_out() -> None:
    bench = Bench()
    bench.leases.broken = OperationalError("gone")

    async with bench.open() as running:
        await until(lambda: bench.leases.asked > 2)
        assert not running.done()
        bench.leases.broken = None
        bench.offer("j")
        await until(lambda: bench.leases.released)


async def test_what_nobody_expected_ends_the_worker() -> None:
    bench = Bench()
    bench.offer("j")

    def explode(_record: object) -> None:
        raise LookupError("a bug of ours")

    bench.log.before_append = explode

    async with bench.open() as running:
        with pytest.raises(LookupError):
            await asyncio.wait_for(running, 5)


@given(st.integers(1, 50), st.floats(0, 1))
def test_pauses_grow_under_a_ceiling_and_start_anywhere_below_it(
    attempt: int, drawn: float
) -> None:
    pause = pause_before(attempt, None, lambda: drawn)

    assert timedelta(0) <= pause <= timedelta(seconds=min(300, 2 * 2**attempt))


@given(st.integers(1, 50), st.floats(0, 1))
def test_a_pause_that_was_asked_for_is_never_cut_short(
    attempt: int, drawn: float
) -> None:
    asked = timedelta(hours=6)

    assert pause_before(attempt, asked, lambda: drawn) >= asked


def raising(error: Exception) -> Callable[[Job], JobResult]:
    def result(_job: Job) -> JobResult:
        raise error

    return result


async def test_what_was_called_off_stops_before_the_next_heartbeat() -> None:
    bench = Bench(heartbeat_s=3600)
    bench.gate.clear()
    bench.offer("j", "k")

    async with bench.open():
        await until(lambda: len(bench.seen) == 2)
        bench.leases.kept = "ended"
        bench.leases.over = {"j"}
        await until(lambda: bench.leases.released)

    assert bench.leases.released[0] == ("j", False)
    assert bench.leases.beats == 1


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [("well", "completed"), ("badly", "failed"), ("not", "stopped")],
)
async def test_an_attempt_is_accounted_however_it_ends(ends: str, outcome: str) -> None:
    bench = Bench()

    async def work(_job: Job, _report: Report) -> JobResult:
        spend(cpu_seconds=1.5, bytes_in=10)
        # What a child of the work spends counts as well.
        await asyncio.create_task(spend_later())
        bench.seen.append(_job)
        if ends == "badly":
            raise Impossible("no", "cannot be done")
        if ends == "not":
            await asyncio.Event().wait()
        return Settled("done")

    bench.jobs = bench.doing(work)
    bench.offer("j")
    async with bench.open():
        await until(lambda: bench.seen)
        bench.leases.over = {"j"} if ends == "not" else set()
        bench.leases.kept = "ended" if ends == "not" else "held"
        await until(lambda: bench.leases.released)

    told = [c.data for c in bench.log.commands if isinstance(c.data, AccountAttempt)]
    assert [(t.outcome, t.attempt) for t in told] == [(outcome, 1)]
    assert told[0].spent == Spent(cpu_seconds=2.0, bytes_in=10)
    assert told[0].token == bench.leases.held["j"]


async def spend_later() -> None:
    spend(cpu_seconds=0.5)


async def test_two_jobs_side_by_side_do_not_pay_for_each_other() -> None:
    bench = Bench()
    both = asyncio.Barrier(2)

    async def work(job: Job, _report: Report) -> JobResult:
        await both.wait()
        spend(cpu_seconds=1.0 if job.id == "j" else 2.0)
        return Settled("done")

    bench.jobs = bench.doing(work)
    bench.offer("j", "k")
    async with bench.open():
        await until(lambda: len(bench.leases.released) == 2)

    told = {
        record.envelope.aggregate_id: record.data.spent.cpu_seconds
        for record in bench.log.commands
        if isinstance(record.data, AccountAttempt)
    }
    assert told == {"j": 1.0, "k": 2.0}
