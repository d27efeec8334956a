"""Videos: finished material, with signed addresses made at the moment of reading."""

from typing import Literal
from urllib.parse import quote

from fastapi import APIRouter, Response
from pydantic import Field

from api.deps import Cursor, Limit, P, ProjectId, Read, Who
from api.links import Link, sign
from api.parts import Parts
from api.pictures import PictureShown, linked
from api.problems import missing
from api.shapes import Body, Failure, Id, Item, Page, Shown
from api.subtitling import Chosen, SubtitleReceipt, chosen
from api.uploads import sign_get
from api.writes import Writes, answer, decide
from media_agents.serving import is_public
from schemas.commands.asset import RequestCaptions
from schemas.ids import derived, event_id

router = APIRouter(tags=["videos"])


class Rung(Shown):
    name: str = ""
    width: int = 0
    height: int = 0
    bit_rate: int = 0


class Cover(Shown):
    """`at` in seconds; `score` is higher the more there is to see."""

    at: float = 0
    score: float = 0
    url: str | None = None
    key: str = Field(default="", exclude=True)


class Caption(Shown):
    """Words beside the picture: the version of the asset's subtitles they are."""

    language: str = ""
    number: int = 0
    source: str = ""
    confidence: str = ""


class Video(Item):
    """`bitRate` is in bits per second; the addresses expire, the resource does not.

    `pictures` are the cover in every shape that a destination takes; their addresses
    are made where one video is read.
    """

    asset_id: str = ""
    project_id: str = ""
    status: str = ""
    profiles: list[str] = Field(default_factory=list)
    width: int = 0
    height: int = 0
    bit_rate: int = 0
    duration_ms: int = 0
    renditions: list[Rung] = Field(default_factory=list)
    covers: list[Cover] = Field(default_factory=list)
    pictures: list[PictureShown] = Field(default_factory=list)
    captions: list[Caption] = Field(default_factory=list)
    captions_job_id: str = ""
    rendition_job_id: str = ""
    job_id: str = ""
    problem: Failure | None = None
    url: str | None = None
    hls_url: str | None = None
    cover_url: str | None = None
    thumbnails_url: str | None = None
    waveform_url: str | None = None
    watch_url: str | None = None
    mp4_key: str = Field(default="", exclude=True)
    hls_key: str = Field(default="", exclude=True)
    cover_key: str = Field(default="", exclude=True)
    thumbnails_key: str = Field(default="", exclude=True)
    waveform_key: str = Field(default="", exclude=True)


class Captions(Body):
    """All languages the video is to have, in order; none takes them all away."""

    subtitles: list[Chosen] = Field(max_length=32)


@router.get("/videos")
async def list_videos(  # noqa: PLR0913  filters of a list are its arguments
    rows: Read,
    parts: P,
    who: Who,
    project_id: ProjectId = None,
    status: Literal["processing", "ready", "failed"] | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Video]:
    where = {"project_id": project_id, "status": status}
    page = await rows.page("videos", Video, where=where, cursor=cursor, limit=limit)
    signed = [await with_links(parts, who.tenant, each) for each in page.items]
    return Page(items=signed, next=page.next)


@router.get("/videos/{video_id}")
async def read_video(
    video_id: Id, rows: Read, parts: P, who: Who, response: Response
) -> Video:
    found = await rows.one("videos", Video, video_id)
    if found is None:
        raise missing("video")
    response.headers["ETag"] = f'"{found.version}"'
    pictures = await linked(parts, found.pictures)
    shown = await with_links(parts, who.tenant, found)
    return shown.model_copy(update={"pictures": pictures})


@router.put(
    "/videos/{video_id}/subtitles", status_code=202, response_model=SubtitleReceipt
)
async def choose_captions(
    video_id: Id, body: Captions, write: Writes, rows: Read
) -> Response:
    """Packages the video again with these words; nothing of it is encoded again."""
    found = await rows.one("videos", Video, video_id)
    if found is None:
        raise missing("video")
    texts = tuple(
        [
            await chosen(rows, found.asset_id, each, f"/subtitles/{place}")
            for place, each in enumerate(body.subtitles)
        ]
    )
    wish = RequestCaptions(video_id=video_id, texts=texts)
    outcome = await decide(write, wish, found.asset_id, cause=found.event_id)
    told = SubtitleReceipt(
        operation_id=write.command_id,
        status=outcome.status,
        id=video_id,
        task_id=derived("job", event_id(write.command_id)),
    )
    return await answer(
        write, outcome, told, lambda: rows.one("videos", Video, video_id)
    )


def _listed(parts: Parts, key: str, token: str, name: str = "") -> str | None:
    """A list of addresses: a public one names its neighbours, else they are signed."""
    if not key:
        return None
    if parts.edge.media_url and is_public(key):
        return f"{parts.edge.media_url}/{quote(key)}"
    name = name or key.rpartition("/")[2]
    return f"{parts.edge.public_url}/hls/{token}/{name}"


async def with_links(parts: Parts, tenant: str, video: Video) -> Video:
    if video.status != "ready":
        return video
    covers = [
        each.model_copy(update={"url": await sign_get(parts, each.key, "image/jpeg")})
        for each in video.covers
    ]
    token = sign(parts.edge.link_key, Link.lasting(parts, tenant, video.id))
    return video.model_copy(
        update={
            "url": await sign_get(parts, video.mp4_key, "video/mp4"),
            "cover_url": await sign_get(parts, video.cover_key, "image/jpeg"),
            "covers": covers,
            "thumbnails_url": _listed(parts, video.thumbnails_key, token),
            "waveform_url": await sign_get(parts, video.waveform_key, "image/png"),
            "hls_url": _listed(parts, video.hls_key, token, "master.m3u8"),
            "watch_url": f"{parts.edge.public_url}/watch/{token}",
        }
    )
