"""Batches: one tool over a sheet of rows, a task for each, and the results together."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from psycopg import sql
from psycopg.rows import DictRow
from pydantic import Field, ValidationError

from api.deps import Cursor, Limit, Read, here
from api.problems import invalid, missing
from api.rows import Rows
from api.shapes import Body, Failure, Id, Item, Page, Receipt, Shown
from api.sheets import Sheet, from_csv, from_json, written
from api.tooling import document, known
from api.writes import Outcome, Write, Writes, answer, decide, receipt
from schemas.batches import BatchInput
from schemas.commands.job import RequestJob
from schemas.ids import derived
from schemas.jobs import Generated
from streams.agents.batching import Bad, Plan, plan_key, row_job
from streams.domain.job import HIGHEST

router = APIRouter(prefix="/ai/batches", tags=["ai"])

ROWS = sql.SQL(
    "SELECT id, status, attempt, result, problem FROM read.tasks WHERE id = ANY(%s)"
)
ENDED = {"completed", "failed", "cancelled", "lost", "parent_failed"}


class NewBatch(Body):
    """Rows are wishes of the tool, as its input schema has them."""

    tool: Annotated[str, Field(max_length=60)]
    rows: list[dict[str, object]] = Field(max_length=100_000)
    project_id: Id | None = None
    priority: Annotated[int, Field(ge=-HIGHEST, le=HIGHEST)] = -1


class BadRow(Shown):
    """`row` counts from 1; `pointer` names the field."""

    row: int
    pointer: str
    reason: str


class BatchReceipt(Receipt):
    rows: int
    bad: list[BadRow]


class Batch(Item):
    """`counts` are rows by status of their task; a batch is done when all ended."""

    tool: str = ""
    status: str = ""
    rows: int = 0
    counts: dict[str, int] = Field(default_factory=dict)
    bad: list[BadRow] = Field(default_factory=list)
    cost: dict[str, float] = Field(default_factory=dict)


class RowShown(Shown):
    """One row: its result as the tool's output schema says, or why there is none."""

    row: int
    task_id: str = ""
    status: str
    degraded: bool = False
    result: dict[str, object] | None = None
    problem: Failure | None = None


class Line(Item):
    """A batch in a list of batches: the task that began it."""

    status: str = ""
    input: dict[str, object] = Field(default_factory=dict)


class BatchLine(Item):
    tool: str = ""
    rows: int = 0
    status: str = ""


