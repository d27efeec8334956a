"""AI tools: what there is, with schemas, and using one at once or as a task."""

import sys
from typing import Annotated, TypeAlias

import msgspec
from fastapi import APIRouter, Body, Path, Response
from fastapi.responses import JSONResponse
from msgspec import structs

from ai_adapter.base import Answer, Ask
from ai_adapter.errors import Refused
from ai_adapter.registry import TOOLS
from ai_adapter.tools.shapes import faults
from ai_adapter.tools.tool import AnyTool, Wish
from ai_adapter.tools.use import on_behalf, use
from api import positions
from api.asking import answered, begin, job_of, settle
from api.deps import ProjectId, Read
from api.problems import invalid, missing
from api.routes.generate import Cost
from api.routes.tasks import Task
from api.rows import Rows
from api.shapes import Item, Page, Receipt, Shown
from api.terms import Terms
from api.tooling import document, known, read_wish, tool_job
from api.writes import Outcome, Write, Writes, decide, receipt
from schemas.commands.job import RequestJob
from schemas.generation import Generated, GenerateInput
from schemas.ids import derived
from schemas.registry import encode
from streams.agents.others import PREFIX

router = APIRouter(prefix="/ai/tools", tags=["ai"])

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


class ServiceTool(Item):
    """A row of a tool that others run."""

    name: str = ""
    about: str = ""
    status: str = ""
    input: str = "{}"
    output: str = "{}"


@router.get("")
async def list_tools(rows: Read) -> Page[ToolShown]:
    """Those of the house, then those the tenant registered."""
    where: dict[str, str | None] = {"status": "registered"}
    others = await rows.page("services", ServiceTool, where=where, limit=200)
    own = [shown(TOOLS[name]) for name in sorted(TOOLS)]
    return Page(items=[*own, *map(of_service, others.items)])


@router.get("/{name}")
async def read_tool(name: Name, rows: Read) -> ToolShown:
    if name.startswith(PREFIX):
        return of_service(await service_of(rows, name))
    return shown(known(name))


@router.post("/{name}", response_model=ToolUsed, responses={202: {"model": Receipt}})
async def use_tool(
    name: Name, body: Document, write: Writes, rows: Read, project_id: ProjectId = None
) -> Response:
    """200 with the result, or 202 with a task where `Prefer: respond-async` asks so."""
    if project_id and await rows.one("projects", Item, project_id) is None:
        raise missing("project", "/query/projectId")
    if name.startswith(PREFIX):
        return await _elsewhere(name, body, write, rows, project_id or "")
    tool = known(name)
    wish = read_wish(tool, body)
    terms = Terms() if write.prefer.at_once else None
    job = await tool_job(write, tool, wish, terms)
    job = structs.replace(job, project_id=project_id or "")
    if write.repeated or terms is not None:
        outcome = await decide(write, job, job_of(write))
        return await _earlier(write, outcome, rows)
    with write.parts.direct.call(write.who.tenant):
        return await _at_once(write, tool, wish, job)


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


async def _elsewhere(
    name: str, body: Document, write: Write, rows: Rows, project_id: str
) -> Response:
    """A tool that others run takes as long as it takes: it is always a task."""
    service = await service_of(rows, name)
    schema = document(service.input)
    for fault in faults(schema, body):
        pointer, _, reason = fault.partition(" ")
        raise invalid(pointer, reason, f"Read the schema in GET /ai/tools/{name}.")
    given = GenerateInput(
        task="copy",
        model="auto",
        input=(msgspec.json.encode(body).decode(),),
        scene=name,
        tool=name,
    )
    job = RequestJob(
        role="ai",
        subject=f"job/{job_of(write)}",
        input=given,
        digest=derived("digest", encode(given).decode()),
        project_id=project_id,
        requested_by=write.who.auth_id,
    )
    outcome = await decide(write, job, job_of(write))
    return await _earlier(write, outcome, rows)


async def service_of(rows: Rows, name: str) -> ServiceTool:
    found = await rows.page("services", ServiceTool, where={"name": name}, limit=1)
    if not found.items or found.items[0].status != "registered":
        raise missing("tool")
    return found.items[0]


def of_service(row: ServiceTool) -> ToolShown:
    return ToolShown(
        name=row.name,
        about=row.about,
        weight=2,
        prompt="",
        languages=[],
        input=document(row.input),
        output=document(row.output),
    )


async def _at_once(
    write: Write, tool: AnyTool, wish: Wish, job: RequestJob
) -> Response:
    ask = tool.shape(wish, write.who.tenant)
    ask = structs.replace(ask, project_id=job.project_id)
    asking = await begin(write, ask, job)

    async def call(own: Ask) -> Answer:
        asks = on_behalf(write.parts.gateway.ask, own)
        return (await use(asks, tool, wish, own.tenant_id)).answer

    try:
        answer = await answered(asking, call)
    except Refused as no:
        raise invalid("", no.reason, "Change the request and ask again.") from no
    return await _answer(write, await settle(asking, answer))


async def _earlier(write: Write, outcome: Outcome, rows: Read) -> Response:
    """The first answer again, or where to ask for it; never a second call."""
    job_id = job_of(write)
    row = await rows.one("tasks", Task, job_id) if write.repeated else None
    if row is None or row.status != "completed" or row.result is None:
        place = positions.encode(outcome.place, write.parts.clock())
        headers = {"Location": write.location, "Position": place}
        return _json(receipt(write, outcome, job_id), 202, headers)
    return await _answer(write, msgspec.convert(row.result, Generated))


async def _answer(write: Write, result: Generated) -> Response:
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
        task_id=job_of(write),
        operation_id=write.command_id,
    )
    return _json(told, 200, {"Location": write.location})


def _json(body: ToolUsed | Receipt, status: int, headers: dict[str, str]) -> Response:
    content = body.model_dump(mode="json", by_alias=True)
    return JSONResponse(content, status, headers=headers)
