"""AI tools: what there is, with schemas, and using one at once or as a task."""

import sys
from datetime import timedelta
from typing import Annotated, TypeAlias

import msgspec
from fastapi import APIRouter, Body, Path, Response
from fastapi.responses import JSONResponse
from msgspec import structs

from ai_adapter.errors import Refused
from ai_adapter.registry import TOOLS
from ai_adapter.tools.tool import AnyTool, Wish
from ai_adapter.tools.use import Used, use
from api import positions
from api.deps import ProjectId, Read, Who
from api.problems import Problem, invalid
from api.routes.generate import Cost
from api.routes.tasks import Task
from api.shapes import Page, Receipt, Shown
from api.terms import Terms
from api.tooling import document, known, read_wish, tool_job
from api.writes import Outcome, Write, Writes, decide, follow_up, receipt
from schemas.commands.job import CompleteJob, FailJob, StartAttempt
from schemas.ids import derived
from schemas.jobs import Generated
from streams.agents.ai import Home, generated

router = APIRouter(prefix="/ai/tools", tags=["ai"])

LONGEST = timedelta(minutes=10)
Name: TypeAlias = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]*$", max_length=60)]
Document: TypeAlias = Annotated[dict[str, object], Body()]


class ToolShown(Shown):
    """`weight` 1 is a few lines, 3 a document; input and output are JSON Schema."""

    name: str
    about: str
    weight: int
    prompt: str
    languages: list[str]
    input: dict[str, object]
    output: dict[str, object]


class ToolUsed(Shown):
    """`result` is what the output schema of the tool says."""

    tool: str
    result: dict[str, object]
    usage: Cost
    provider: str
    model_name: str
    latency_ms: int
    degraded: bool
    prompt_version: str
    task_id: str = ""
    operation_id: str = ""


@router.get("")
async def list_tools(_who: Who) -> Page[ToolShown]:
    return Page(items=[shown(TOOLS[name]) for name in sorted(TOOLS)])


@router.get("/{name}")
async def read_tool(name: Name, _who: Who) -> ToolShown:
    return shown(known(name))


@router.post("/{name}", response_model=ToolUsed, responses={202: {"model": Receipt}})
async def use_tool(
    name: Name, body: Document, write: Writes, rows: Read, project_id: ProjectId = None
) -> Response:
    """200 with the result, or 202 with a task where `Prefer: respond-async` asks so."""
    tool = known(name)
    wish = read_wish(tool, body)
    job_id = derived("job", write.command_id)
    terms = Terms() if write.prefer.at_once else None
    job = await tool_job(write, tool, wish, job_id, terms)
    job = structs.replace(job, project_id=project_id or "")
    if write.repeated or terms is not None:
        outcome = await decide(write, job, job_id)
        return await _earlier(write, outcome, rows, job_id)
    with write.parts.direct.call(write.who.tenant):
        deadline = write.parts.clock() + LONGEST
        await decide(write, structs.replace(job, deadline=deadline), job_id)
        return await _at_once(write, tool, wish, job_id)


def shown(tool: AnyTool) -> ToolShown:
    about = sys.modules[tool.wish.__module__].__doc__ or tool.name
    return ToolShown(
        name=tool.name,
        about=about.strip().splitlines()[0],
        weight=tool.weight,
        prompt=tool.prompt.label,
        languages=list(tool.native),
        input=msgspec.json.schema(tool.wish),
        output=msgspec.json.schema(tool.result),
    )


async def _at_once(write: Write, tool: AnyTool, wish: Wish, job_id: str) -> Response:
    await _start(write, job_id)
    used = await _used(write, tool, wish, job_id)
    ask = tool.shape(wish, write.who.tenant)
    home = Home(write.who.tenant, job_id, ask.task, ask.scene, tool.name)
    result = await generated(home, used.answer, write.parts.storage)
    seconds = result.latency_ms / 1000
    done = CompleteJob(token=_token(write), result=result, seconds=seconds)
    await decide(follow_up(write, "complete"), done, job_id)
    return await _answer(write, job_id, result)


def _token(write: Write) -> str:
    return derived("token", write.command_id)


async def _start(write: Write, job_id: str) -> None:
    """Nothing that costs money happens before the attempt is in the log."""
    step = follow_up(write, "start")
    outcome = await decide(step, StartAttempt(token=_token(write)), job_id)
    if outcome.decided is None:
        raise Problem(
            503,
            "The start of this call was not decided in time; nothing was asked.",
            code="undecided",
            headers={"Retry-After": "1", "Location": write.location},
        )


async def _used(write: Write, tool: AnyTool, wish: Wish, job_id: str) -> Used:
    try:
        return await use(write.parts.gateway.ask, tool, wish, write.who.tenant)
    except Refused as no:
        await _fail(write, job_id, no.code, no.reason)
        raise invalid("", no.reason, "Change the request and ask again.") from no
    except Exception:
        await _fail(write, job_id, "gateway_failed", "The gateway ended unexpectedly.")
        raise


async def _fail(write: Write, job_id: str, code: str, reason: str) -> None:
    wish = FailJob(token=_token(write), code=code, reason=reason)
    await decide(follow_up(write, "fail"), wish, job_id)


async def _earlier(write: Write, outcome: Outcome, rows: Read, job_id: str) -> Response:
    """The first answer again, or where to ask for it; never a second call."""
    row = await rows.one("tasks", Task, job_id) if write.repeated else None
    if row is None or row.status != "completed" or row.result is None:
        place = positions.encode(outcome.place, write.parts.clock())
        headers = {"Location": write.location, "Position": place}
        return _json(receipt(write, outcome, job_id), 202, headers)
    return await _answer(write, job_id, msgspec.convert(row.result, Generated))


async def _answer(write: Write, job_id: str, result: Generated) -> Response:
    text = result.output[0] if result.output else "{}"
    if result.output_key:
        text = await write.parts.storage.get_json(result.output_key, str)
    spent = result.usage
    told = ToolUsed(
        tool=result.tool,
        result=document(text),
        usage=Cost(
            prompt_tokens=spent.prompt_tokens,
            completion_tokens=spent.completion_tokens,
            cost=None if spent.cost is None else float(spent.cost),
            currency=spent.currency,
        ),
        provider=result.provider,
        model_name=result.model_name,
        latency_ms=result.latency_ms,
        degraded=result.degraded,
        prompt_version=result.prompt_version,
        task_id=job_id,
        operation_id=write.command_id,
    )
    return _json(told, 200, {"Location": write.location})


def _json(body: ToolUsed | Receipt, status: int, headers: dict[str, str]) -> Response:
    content = body.model_dump(mode="json", by_alias=True)
    return JSONResponse(content, status, headers=headers)
