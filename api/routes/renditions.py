"""Renditions: one of a finished video, made again without the others."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import StringConstraints

from api.deps import Read
from api.problems import missing
from api.routes.tasks import Task
from api.routes.videos import Video
from api.shapes import Body, Id, Receipt
from api.writes import Writes, answer, decide
from schemas.commands.asset import RequestRendition
from schemas.ids import derived, event_id

router = APIRouter(tags=["videos"])


class Again(Body):
    """`name` as it stands in the video's `renditions`."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=40)]


class RenditionReceipt(Receipt):
    """`id` is the video's; the task makes the rendition."""

    task_id: str


@router.post(
    "/videos/{video_id}/renditions", status_code=202, response_model=RenditionReceipt
)
async def make_again(video_id: Id, body: Again, write: Writes, rows: Read) -> Response:
    """From its source, by the recipe of the video; nothing else is encoded again.

    The video stays as it is until the new files are all there.
    """
    video = await rows.one("videos", Video, video_id)
    if video is None:
        raise missing("video", "/path/videoId")
    wish = RequestRendition(video_id=video_id, name=body.name)
    outcome = await decide(write, wish, video.asset_id, cause=video.event_id)
    task_id = derived("job", event_id(write.command_id))
    told = RenditionReceipt(
        operation_id=write.command_id,
        status=outcome.status,
        id=video_id,
        task_id=task_id,
    )
    return await answer(
        write,
        outcome,
        told,
        lambda: rows.one("tasks", Task, task_id),
        made=f"/api/v1/tasks/{task_id}",
    )
