"""Covers: which picture stands for a video, one taken from it or one of one's own."""

from fastapi import APIRouter, Response
from pydantic import Field

from api.deps import Read
from api.problems import conflict, invalid, missing
from api.routes.images import (
    ImagesReceipt,
    check_ready,
    images_id_of,
    ready_picture,
    told,
)
from api.routes.videos import Video
from api.shapes import Body, Id, Receipt
from api.writes import Write, Writes, answer, decide, receipt
from schemas.commands.asset import ChooseCover, RequestImages
from schemas.jobs import Evidence

router = APIRouter(tags=["videos"])


class CoverChoice(Body):
    """Which of the video's `covers`, counted from 0; or a picture of one's own."""

    cover: int | None = Field(default=None, ge=0)
    asset_id: Id | None = None


@router.put(
    "/videos/{video_id}/cover",
    status_code=202,
    response_model=ImagesReceipt | Receipt,
)
async def choose_cover(
    video_id: Id, body: CoverChoice, write: Writes, rows: Read
) -> Response:
    """One of one's own stands for the video as soon as it was made ready, as a task."""
    video = await rows.one("videos", Video, video_id)
    if video is None:
        raise missing("video")
    if body.asset_id is not None and body.cover is None:
        return await _own(video, body.asset_id, write, rows)
    if body.cover is not None and body.asset_id is None:
        return await _taken(video, body.cover, write, rows)
    raise invalid(
        "/cover",
        "Name either a cover of the video or a picture.",
        "Send cover or assetId.",
    )


async def _taken(video: Video, place: int, write: Write, rows: Read) -> Response:
    if place >= len(video.covers):
        raise invalid(
            "/cover",
            f"The video has {len(video.covers)} covers.",
            "Send the place of one of its covers, counted from 0.",
        )
    wish = ChooseCover(video_id=video.id, cover_key=video.covers[place].key)
    outcome = await decide(write, wish, video.asset_id, cause=video.event_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, video.id),
        lambda: rows.one("videos", Video, video.id),
    )


async def _own(video: Video, asset_id: str, write: Write, rows: Read) -> Response:
    check_ready(video)
    picture = await ready_picture(asset_id, rows)
    if picture.trashed:
        raise conflict("/assetId", "This picture is in the trash.", "Restore it first.")
    wish = RequestImages(
        images_id=images_id_of(write),
        wishes=(),
        video_id=video.id,
        picture_key=picture.object_key,
        picture_sha256=picture.sha256,
        evidence=(Evidence("asset.probed", picture.event_id, picture.version),),
    )
    outcome = await decide(write, wish, video.asset_id, cause=video.event_id)
    return await told(write, outcome, rows, video.asset_id)
