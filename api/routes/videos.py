"""Videos: finished material, with signed addresses made at the moment of reading."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import Field

from api.deps import Cursor, Limit, P, ProjectId, Read, Who
from api.links import Link, sign
from api.parts import Parts
from api.problems import missing
from api.shapes import Failure, Id, Item, Page, Shown
from api.uploads import sign_get

router = APIRouter(tags=["videos"])


class Rung(Shown):
    name: str = ""
    width: int = 0
    height: int = 0
    bit_rate: int = 0


class Video(Item):
    """`bitRate` is in bits per second; the addresses expire, the resource does not."""

    asset_id: str = ""
    project_id: str = ""
    status: str = ""
    profiles: list[str] = Field(default_factory=list)
    width: int = 0
    height: int = 0
    bit_rate: int = 0
    duration_ms: int = 0
    renditions: list[Rung] = Field(default_factory=list)
    job_id: str = ""
    problem: Failure | None = None
    url: str | None = None
    hls_url: str | None = None
    cover_url: str | None = None
    watch_url: str | None = None
    mp4_key: str = Field(default="", exclude=True)
    hls_key: str = Field(default="", exclude=True)
    cover_key: str = Field(default="", exclude=True)


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
    return await with_links(parts, who.tenant, found)


async def with_links(parts: Parts, tenant: str, video: Video) -> Video:
    if video.status != "ready":
        return video
    token = sign(parts.edge.link_key, Link.lasting(parts, tenant, video.id))
    base = parts.edge.public_url
    return video.model_copy(
        update={
            "url": await sign_get(parts, video.mp4_key, "video/mp4"),
            "cover_url": await sign_get(parts, video.cover_key, "image/jpeg"),
            "hls_url": f"{base}/hls/{token}/master.m3u8",
            "watch_url": f"{base}/watch/{token}",
        }
    )
