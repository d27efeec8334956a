"""Fakes of what a worker stands on: a log that decides by the real rules, leases."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct, convert, json, to_builtins

from schemas.commands.job import RequestJob
from schemas.envelope import Record, command
from schemas.ids import event_id
from schemas.jobs import JobInput
from schemas.registry import Command, Data, wire_name
from schemas.topics import Topic
from streams.agents.answers import Answers
from streams.agents.paying import Asks
from streams.agents.work import Job
from streams.decisions import Decision, Refusal
from streams.domain.registry import RULES
from streams.domain.rejected import Rejected
from streams.leases import Kept, Leased
from streams.log import Appended, NotAcknowledged

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class FakeClock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


class FakeLog:
    """Appends, and decides at once as the decider of that aggregate would."""

    def __init__(self) -> None:
        self.commands: list[Record[Data]] = []
        self.events: list[tuple[str, Struct]] = []
        self.observed: list[tuple[Topic, Record[Data]]] = []
        self.progress: list[bytes] = []
        self.lost_acks = 0
        self.before_append: Callable[[Record[Data]], None] = lambda _record: None
        self._states: dict[str, Struct] = {}
        self._decided: dict[str, Decision] = {}

    async def append(
        self, record: Record[Data], topic: Topic | None = None
    ) -> Appended:
        await asyncio.sleep(0)
        self.before_append(record)
        if topic is not None:
            self.observed.append((topic, record))
            return Appended(topic.name, 0, len(self.observed))
        if record.envelope.id not in self._decided:
            self.commands.append(record)
            self._decide(record)
        if self.lost_acks:
            self.lost_acks -= 1
            raise NotAcknowledged("the answer got lost")
        return Appended("commands", 0, len(self.commands))

    def append_soon(self, topic: Topic, key: str, value: bytes) -> None:
        self.progress.append(value)

    async def decision(
        self, tenant: str, command_id: str, wait_s: float
    ) -> Decision | None:
        return self._decided.get(command_id)

    def given(self, aggregate_id: str, data: Command) -> None:
        """A command that somebody else sent before."""
        made = f"given-{len(self.commands)}"
        record = command(
            data, tenant="t", aggregate_id=aggregate_id, id=made, time=NOON
        )
        self.commands.append(record)
        self._decide(record)
        assert self._decided[made].status == "accepted", self._decided[made]

    def told(self, kind: type[Struct]) -> list[Struct]:
        return [each.data for each in self.commands if isinstance(each.data, kind)]

    def state(self, aggregate: str, aggregate_id: str) -> Struct:
        return self._states.get(aggregate_id, RULES[aggregate].initial)

    def refused(self) -> list[str]:
        problems = (each.problem for each in self._decided.values())
        return [problem.code for problem in problems if problem]

    def _decide(self, record: Record[Data]) -> None:
        envelope = record.envelope
        rules = RULES[envelope.aggregate]
        state = self.state(envelope.aggregate, envelope.aggregate_id)
        problem, kind, status = None, "", "unchanged"
        try:
            event = rules.decide(record.data, state)
            if event is not None:
                self._states[envelope.aggregate_id] = rules.evolve(state, event)
                self.events.append((envelope.aggregate_id, event))
                kind, status = wire_name(type(event)), "accepted"
        except Rejected as no:
            problem, status = Refusal(no.kind, no.code), "rejected"
        self._decided[envelope.id] = convert(
            {
                "id": envelope.id,
                "status": status,
                "event_id": event_id(envelope.id),
                "event_type": kind,
                "subject": envelope.subject,
                "problem": to_builtins(problem),
                "body_mac": "",
                "topic": "events",
                "partition": 0,
                "offset": len(self._decided),
                "version": 1,
            },
            Decision,
        )


class OpenDoors:
    """Every attempt asks this gateway, and nobody counts money."""

    def __init__(self, gateway: Asks) -> None:
        self._gateway = gateway

    def of(self, _job: Job) -> Asks:
        return self._gateway


class FakeLeases:
    """One process's view of leases; `kept` is what the next heartbeat hears."""

    def __init__(self) -> None:
        self.waiting: list[Leased] = []
        self.held: dict[str, str] = {}
        self.released: list[tuple[str, bool]] = []
        self.kept: Kept = "held"
        self.over: set[str] = set()
        self.beats = 0
        self.asked = 0
        self.broken: Exception | None = None
        self.answering: Callable[[], None] = lambda: None

    def offer(
        self, job_id: str, given: JobInput, *, attempt: int = 0, **earlier: str
    ) -> None:
        self.waiting.append(
            Leased(
                job_id=job_id,
                tenant="t",
                subject="asset/a",
                input=json.encode(given).decode(),
                token="",
                requested="requested",
                correlation="c",
                attempt=attempt,
                max_attempts=3,
                **earlier,
            )
        )

    async def lease(self, role: str, owner: str, token: str) -> Leased | None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.broken:
            raise self.broken
        if not self.waiting:
            self.answering()
            return None
        taken = convert({**to_builtins(self.waiting.pop(0)), "token": token}, Leased)
        self.held[taken.job_id] = token
        return taken

    async def keep(self, job_id: str, token: str) -> Kept:
        self.beats += 1
        return self.kept

    async def ended(self, jobs: Sequence[Leased]) -> set[str]:
        return self.over & {each.job_id for each in jobs}

    async def release(self, job_id: str, token: str, *, done: bool) -> None:
        self.released.append((job_id, done))


def answers(log: FakeLog, clock: FakeClock) -> Answers:
    return Answers(log, log, clock, role="publish")


def wanted(log: FakeLog, job_id: str, given: JobInput, *, attempts: int = 3) -> None:
    """The job stream as the reaction left it."""
    log.given(
        job_id,
        RequestJob(
            role="publish",
            subject="publication/p",
            input=given,
            digest=job_id,
            max_attempts=attempts,
        ),
    )


def job(given: JobInput, *, id_: str = "j", token: str = "one") -> Job:
    return Job(
        id=id_,
        tenant="t",
        subject="publication/p",
        input=given,
        token=token,
        started="started",
        requested="requested",
        correlation="c",
    )


async def until(effect: Callable[[], object], limit_s: float = 5) -> None:
    """Wait for an effect, not for luck."""
    async with asyncio.timeout(limit_s):
        while True:
            if effect():
                return
            await asyncio.sleep(0.005)
