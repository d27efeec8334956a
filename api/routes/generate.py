"""Interactive AI: decided first, asked here, answered at once and settled by command.

What costs nothing (an answer given before, a template) has nothing to decide: it is
answered first and told to the log afterwards, unless it came with an Idempotency-Key.
What stands around every other call, money first, is in api/asking.py. `stream: true`
or `Accept: text/event-stream` has the text as it comes: `delta` events, then `done`
with all of it and what it cost, or `error` with what was delivered until then.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Literal, TypeAlias, cast

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from msgspec import structs
from pydantic import AliasChoices, Field, StringConstraints

from ai_adapter.base import Answer, Ask, Broken, Delta, Piece
from ai_adapter.errors import Refused
from ai_adapter.scenes import scene_of
from api import positions
from api.asking import answered, begin, job_of, settle, wish_of
from api.deps import Read
from api.noting import free
from api.problems import Fault, Problem, invalid, missing
from api.routes.copies import Lang, Model
from api.routes.tasks import Task
from api.shapes import Body, Id, Item, Receipt, Shown
from api.streaming import streamed, told_at_once
from api.terms import Terms, check
from api.writes import Outcome, Write, Writes, decide, receipt
from schemas.commands.job import RequestJob
from schemas.generation import Generated

router = APIRouter(tags=["ai"])

Text: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=100_000)]
_IN_ONE_PIECE = frozenset(("title", "embed"))
_POINTERS = {
    "temperature": "/params/temperature",
    "max_tokens": "/params/maxTokens",
    "top_p": "/params/top_p",
    "variants": "/variants",
    "variable_": "/variables",
    "input": "/input",
}


class Params(Body):
    temperature: float = Field(default=0.7, ge=0, le=2)
    max_tokens: int = Field(default=1024, ge=1, le=32_000)
    top_p: float = Field(
        default=1.0, ge=0, le=1, validation_alias=AliasChoices("top_p", "topP")
    )


class Metadata(Body):
    """`tenantId` may only repeat the tenant of the key.

    `projectId`: whose budget it counts for, and where its cost is shown.
    """

    tenant_id: str | None = Field(default=None, max_length=80)
    scene: str = Field(default="", max_length=80)
    lang: Lang = "zh"
    project_id: Id | None = None


class NewGeneration(Body):
    """`variables` are those that the live prompt declares beside the material."""

    task: Literal[
        "copy",
        "title",
        "summary",
        "reply",
        "embed",
        "translate",
        "rewrite",
        "storyboard",
    ]
    input: Text | Annotated[list[Text], Field(min_length=1, max_length=256)]
    model: Model = "auto"
    params: Params = Params()
    metadata: Metadata = Metadata()
    platform: str = Field(default="", max_length=40)
    variants: int = Field(default=1, ge=1, le=10)
    variables: dict[str, Text | int | float] = Field(default={}, max_length=50)
    stream: bool = False
    job: Terms | None = None


class Cost(Shown):
    """`cost` is null when nobody knows the price."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    currency: str = ""


class Generation(Shown):
    """One text for most tasks, several for titles, vectors for `embed`."""

    output: str | list[str] | list[list[float]]
    usage: Cost
    provider: str
    model_name: str
    latency_ms: int
    degraded: bool
    task_id: str = ""
    operation_id: str = ""


@router.post(
    "/ai/generate", response_model=Generation, responses={202: {"model": Receipt}}
)
async def generate(
    body: NewGeneration, write: Writes, rows: Read, request: Request
) -> Response:
    """200 with the answer, or 202 with a task where `Prefer: respond-async` asks so."""
    if body.metadata.tenant_id not in (None, write.who.tenant):
        raise Problem(
            403,
            "This key belongs to another tenant.",
            Fault("/metadata/tenantId", "Another tenant.", "Leave tenantId out."),
            code="forbidden",
        )
    await _need_project(body.metadata.project_id, rows)
    job_id = job_of(write)
    if write.repeated or write.prefer.at_once:
        return await _as_task(body, write, rows, job_id)
    if body.job is not None:
        raise invalid(
            "/job",
            "Only a task has terms; this is a direct call.",
            "Send `Prefer: respond-async`, or leave job out.",
        )
    wants_stream = _wants_stream(body, request)
    try:
        ready = await free(write, _ask(body, write), request.app.state.notes)
    except Refused as no:
        raise _refused(no) from no
    if wants_stream:
        return await _in_pieces(body, write, ready)
    if ready is not None:
        return _json(_shown(ready), 200, {})
    with write.parts.direct.call(write.who.tenant):
        return await _at_once(body, write)


