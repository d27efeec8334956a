"""Assets: what there is, to look for and to look at."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from api.deps import Cursor, Limit, P, Read
from api.parts import Parts
from api.problems import missing
from api.rows import page_of, read_cursor
from api.shapes import Failure, Id, Item, Line, Page, Shown
from api.uploads import sign_body, sign_get
from media_agents.serving import UNKNOWN, served_as
from projections.assets.query import PAGE

router = APIRouter(tags=["assets"])

Status = Literal["presigned", "importing", "uploaded", "ready", "refused", "abandoned"]


class SoundFacts(Shown):
    codec: str = ""
    channels: int = 0
    layout: str = ""
    sample_rate: int = 0
    bit_rate: int = 0
    language: str = ""
    title: str = ""


class CaptionFacts(Shown):
    codec: str = ""
    language: str = ""
    title: str = ""
    text: bool = True


class Facts(Shown):
    """Rates in bits a second; `sar` is the shape of one pixel, `keyGapS` the longest
    way between key frames; `lufs`, `lra`, `peakDb` by EBU R128, of the first track.
    """

    kind: str = "video"
    duration_ms: int = 0
    width: int = 0
    height: int = 0
    fps: float = 0
    video_codec: str = ""
    audio_codec: str = ""
    channels: int = 0
    bit_rate: int = 0
    container: str = ""
    rotation: int = 0
    sar: str = "1:1"
    vfr: bool = False
    hdr: bool = False
    interlaced: bool = False
    frames: int = 0
    pix_fmt: str = ""
    video_profile: str = ""
    video_bit_rate: int = 0
    key_gap_s: float = 0
    sounds: list[SoundFacts] = Field(default=[])
    captions: list[CaptionFacts] = Field(default=[])
    lufs: float | None = None
    lra: float | None = None
    peak_db: float | None = None


class Asset(Item):
    project_id: str = ""
    filename: str = ""
    content_type: str = ""
    size: int = 0
    sha256: str = ""
    source: str = ""
    status: str = ""
    facts: Facts | None = None
    problem: Failure | None = None
    number: int = 1
    duplicate_of: str = ""
    title: str = ""
    tags: list[str] = Field(default=[])
    topics: list[str] = Field(default=[])
    folder: str = ""
    keep_until: datetime | None = None
    trashed: bool = False
    purge_at: datetime | None = None
    url: str | None = None
    thumbnail_url: str | None = None
    thumbnail_key: str | None = Field(default=None, exclude=True)
    object_key: str = Field(default="", exclude=True)
    upload_id: str = Field(default="", exclude=True)


class Filter(Shown):
    """Empty = any. A folder means everything below it; all of the tags are wanted."""

    project_id: Id | None = None
    status: Status | None = None
    type: Literal["video", "audio", "image"] | None = None
    tag: list[Line] = Field(default=[], max_length=20)
    topic: Line | None = None
    folder: Line | None = None
    trashed: bool = False


@router.get("/assets")
async def list_assets(
    rows: Read,
    parts: P,
    only: Annotated[Filter, Query()],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Asset]:
    """Newest first; what lies in the trash only with `trashed`.

    `thumbnailUrl` is the cover of the newest video made of it, or the picture itself.
    """
    created, last = read_cursor(cursor) if cursor else (None, None)
    values = {
        "project": only.project_id,
        "status": only.status,
        "type": only.type,
        "tags": only.tag or None,
        "topic": only.topic,
        "folder": only.folder.strip("/") if only.folder else None,
        "trashed": only.trashed,
        "created": created,
        "id": last,
        "limit": limit + 1,
    }
    page = page_of(Asset, await rows.all(PAGE, values), limit)
    return Page(items=[await _pictured(parts, it) for it in page.items], next=page.next)


async def _pictured(parts: Parts, asset: Asset) -> Asset:
    if asset.facts is not None and asset.facts.kind == "image":
        url = await sign_body(parts, asset)
    else:
        url = await sign_get(parts, asset.thumbnail_key or "", "image/jpeg")
    return asset.model_copy(
        update={"thumbnail_url": url, "content_type": kind_of(asset)}
    )


@router.get("/assets/{asset_id}")
async def read_asset(asset_id: Id, parts: P, rows: Read, response: Response) -> Asset:
    found = await need(rows, asset_id)
    response.headers["ETag"] = f'"{found.version}"'
    url = await sign_body(parts, found)
    return found.model_copy(update={"url": url, "content_type": kind_of(found)})


def kind_of(asset: Asset) -> str:
    """What was found in the file, where somebody looked already."""
    facts = asset.facts
    found = served_as(facts.kind, facts.container) if facts else UNKNOWN
    return asset.content_type if found == UNKNOWN else found


async def need(rows: Read, asset_id: str) -> Asset:
    """Raises Problem 404, also for one that was deleted for good."""
    found = await rows.one("assets", Asset, asset_id)
    if found is None or found.status == "purged":
        raise missing("asset")
    return found
