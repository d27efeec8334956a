"""A batch: every good row of a sheet becomes a job of its own, asked for once.

The ids follow from the batch and the number of the row, so a worker that died half-way
is followed by one that begins again and changes nothing that was asked.
"""

from typing import Protocol

import msgspec
from msgspec import Struct

from schemas.batches import Batched, BatchInput
from schemas.clock import Clock
from schemas.commands.job import RequestJob
from schemas.envelope import Record, command
from schemas.ids import derived
from schemas.registry import Data, encode
from streams.agents.tooling import Objects, asking_for, tool_of
from streams.agents.work import Impossible, Job, Report

MOST_ROWS = 1000


class Row(Struct, frozen=True):
    """`number` counts from 1 as in the sheet; `wish` is the JSON of a whole wish."""

    number: int
    wish: str


class Bad(Struct, frozen=True):
    """A row that no job was made of: which field, and why."""

    number: int
    pointer: str
    reason: str


class Plan(Struct, frozen=True):
    """What a batch is to do; written once, before it is asked for."""

    tool: str
    rows: tuple[Row, ...]
    bad: tuple[Bad, ...] = ()
    project_id: str = ""
    requested_by: str = ""
    priority: int = 0


class Sends(Protocol):
    """How a worker speaks to the log: until it is acknowledged."""

    @property
    def clock(self) -> Clock: ...

    async def append(self, record: Record[Data]) -> None: ...


def plan_key(tenant: str, batch_id: str) -> str:
    return f"{tenant}/batches/{batch_id}/plan.json"


def row_job(batch_id: str, number: int) -> str:
    return derived("batch row", batch_id, str(number))


class Batching:
    """The work for BatchInput."""

    def __init__(self, objects: Objects, sends: Sends) -> None:
        self._objects = objects
        self._sends = sends

    async def fan_out(self, job: Job, report: Report) -> Batched:
        wanted = job.asked(BatchInput)
        plan = await self._objects.get_json(wanted.plan_key, Plan)
        for at, row in enumerate(plan.rows):
            await self._sends.append(await self._request(job, plan, row))
            report(100 * at // len(plan.rows), f"row {row.number}")
        return Batched(plan.tool, len(plan.rows), len(plan.bad))

    async def _request(self, job: Job, plan: Plan, row: Row) -> Record[Data]:
        tool = tool_of(plan.tool)
        try:
            wish = msgspec.json.decode(row.wish, type=tool.wish)
        except msgspec.DecodeError as wrong:
            raise Impossible("wish_invalid", f"row {row.number}: {wrong}") from wrong
        given = await asking_for(tool, wish, job.tenant, self._objects)
        wish_id = row_job(job.id, row.number)
        request = RequestJob(
            role="ai",
            subject=f"batch/{job.id}",
            input=given,
            digest=derived("digest", encode(given).decode()),
            priority=plan.priority,
            project_id=plan.project_id,
            requested_by=plan.requested_by,
        )
        return command(
            request,
            tenant=job.tenant,
            aggregate_id=wish_id,
            id=derived("batch request", wish_id),
            time=self._sends.clock(),
            correlation=job.correlation,
            cause=job.started or job.requested,
            auth_id="worker-ai",
            traceparent=job.traceparent,
        )
