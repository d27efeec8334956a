"""How an attempt speaks to the log: commands whose ids follow from job and token."""

import asyncio
from datetime import timedelta
from typing import Protocol

import structlog

from schemas.clock import Clock
from schemas.envelope import Record, command
from schemas.ids import derived
from schemas.registry import Command, Data, wire_name
from schemas.topics import Topic
from streams.agents.work import Job
from streams.decisions import Decision
from streams.log import Appended, NotAcknowledged

logger = structlog.get_logger()

INSIST = timedelta(seconds=60)
DECISION_S = 10.0


class Appends(Protocol):
    """The log as far as workers need it."""

    async def append(
        self, record: Record[Data], topic: Topic | None = None
    ) -> Appended: ...

    def append_soon(self, topic: Topic, key: str, value: bytes) -> None: ...


class Decides(Protocol):
    async def decision(
        self, tenant: str, command_id: str, wait_s: float
    ) -> Decision | None: ...


class Answers:
    """`tell` returns once the log has it, `ask` once it was decided."""

    def __init__(
        self, log: Appends, decisions: Decides, clock: Clock, *, role: str
    ) -> None:
        self.log = log
        self.clock = clock
        self._decisions = decisions
        self._auth_id = f"worker-{role}"

    async def tell(
        self,
        job: Job,
        data: Command,
        aggregate_id: str = "",
        *,
        cause: str = "",
        mark: str = "",
    ) -> str:
        """Returns the command's id; raises NotAcknowledged after a minute.

        `mark` tells two like commands of one attempt apart.
        """
        id_ = _id(job, data, mark)
        record = self._command(job, data, aggregate_id or job.id, id_, cause)
        await self.append(record)
        return record.envelope.id

    async def ask(
        self,
        job: Job,
        data: Command,
        aggregate_id: str = "",
        *,
        cause: str = "",
        mark: str = "",
    ) -> Decision:
        """What is on the log will be decided: the lease bounds the wait."""
        sent = await self.tell(job, data, aggregate_id, cause=cause, mark=mark)
        while True:
            found = await self._decisions.decision(job.tenant, sent, DECISION_S)
            if found is not None:
                return found
            logger.warning("undecided", action="wait", job=job.id)

    async def append(self, record: Record[Data], topic: Topic | None = None) -> None:
        """The same record again until it is acknowledged: its id makes that safe."""
        until = self.clock() + INSIST
        while True:
            try:
                await self.log.append(record, topic)
                return
            except NotAcknowledged:
                if self.clock() >= until:
                    raise
                logger.warning("not acknowledged", action="append_again")
                await asyncio.sleep(1)

    def _command(
        self, job: Job, data: Command, aggregate_id: str, id_: str, cause: str
    ) -> Record[Command]:
        return command(
            data,
            tenant=job.tenant,
            aggregate_id=aggregate_id,
            id=id_,
            time=self.clock(),
            correlation=job.correlation,
            cause=cause or job.started or job.requested,
            auth_id=self._auth_id,
            traceparent=job.traceparent,
        )


def _id(job: Job, data: Command, mark: str) -> str:
    name = wire_name(type(data))
    return derived("attempt", job.id, job.token, name, *([mark] if mark else []))
