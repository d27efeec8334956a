"""Events: the chain of causes behind one, and the stream of changes as they happen."""

from typing import Annotated, TypeAlias

from fastapi import APIRouter, Header, Query, Request, WebSocket
from fastapi.responses import StreamingResponse

from api import streams
from api.callers import Callers
from api.deps import P, Read, Who, bearer, known
from api.explain import Explanation, explain
from api.live import Hub
from api.parts import Parts
from api.problems import Problem, document, missing
from api.shapes import Id

router = APIRouter(tags=["events"])

SUBPROTOCOL = "contentops.v1"
Mark: TypeAlias = Annotated[str | None, Header(max_length=8000)]
After: TypeAlias = Annotated[str, Query(max_length=8000)]


@router.get("/events/stream", response_class=StreamingResponse)
async def stream(
    request: Request, who: Who, parts: P, last_event_id: Mark = None
) -> streams.EventStream:
    """Server-sent events; Last-Event-ID goes on after that id without a gap.

    503 with Retry-After when there are as many streams as may be.
    """
    hub: Hub = request.app.state.hub
    stall_s = parts.gate.limits.stall_s
    return streams.EventStream(hub, who, last_event_id or "", stall_s)


@router.websocket("/watch")
async def watch(socket: WebSocket, after: After = "") -> None:
    """The same messages as `{event, id, data}`; `after` is the id to go on from.

    Browsers, which cannot set headers here, offer two subprotocols: `contentops.v1`
    and the key.
    """
    parts: Parts = socket.app.state.parts
    callers: Callers = socket.app.state.callers
    hub: Hub = socket.app.state.hub
    offered: list[str] = socket.scope["subprotocols"]
    try:
        who = await known(callers, _key(socket, offered))
        parts.gate.admit(who.tenant)
        async with hub.following(who) as opened:
            await socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
            stall_s = parts.gate.limits.stall_s
            await streams.tell(socket, hub, opened, after, stall_s)
    except Problem as no:
        await socket.send_denial_response(document(no))


def _key(socket: WebSocket, offered: list[str]) -> str:
    offers = (each for each in offered if each != SUBPROTOCOL)
    return bearer(socket.headers) or next(offers, "")


@router.get("/events/{event_id}/explain")
async def explain_event(event_id: Id, rows: Read) -> Explanation:
    found = await explain(rows, event_id)
    if not found.nodes:
        raise missing("event")
    return found