@router.post(
    "",
    status_code=202,
    response_model=BatchReceipt,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": NewBatch.model_json_schema()},
                "text/csv": {"schema": {"type": "string"}},
            },
        }
    },
)
async def start_batch(
    request: Request,
    write: Writes,
    rows: Read,
    tool: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """JSON with `tool` and `rows`, or a CSV with the tool in the query."""
    plan = await _plan(request, write, tool)
    batch_id = derived("job", write.command_id)
    key = plan_key(write.who.tenant, batch_id)
    await write.parts.storage.put_json(key, plan)
    outcome = await decide(write, _job(plan, key, batch_id), batch_id)
    return await answer(
        write,
        outcome,
        _receipt(write, outcome, plan, batch_id),
        lambda: _batch(rows, plan, batch_id),
        made=f"/api/v1/ai/batches/{batch_id}",
    )


@router.get("")
async def list_batches(
    rows: Read, cursor: Cursor = None, limit: Limit = 50
) -> Page[BatchLine]:
    found = await rows.page(
        "tasks", Line, where={"kind": "batch"}, cursor=cursor, limit=limit
    )
    return Page(items=[_line(each) for each in found.items], next=found.next)


@router.get("/{batch_id}")
async def read_batch(batch_id: Id, rows: Read, request: Request) -> Batch:
    plan = await _planned(rows, request, batch_id)
    found = await _batch(rows, plan, batch_id)
    if found is None:
        raise missing("batch")
    return found


@router.get("/{batch_id}/rows")
async def read_rows(
    batch_id: Id,
    rows: Read,
    request: Request,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Limit = 50,
) -> Page[RowShown]:
    """In the order of the sheet; `next` is the `after` of the following page."""
    plan = await _planned(rows, request, batch_id)
    numbers = [n for n in _numbers(plan) if n > after][: limit + 1]
    shown = await _shown(rows, request, plan, batch_id, numbers[:limit])
    more = str(numbers[limit - 1]) if len(numbers) > limit else None
    return Page(items=shown, next=more)


@router.get("/{batch_id}/results", response_class=Response)
async def download(
    batch_id: Id,
    rows: Read,
    request: Request,
    format: Literal["json", "csv"] = "json",  # noqa: A002  the name people know
) -> Response:
    """All rows in one file; a CSV has each field of the result in a column."""
    plan = await _planned(rows, request, batch_id)
    shown = await _shown(rows, request, plan, batch_id, _numbers(plan))
    name = f"attachment; filename=batch-{batch_id}.{format}"
    headers = {"Content-Disposition": name}
    if format == "csv":
        text = written([_flat(each) for each in shown])
        return Response("\ufeff" + text, media_type="text/csv", headers=headers)
    content = [each.model_dump(mode="json", by_alias=True) for each in shown]
    return JSONResponse(content, headers=headers)


async def _plan(request: Request, write: Write, tool: str) -> Plan:
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    body = await request.body()
    if kind == "text/csv":
        return _of(write, tool, from_csv(known(tool), body))
    try:
        new = NewBatch.model_validate_json(body)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        pointer = "".join(f"/{part}" for part in first["loc"])
        remedy = "Send application/json with tool and rows, or text/csv."
        raise invalid(pointer, first["msg"], remedy) from wrong
    sheet = from_json(known(new.tool), new.rows)
    plan = _of(write, new.tool, sheet)
    return msgspec.structs.replace(
        plan, project_id=new.project_id or "", priority=new.priority
    )


def _of(write: Write, tool: str, sheet: Sheet) -> Plan:
    return Plan(
        tool, sheet.rows, sheet.bad, requested_by=write.who.auth_id, priority=-1
    )


def _job(plan: Plan, key: str, batch_id: str) -> RequestJob:
    given = BatchInput(
        plan.tool, key, rows=len(plan.rows) + len(plan.bad), bad=len(plan.bad)
    )
    return RequestJob(
        role="ai",
        subject=f"job/{batch_id}",
        input=given,
        digest=derived("digest", msgspec.json.encode(plan).decode()),
        project_id=plan.project_id,
        requested_by=plan.requested_by,
    )


def _receipt(write: Write, outcome: Outcome, plan: Plan, batch_id: str) -> BatchReceipt:
    told = receipt(write, outcome, batch_id)
    bad = [_bad(each) for each in plan.bad]
    return BatchReceipt(**told.model_dump(), rows=len(plan.rows) + len(bad), bad=bad)


def _bad(row: Bad) -> BadRow:
    return BadRow(row=row.number, pointer=row.pointer, reason=row.reason)


def _line(task: Line) -> BatchLine:
    return BatchLine.model_validate({**task.input, **task.model_dump()})


async def _planned(rows: Rows, request: Request, batch_id: str) -> Plan:
    """Raises Problem 404 for what is no batch of this tenant."""
    task = await rows.one("tasks", Line, batch_id)
    if task is None or "plan_key" not in task.input:
        raise missing("batch")
    key = str(task.input["plan_key"])
    return await here(request).storage.get_json(key, Plan)


def _numbers(plan: Plan) -> list[int]:
    good = [row.number for row in plan.rows]
    return sorted([*good, *(row.number for row in plan.bad)])


async def _batch(rows: Rows, plan: Plan, batch_id: str) -> Batch | None:
    task = await rows.one("tasks", Line, batch_id)
    if task is None:
        return None
    found = await _tasks(rows, batch_id, [row.number for row in plan.rows])
    counts: dict[str, int] = {"bad": len(plan.bad)} if plan.bad else {}
    cost: dict[str, float] = {}
    for row in plan.rows:
        line = found.get(row.number, {})
        status = str(line.get("status") or "waiting")
        counts[status] = counts.get(status, 0) + 1
        _add(cost, line)
    open_ = sum(count for name, count in counts.items() if name not in {*ENDED, "bad"})
    status = task.status if task.status in ENDED - {"completed"} else ""
    return Batch(
        **task.model_dump(exclude={"input", "status"}),
        tool=plan.tool,
        status=status or ("running" if open_ else "completed"),
        rows=len(plan.rows) + len(plan.bad),
        counts=counts,
        bad=[_bad(each) for each in plan.bad],
        cost=cost,
    )


def _add(cost: dict[str, float], line: Mapping[str, object]) -> None:
    result = line.get("result")
    usage = result.get("usage") if isinstance(result, dict) else None
    if isinstance(usage, dict) and usage.get("cost") is not None:
        currency = str(usage.get("currency") or "")
        cost[currency] = cost.get(currency, 0.0) + float(usage["cost"])


async def _tasks(rows: Rows, batch_id: str, numbers: list[int]) -> dict[int, DictRow]:
    names = {row_job(batch_id, number): number for number in numbers}
    return {names[row["id"]]: row for row in await rows.all(ROWS, (list(names),))}


async def _shown(
    rows: Rows, request: Request, plan: Plan, batch_id: str, numbers: list[int]
) -> list[RowShown]:
    found = await _tasks(rows, batch_id, numbers)
    bad = {each.number: each for each in plan.bad}
    return [
        _refused(bad[number])
        if number in bad
        else await _row(request, batch_id, number, found.get(number, {}))
        for number in numbers
    ]


def _refused(row: Bad) -> RowShown:
    problem = Failure(code="row_invalid", reason=f"{row.pointer}: {row.reason}")
    return RowShown(row=row.number, status="bad", problem=problem)


async def _row(
    request: Request, batch_id: str, number: int, line: Mapping[str, object]
) -> RowShown:
    shown = RowShown(
        row=number,
        task_id=row_job(batch_id, number),
        status=str(line.get("status") or "waiting"),
        problem=Failure.model_validate(line["problem"])
        if line.get("problem")
        else None,
    )
    if not line.get("result"):
        return shown
    result = msgspec.convert(line["result"], Generated)
    text = result.output[0] if result.output else "{}"
    if result.output_key:
        text = await here(request).storage.get_json(result.output_key, str)
    more = {"result": document(text), "degraded": result.degraded}
    return shown.model_copy(update=more)


def _flat(row: RowShown) -> dict[str, object]:
    """Cells of one row: what every row has, then the fields of its result."""
    said = row.problem.reason if row.problem else ""
    own = {"row": row.row, "status": row.status, "problem": said}
    result = {f"result.{name}": value for name, value in (row.result or {}).items()}
    return {**own, "degraded": row.degraded, **result}
