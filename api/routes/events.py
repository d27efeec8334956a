"""Events: the chain of causes behind one, and the stream of changes as they happen."""

from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from api.deps import Read, Who
from api.explain import Explanation, explain
from api.live import Hub
from api.problems import missing
from api.shapes import Id

router = APIRouter(tags=["events"])


@router.get("/events/stream", response_class=StreamingResponse)
async def stream(
    request: Request,
    who: Who,
    last_event_id: Annotated[str | None, Header(max_length=8000)] = None,
) -> StreamingResponse:
    """Server-sent events; Last-Event-ID goes on after that id without a gap."""
    hub: Hub = request.app.state.hub
    return StreamingResponse(
        hub.stream(who.tenant, last_event_id or ""),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@router.get("/events/{event_id}/explain")
async def explain_event(event_id: Id, rows: Read) -> Explanation:
    found = await explain(rows, event_id)
    if not found.nodes:
        raise missing("event")
    return found
