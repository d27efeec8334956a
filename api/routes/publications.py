"""Publications: where each one stands, confirming by hand, and its numbers."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints

from api import positions
from api.deps import Cursor, Limit, P, Read, VideoId
from api.parts import Parts
from api.problems import conflict, missing
from api.shapes import Body, Failure, Id, Item, Page, Receipt, Shown
from api.writes import Outcome, Write, Writes, answer, decide, receipt, unknown
from media_agents.errors import ObjectMissing
from projections.publications.query import STEPS
from schemas.commands.job import RequestJob
from schemas.commands.publication import ConfirmPublication
from schemas.envelope import Envelope, Record
from schemas.ids import derived, observation_id, stream_key
from schemas.observations import MetricsObserved
from schemas.publishing import MetricsInput
from schemas.registry import encode, wire_name
from schemas.topics import TRACKING
from streams import tracing
from streams.log import NotAcknowledged

router = APIRouter(tags=["publications"])

_COUNT_MAX = 10**15
Count = Annotated[int, Field(ge=0, le=_COUNT_MAX)]


class LogEntry(Shown):
    version: int = 0
    type: str = ""
    at: datetime
    detail: dict[str, object] = Field(default_factory=dict)


class HandOffPack(Shown):
    """What a person needs to publish by hand; the link opens the platform's app."""

    link: str = ""
    share_id: str = ""
    expires_at: datetime | None = None
    title: str = ""
    text: str = ""
    tags: list[str] = Field(default_factory=list)


class Publication(Item):
    project_id: str = ""
    video_id: str = ""
    account_id: str = ""
    platform: str = ""
    mode: str = ""
    title: str = ""
    text: str = ""
    tags: list[str] = Field(default_factory=list)
    copy_id: str = ""
    at: datetime | None = None
    local: str = ""
    timezone: str = ""
    status: str = ""
    item_id: str = ""
    link: str = ""
    share_id: str = ""
    expires_at: datetime | None = None
    needs_person: bool = False
    problem: Failure | None = None
    hand_off: HandOffPack | None = None
    log: list[LogEntry] | None = None
    pack_key: str = Field(default="", exclude=True)


class Confirmation(Body):
    link: Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://\S+$")]


class Numbers(Body):
    """Totals as the platform's own page shows them now."""

    views: Count
    likes: Count
    comments: Count
    shares: Count
    favourites: Count = 0
    completion_rate: Annotated[float, Field(ge=0, le=1)] | None = None


@router.get("/publications")
async def list_publications(
    rows: Read,
    video_id: VideoId = None,
    platform: Annotated[Id | None, Query()] = None,
    status: Annotated[Id | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Publication]:
    where = {"video_id": video_id, "platform": platform, "status": status}
    return await rows.page(
        "publications", Publication, where=where, cursor=cursor, limit=limit
    )


@router.get("/publications/{publication_id}")
async def read_publication(
    publication_id: Id, rows: Read, parts: P, response: Response
) -> Publication:
    found = await _need(rows, publication_id)
    response.headers["ETag"] = f'"{found.version}"'
    entries = await rows.all(STEPS, (publication_id,))
    more: dict[str, object] = {"log": [LogEntry.model_validate(row) for row in entries]}
    if found.status == "handed_off" and found.pack_key:
        more["hand_off"] = await _pack(parts, found.pack_key)
    return found.model_copy(update=more)


async def _pack(parts: Parts, key: str) -> HandOffPack | None:
    try:
        return HandOffPack.model_validate_json(await parts.storage.get_bytes(key))
    except ObjectMissing:
        return None


@router.post(
    "/publications/{publication_id}/confirm", status_code=202, response_model=Receipt
)
async def confirm(
    publication_id: Id, body: Confirmation, write: Writes, rows: Read
) -> Response:
    row = await _need(rows, publication_id)
    wish = ConfirmPublication(link=body.link)
    outcome = await decide(write, wish, publication_id, cause=row.event_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, publication_id),
        lambda: rows.one("publications", Publication, publication_id),
    )


@router.post(
    "/publications/{publication_id}/metrics", status_code=202, response_model=Receipt
)
async def metrics(
    publication_id: Id, write: Writes, rows: Read, body: Numbers | None = None
) -> Response:
    """With numbers they are recorded (201); without, the platform is asked (202)."""
    row = await _need(rows, publication_id)
    if body is not None:
        return await _record(write, row, body)
    if not row.item_id:
        raise conflict(
            "",
            "The platform has no item of this publication yet.",
            "Wait until it is published, or send the numbers yourself.",
        )
    return await _ask(write, row)


async def _ask(write: Write, row: Publication) -> Response:
    given = MetricsInput(publication_id=row.id, item_id=row.item_id)
    job_id = derived("job", write.command_id)
    wish = RequestJob(
        role="publish",
        subject=f"publication/{row.id}",
        input=given,
        digest=derived("digest", write.command_id, encode(given).decode()),
    )
    outcome = await decide(write, wish, job_id, cause=row.event_id)
    return await answer(write, outcome, receipt(write, outcome, job_id), _nothing)


async def _nothing() -> Item | None:
    """Numbers go to the analytics store; there is no row to wait for."""
    return None


async def _record(write: Write, row: Publication, body: Numbers) -> Response:
    seen = observed(write, row, body)
    try:
        kept = await write.parts.log.append(seen, TRACKING)
    except NotAcknowledged as lost:
        raise unknown(write) from lost
    outcome = Outcome("accepted", appended=kept)
    place = positions.encode(outcome.place, write.parts.clock())
    told = receipt(write, outcome, seen.envelope.id)
    return Response(
        told.model_dump_json(by_alias=True),
        201,
        headers={"Position": place},
        media_type="application/json",
    )


def observed(write: Write, row: Publication, body: Numbers) -> Record[MetricsObserved]:
    tenant, now = write.who.tenant, write.parts.clock()
    data = MetricsObserved(
        publication_id=row.id,
        platform=row.platform,
        observed_at=now,
        source="person",
        **dict(body),
    )
    envelope = Envelope(
        id=observation_id(f"metrics:{row.id}", write.command_id),
        type=wire_name(MetricsObserved),
        subject=f"publication/{row.id}",
        tenant=tenant,
        time=now,
        key=stream_key(tenant, row.id),
        cause=row.event_id,
        correlation=write.command_id,
        auth_id=write.who.auth_id,
        traceparent=tracing.here(),
    )
    return Record(envelope=envelope, data=data)


async def _need(rows: Read, publication_id: str) -> Publication:
    found = await rows.one("publications", Publication, publication_id)
    if found is None:
        raise missing("publication")
    return found
