"""Operations: what became of a command."""

from fastapi import APIRouter

from api import positions
from api.deps import P, Who
from api.problems import missing, to_camel_pointer
from api.shapes import Id, Shown
from streams.decisions import Refusal

router = APIRouter(tags=["operations"])


class Trouble(Shown):
    kind: str = ""
    code: str = ""
    pointer: str = ""
    detail: str = ""


class Operation(Shown):
    """`eventId` is where `explain` starts."""

    id: str
    status: str
    event_id: str = ""
    event_type: str = ""
    subject: str = ""
    version: int = 0
    problem: Trouble | None = None
    position: str = ""


@router.get("/operations/{operation_id}")
async def read_operation(operation_id: Id, who: Who, parts: P) -> Operation:
    """404 also while a command is on the log but not decided yet: ask again."""
    found = await parts.decisions.decision(who.tenant, operation_id, 0)
    if found is None:
        raise missing("operation")
    place = {(found.topic, found.partition): found.offset}
    return Operation(
        id=operation_id,
        status=found.status,
        event_id=found.event_id,
        event_type=found.event_type,
        subject=found.subject,
        version=found.version,
        problem=_trouble(found.problem),
        position=positions.encode(place, parts.clock()),
    )


def _trouble(refusal: Refusal | None) -> Trouble | None:
    if refusal is None:
        return None
    return Trouble(
        kind=refusal.kind,
        code=refusal.code,
        pointer=to_camel_pointer(refusal.pointer),
        detail=refusal.detail,
    )
