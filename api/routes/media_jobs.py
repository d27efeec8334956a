"""Media jobs: work on material, asked for directly or fetched from an address."""

from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from api.deps import Read
from api.problems import conflict, invalid, missing
from api.routes.asset_imports import check_source, importing
from api.routes.assets import Asset
from api.routes.tasks import Task
from api.shapes import Body, Id, Receipt
from api.subtitling import Chosen, chosen
from api.writes import Outcome, Write, Writes, answer, decide
from media_agents.planning import CAPS
from media_agents.profiles import profiles
from schemas.commands.asset import RequestTranscode
from schemas.ids import derived, event_id

router = APIRouter(tags=["media"])


class NewMediaJob(Body):
    """Either `assetId`, or `sourceUrl` (https, or s3 below the tenant's own prefix).

    `burn`: subtitles of the asset that become part of the picture.
    `public`: anybody may have what is made; its addresses are not signed, never end and
    begin with the public address of this installation's media.
    """

    type: Literal["transcode"]
    asset_id: Id | None = None
    source_url: Annotated[str, StringConstraints(max_length=2000)] | None = None
    project_id: Id | None = None
    profiles: list[Annotated[str, StringConstraints(max_length=20)]] = Field(
        default=[], max_length=8
    )
    burn: Chosen | None = None
    public: bool = False


class MediaReceipt(Receipt):
    """`id` is the asset's; `videoId` is known at once for an asset that is there."""

    task_id: str
    asset_id: str
    video_id: str | None = None


@router.post("/media/jobs", status_code=202, response_model=MediaReceipt)
async def request_media_job(body: NewMediaJob, write: Writes, rows: Read) -> Response:
    _check_profiles(body.profiles)
    if body.asset_id and body.source_url is None:
        return await _transcode(body, body.asset_id, write, rows)
    if body.source_url and body.asset_id is None:
        return await _import(body, body.source_url, write, rows)
    raise invalid(
        "/assetId", "Name either an asset or a source.", "Send assetId or sourceUrl."
    )


def _check_profiles(names: list[str]) -> None:
    """Some rungs of the ladder, or one destination alone."""
    for index, name in enumerate(names):
        alone = name in profiles() and len(names) == 1
        if name not in CAPS and not alone:
            raise invalid(
                f"/profiles/{index}",
                f"{name} stands alone."
                if name in profiles()
                else f"There is no profile {name}.",
                f"Use some of: {', '.join(CAPS)}; or one of: {', '.join(profiles())}.",
            )


async def _transcode(
    body: NewMediaJob, asset_id: str, write: Write, rows: Read
) -> Response:
    row = await rows.one("assets", Asset, asset_id)
    if row is None:
        raise missing("asset", "/assetId")
    if row.status == "refused" and not write.repeated:
        reason = row.problem.reason if row.problem else "it is no usable video"
        raise conflict(
            "/assetId", f"This asset was refused: {reason}.", "Upload another file."
        )
    video_id = derived("video", write.command_id)
    words = await chosen(rows, asset_id, body.burn, "/burn") if body.burn else None
    wish = RequestTranscode(
        video_id, tuple(body.profiles), burn=words, public=body.public
    )
    outcome = await decide(write, wish, asset_id, cause=row.event_id)
    return await _answer(write, outcome, rows, asset_id, video_id)


async def _import(body: NewMediaJob, source: str, write: Write, rows: Read) -> Response:
    check_source(source, write.who.tenant)
    if body.burn is not None:
        raise invalid(
            "/burn",
            "An import has no subtitles yet.",
            "Import it first, then ask for a transcode with burn.",
        )
    if body.project_id is None:
        raise invalid("/projectId", "An import needs a project.", "Add projectId.")
    if body.public:
        raise invalid(
            "/public",
            "What is made of an import is private.",
            "Leave public out; ask for a public job once the asset is there.",
        )
    asset_id, outcome = await importing(
        write, rows, source, body.project_id, tuple(body.profiles)
    )
    return await _answer(write, outcome, rows, asset_id, None)


async def _answer(
    write: Write, outcome: Outcome, rows: Read, asset_id: str, video_id: str | None
) -> Response:
    task_id = derived("job", event_id(write.command_id))
    told = MediaReceipt(
        operation_id=write.command_id,
        status=outcome.status,
        id=asset_id,
        task_id=task_id,
        asset_id=asset_id,
        video_id=video_id,
    )
    return await answer(
        write,
        outcome,
        told,
        lambda: rows.one("tasks", Task, task_id),
        made=f"/api/v1/tasks/{task_id}",
    )
