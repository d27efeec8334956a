"""OpenAI's interface over contentops: `/v1/chat/completions`, `/embeddings`, `/models`.

Any client of OpenAI's works with this address and a contentops key. Calls pass the
same budget, log and guard as all others; refusals come in OpenAI's shape.
"""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TypeAlias, cast

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute

from ai_adapter.base import Answer, Ask, Broken, Delta, Piece, Usage
from ai_adapter.embedding.embedder import Embedded, Local
from ai_adapter.errors import Refused, Unavailable
from ai_adapter.price_book import FREE
from ai_adapter.registry import ALIASES
from api import openai_wire as wire
from api.asking import answered, begin, job_of, settle
from api.deps import P, Who
from api.noting import free
from api.problems import Problem
from api.streaming import streamed, told_at_once
from api.writes import Write, Writes

_TYPES = {
    401: "authentication_error",
    402: "insufficient_quota",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_STATUS = {"model_unknown": 404, "unavailable": 503}


Handler: TypeAlias = Callable[[Request], Coroutine[None, object, Response]]


class InTheirWords(APIRoute):
    """Every refusal of these routes as OpenAI says it."""

    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()

        async def route(request: Request) -> Response:
            try:
                return await inner(request)
            except Problem as no:
                return _refusal(no)
            except RequestValidationError as wrong:
                return _unreadable(wrong)
            except Refused as no:
                return _turned_down(no)

        return route


router = APIRouter(prefix="/v1", tags=["openai"], route_class=InTheirWords)


@router.post("/chat/completions")
async def chat(body: wire.Chat, write: Writes, request: Request) -> Response:
    """A conversation passed on; `stream: true` has chunks and ends with `[DONE]`."""
    ask = body.ask(write.who.tenant)
    ready = await free(write, ask, request.app.state.notes)
    if body.stream:
        return await _in_chunks(body, write, ask, ready)
    if ready is not None:
        return JSONResponse(wire.completion(ready, _made(write)))
    answer = await _paid(write, ask)
    return JSONResponse(wire.completion(answer, _made(write, job_of(write))))


@router.post("/embeddings")
async def embed(body: wire.Embed, write: Writes, request: Request) -> Response:
    """Vectors of a provider, or of the model on this machine by its name."""
    local = Local()
    if body.model == local.model:
        return JSONResponse(_local(await local.embed(body.texts), body))
    ask = body.ask(write.who.tenant)
    ready = await free(write, ask, request.app.state.notes)
    answer = ready or await _paid(write, ask)
    vectors = cast("tuple[tuple[float, ...], ...]", answer.output)
    found = wire.embeddings(vectors, answer.model_name, answer.usage, body)
    return JSONResponse({**found, "degraded": answer.degraded})


@router.get("/models")
async def models(_who: Who, parts: P) -> Response:
    """The names this installation stands for; `provider/model` is taken as well."""
    since = int(parts.clock().timestamp())
    names = dict.fromkeys(("auto", *(each.name for each in ALIASES), Local().model))
    data = [
        {"id": name, "object": "model", "created": since, "owned_by": "contentops"}
        for name in names
    ]
    return JSONResponse({"object": "list", "data": data})


async def _paid(write: Write, ask: Ask) -> Answer:
    with write.parts.direct.call(write.who.tenant):
        asking = await begin(write, ask)
        answer = await answered(asking)
        await settle(asking, answer)
    return answer


async def _in_chunks(
    body: wire.Chat, write: Write, ask: Ask, ready: Answer | None
) -> Response:
    pieces = told_at_once(ready) if ready else await streamed(write, ask)
    made = _made(write, "" if ready else job_of(write))
    told = _chunks(pieces, made, body)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(told, headers=headers, media_type="text/event-stream")


async def _chunks(
    pieces: AsyncIterator[Piece], made: wire.Made, body: wire.Chat
) -> AsyncIterator[bytes]:
    yield made.chunk(body.model, {"role": "assistant", "content": ""})
    async for piece in pieces:
        if isinstance(piece, Delta):
            yield made.chunk(body.model, {"content": piece.text})
        elif isinstance(piece, Broken):
            yield wire.line(wire.error(piece.reason, "server_error", code=piece.code))
        else:
            ended = wire.last_chunks(piece.answer, made, usage=body.tells_usage)
            yield b"".join(ended)


def _made(write: Write, task_id: str = "") -> wire.Made:
    now = int(write.parts.clock().timestamp())
    return wire.Made(write.command_id, now, task_id)


def _local(made: Embedded, body: wire.Embed) -> wire.Json:
    nothing: Usage = FREE
    found = wire.embeddings(made.vectors, made.model, nothing, body)
    return {**found, "degraded": made.degraded}


def _refusal(no: Problem) -> Response:
    status = 400 if no.status == 422 else no.status
    kind = _TYPES.get(
        status, "invalid_request_error" if status < 500 else "server_error"
    )
    param = no.faults[0].pointer.strip("/").replace("/", ".") if no.faults else ""
    body = wire.error(no.detail, kind, param or None, no.code)
    return JSONResponse(body, status, headers=no.headers)


def _turned_down(no: Refused) -> Response:
    status = _STATUS.get(no.code, 400)
    kind = "server_error" if isinstance(no, Unavailable) else "invalid_request_error"
    headers = {"Retry-After": "1"} if isinstance(no, Unavailable) else {}
    body = wire.error(no.reason, kind, code=no.code)
    return JSONResponse(body, status, headers=headers)


def _unreadable(wrong: RequestValidationError) -> Response:
    """The first thing that is wrong, by the name of its field."""
    first = wrong.errors()[0]
    param = ".".join(str(each) for each in first["loc"][1:])
    unknown = first["type"] == "extra_forbidden"
    code = "unsupported_parameter" if unknown else "invalid_value"
    message = f"{param}: {first['msg']}"
    told = wire.error(message, "invalid_request_error", param or None, code)
    return JSONResponse(told, 400)
