"""Copies: words for a publication, made by a model and approved by a person."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints

from api.deps import Cursor, Limit, P, ProjectId, Read, VideoId
from api.problems import missing
from api.routes.accounts import mode_of
from api.shapes import Body, Failure, Id, Item, Page, Receipt, Shown
from api.writes import Writes, answer, decide, receipt
from schemas.commands.content import ApproveCopy, RequestCopy

router = APIRouter(tags=["copies"])

Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
Model = Annotated[str, StringConstraints(pattern=r"^[\w./:-]+$", max_length=100)]
Status = Literal["requested", "generated", "edited", "failed", "approved"]
Lang = Annotated[str, StringConstraints(pattern=r"^[A-Za-z-]+$", max_length=20)]


class NewCopy(Body):
    """`projectId` may be left out where the video tells it."""

    task: Literal["copy", "title", "summary", "reply"]
    platform: str = Field(min_length=1, max_length=40)
    brief: Text
    project_id: Id | None = None
    video_id: Id | None = None
    model: Model = "auto"
    lang: Lang = "zh"
    variants: int = Field(default=1, ge=1, le=10)


class Approval(Body):
    """`text` set = the person changed the words before saying yes.

    `number` names a version instead of a variant.
    """

    variant: int = Field(default=0, ge=0, le=99)
    text: Text | None = None
    number: int = Field(default=0, ge=0, le=1000)


class Spent(Shown):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: str | None = None
    currency: str = ""


class Copy(Item):
    project_id: str = ""
    video_id: str = ""
    task: str = ""
    platform: str = ""
    brief: str = ""
    lang: str = ""
    model: str = ""
    status: str = ""
    variants: list[str] = Field(default_factory=list)
    text: str = ""
    approved_variant: int | None = None
    approved_number: int | None = None
    newest: int | None = None
    provider: str = ""
    model_name: str = ""
    usage: Spent | None = None
    degraded: bool = False
    job_id: str = ""
    problem: Failure | None = None
    approved_event_id: str = Field(default="", exclude=True)
    approved_version: int = Field(default=0, exclude=True)


class _Owned(Item):
    project_id: str = ""


@router.post("/copies", status_code=202, response_model=Receipt)
async def request_copy(body: NewCopy, write: Writes, parts: P, rows: Read) -> Response:
    mode_of(parts, body.platform)
    cause, project_id = await _belongs(body, rows)
    copy_id = write.new_id("copy")
    wish = RequestCopy(
        project_id=project_id,
        video_id=body.video_id or "",
        task=body.task,
        platform=body.platform,
        brief=body.brief,
        model=body.model,
        lang=body.lang,
        variants=body.variants,
    )
    outcome = await decide(write, wish, copy_id, cause=cause)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, copy_id),
        lambda: rows.one("copies", Copy, copy_id),
        made=f"/api/v1/copies/{copy_id}",
    )


async def _belongs(body: NewCopy, rows: Read) -> tuple[str, str]:
    """The event this copy follows from, and its project."""
    cause, project_id = "", body.project_id or ""
    if body.video_id:
        video = await rows.one("videos", _Owned, body.video_id)
        if video is None:
            raise missing("video", "/videoId")
        cause, project_id = video.event_id, project_id or video.project_id
    if body.project_id or not body.video_id:
        project = await rows.one("projects", Item, project_id)
        if project is None:
            raise missing("project", "/projectId")
        cause = cause or project.event_id
    return cause, project_id


@router.post("/copies/{copy_id}/approve", status_code=202, response_model=Receipt)
async def approve_copy(
    copy_id: Id, body: Approval, write: Writes, rows: Read
) -> Response:
    row = await need_copy(rows, copy_id)
    wish = ApproveCopy(body.variant, body.text or "", body.number)
    outcome = await decide(write, wish, copy_id, cause=row.event_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, copy_id),
        lambda: rows.one("copies", Copy, copy_id),
    )


@router.get("/copies")
async def list_copies(  # noqa: PLR0913  filters of a list are its arguments
    rows: Read,
    project_id: ProjectId = None,
    video_id: VideoId = None,
    platform: Annotated[Id | None, Query()] = None,
    status: Status | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Copy]:
    where = {
        "project_id": project_id,
        "video_id": video_id,
        "platform": platform,
        "status": status,
    }
    return await rows.page("copies", Copy, where=where, cursor=cursor, limit=limit)


@router.get("/copies/{copy_id}")
async def read_copy(copy_id: Id, rows: Read, response: Response) -> Copy:
    found = await need_copy(rows, copy_id)
    response.headers["ETag"] = f'"{found.version}"'
    return found


async def need_copy(rows: Read, copy_id: str) -> Copy:
    found = await rows.one("copies", Copy, copy_id)
    if found is None:
        raise missing("copy")
    return found