def _wants_stream(body: NewGeneration, request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    wanted = body.stream or accepted.startswith("text/event-stream")
    if wanted and (body.task in _IN_ONE_PIECE or body.variants > 1):
        raise invalid(
            "/stream",
            "Only one text can be told in pieces.",
            "Leave stream out, or ask for one variant of a text.",
        )
    return wanted


async def _in_pieces(
    body: NewGeneration, write: Write, ready: Answer | None
) -> Response:
    try:
        pieces = (
            told_at_once(ready) if ready else await streamed(write, _ask(body, write))
        )
    except Refused as no:
        raise _refused(no) from no
    task_id = "" if ready else job_of(write)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    told = _events(pieces, task_id)
    return StreamingResponse(told, headers=headers, media_type="text/event-stream")


async def _events(pieces: AsyncIterator[Piece], task_id: str) -> AsyncIterator[bytes]:
    async for piece in pieces:
        if isinstance(piece, Delta):
            yield _event("delta", {"text": piece.text})
            continue
        shown = _shown(piece.answer, task_id).model_dump(mode="json", by_alias=True)
        if isinstance(piece, Broken):
            told = {"code": piece.code, "detail": piece.reason, "delivered": shown}
            yield _event("error", told)
        else:
            yield _event("done", shown)


def _event(name: str, data: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))


def _shown(answer: Answer, task_id: str = "") -> Generation:
    spent = answer.usage
    one = answer.output if isinstance(answer.output, str) else None
    only = answer.output[0] if len(answer.output) == 1 else None
    output = one or (only if isinstance(only, str) else list(answer.output))
    return Generation(
        output=cast("str | list[str] | list[list[float]]", output),
        usage=Cost(
            prompt_tokens=spent.prompt_tokens,
            completion_tokens=spent.completion_tokens,
            cost=None if spent.cost is None else float(spent.cost),
            currency=spent.currency,
        ),
        provider=answer.provider,
        model_name=answer.model_name,
        latency_ms=answer.latency_ms,
        degraded=answer.degraded,
        task_id=task_id,
    )


async def _as_task(
    body: NewGeneration, write: Write, rows: Read, job_id: str
) -> Response:
    if body.job is not None and not write.repeated:
        await check(body.job, rows, write.parts.clock())
    outcome = await decide(write, _job(body, write), job_id)
    if write.repeated:
        return await _earlier(write, outcome, rows, job_id)
    return _later(write, outcome, job_id)


async def _need_project(project_id: str | None, rows: Read) -> None:
    if project_id and await rows.one("projects", Item, project_id) is None:
        raise missing("project", "/metadata/projectId")


async def _at_once(body: NewGeneration, write: Write) -> Response:
    asking = await begin(write, _ask(body, write))
    try:
        answer = await answered(asking)
    except Refused as no:
        raise _refused(no) from no
    result = await settle(asking, answer)
    return await _answer(write, asking.job_id, result)


def _refused(no: Refused) -> Problem:
    """Names the field it is about, where the code begins with one."""
    named = (at for name, at in _POINTERS.items() if no.code.startswith(name))
    return invalid(next(named, ""), no.reason, "Change the request and ask again.")


def _ask(body: NewGeneration, write: Write) -> Ask:
    """A scene such as `douyin-title-zh` stands for what the request leaves out."""
    meta, scene = body.metadata, scene_of(body.metadata.scene)
    own = "lang" in meta.model_fields_set or not scene.lang
    return Ask(
        task=body.task,
        input=body.input if isinstance(body.input, str) else tuple(body.input),
        tenant_id=write.who.tenant,
        model=body.model,
        temperature=body.params.temperature,
        max_tokens=body.params.max_tokens,
        top_p=body.params.top_p,
        scene=body.metadata.scene,
        lang=meta.lang if own else scene.lang,
        variants=body.variants,
        platform=body.platform or scene.platform,
        variables=body.variables,
        project_id=body.metadata.project_id or "",
    )


def _job(body: NewGeneration, write: Write) -> RequestJob:
    wish = wish_of(write, _ask(body, write))
    return _with_terms(wish, body.job or Terms()) if write.prefer.at_once else wish


def _with_terms(wish: RequestJob, terms: Terms) -> RequestJob:
    return structs.replace(
        wish,
        role="ai",
        priority=terms.priority,
        not_before=terms.not_before,
        deadline=terms.deadline,
        after=terms.after,
        reuse_days=terms.reuse_days,
    )


async def _earlier(write: Write, outcome: Outcome, rows: Read, job_id: str) -> Response:
    """The first answer again, or where to ask for it; never a second call."""
    row = await rows.one("tasks", Task, job_id)
    if row is None or row.status != "completed" or row.result is None:
        return _later(write, outcome, job_id)
    return await _answer(write, job_id, msgspec.convert(row.result, Generated))


async def _answer(write: Write, job_id: str, result: Generated) -> Response:
    output: str | list[str] | list[list[float]] = list(result.output)
    if result.vectors_key:
        output = await write.parts.storage.get_json(
            result.vectors_key, list[list[float]]
        )
    elif len(result.output) == 1:
        output = result.output[0]
    spent = result.usage
    shown = Generation(
        output=output,
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
        task_id=job_id,
        operation_id=write.command_id,
    )
    return _json(shown, 200, {"Location": write.location})


def _later(write: Write, outcome: Outcome, job_id: str) -> Response:
    place = positions.encode(outcome.place, write.parts.clock())
    headers = {"Location": write.location, "Position": place}
    return _json(receipt(write, outcome, job_id), 202, headers)


def _json(body: Generation | Receipt, status: int, headers: dict[str, str]) -> Response:
    content = body.model_dump(mode="json", by_alias=True)
    return JSONResponse(content, status, headers=headers)
