"""Tasks: work of the machine, and calling it off."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.deps import Cursor, Limit, Read
from api.problems import missing
from api.shapes import Failure, Id, Item, Page, Receipt
from api.writes import Writes, answer, decide, receipt
from projections.tasks.query import AHEAD
from schemas.commands.job import CancelJob

router = APIRouter(tags=["tasks"])

Status = Literal[
    "waiting",
    "waiting_for_parent",
    "running",
    "retrying",
    "completed",
    "failed",
    "cancelled",
    "lost",
    "parent_failed",
]


class Task(Item):
    """`ahead` is told of one waiting task: how many of this tenant come before it.

    `reused` names the task whose result this one was answered with; `needs` are labels
    a worker must have; `spent` is what its newest attempt cost.
    """

    role: str = ""
    kind: str = ""
    subject: str = ""
    status: str = ""
    attempt: int = 0
    max_attempts: int = 0
    priority: int = 0
    not_before: datetime | None = None
    deadline: datetime | None = None
    parents: list[str] = Field(default_factory=list)
    waiting_for: list[str] = Field(default_factory=list)
    reused: str = ""
    needs: list[str] = Field(default_factory=list)
    spent: dict[str, float] | None = None
    ahead: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    input: dict[str, object] = Field(default_factory=dict)
    result: dict[str, object] | None = None
    problem: Failure | None = None


@router.get("/tasks")
async def list_tasks(
    rows: Read,
    status: Status | None = None,
    kind: Annotated[Id | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Task]:
    where = {"status": status, "kind": kind}
    return await rows.page("tasks", Task, where=where, cursor=cursor, limit=limit)


@router.get("/tasks/{task_id}")
async def read_task(task_id: Id, rows: Read, response: Response) -> Task:
    found = await _need(rows, task_id)
    response.headers["ETag"] = f'"{found.version}"'
    if found.status not in ("waiting", "retrying"):
        return found
    (line,) = await rows.all(AHEAD, (task_id,))
    return found.model_copy(update={"ahead": line["ahead"]})


@router.delete("/tasks/{task_id}", status_code=202, response_model=Receipt)
async def cancel_task(task_id: Id, write: Writes, rows: Read) -> Response:
    row = await _need(rows, task_id)
    wish = CancelJob(reason="cancelled by a person")
    outcome = await decide(write, wish, task_id, cause=row.event_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, task_id),
        lambda: rows.one("tasks", Task, task_id),
    )


async def _need(rows: Read, task_id: str) -> Task:
    found = await rows.one("tasks", Task, task_id)
    if found is None:
        raise missing("task")
    return found
