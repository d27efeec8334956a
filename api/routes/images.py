"""Images: sets of pictures made of a picture, of a video's cover, or of its moments."""

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints

from api.deps import Cursor, Limit, P, Read, VideoId
from api.pictures import PictureShown, linked
from api.problems import conflict, invalid, missing
from api.routes.assets import Asset
from api.routes.videos import Video
from api.shapes import Body, Failure, Id, Item, Page, Plain, Receipt
from api.writes import Outcome, Write, Writes, answer, decide
from media_agents.errors import MediaRefused
from media_agents.profiles import Profile, profiles
from schemas.commands.asset import RequestImages
from schemas.ids import derived, event_id
from schemas.pictures import Aspect, Overlay, PictureWish
from schemas.pictures import Focus as Place

router = APIRouter(tags=["images"])

MOST_MOMENTS = 50
MOST_STRETCHED = 10
Format = Literal["jpeg", "png", "webp", "avif"]
Formats = Annotated[list[Format], Field(min_length=1, max_length=4)]
Width = Annotated[int, Field(ge=16, le=4096)]
Colour = Annotated[str, StringConstraints(max_length=40)]


class Focus(Body):
    """What must stay in the picture, as shares of its width and height."""

    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)


class Words(Body):
    """Written on the picture; `size` is a share of its height, no colour draws none."""

    text: Annotated[Plain, StringConstraints(min_length=1, max_length=200)]
    size: float = Field(default=0.08, ge=0.02, le=0.4)
    colour: Colour = "#ffffff"
    outline: Colour | None = "#000000"
    background: Colour | None = None
    place: Literal["top", "center", "bottom"] = "bottom"
    bold: bool = True


class NewImages(Body):
    """Of a picture (`assetId`) or of a video's cover (`videoId`).

    Either for a destination (`profile`: every shape of its covers), or with an `aspect`
    like 3:4. Pixels are never added but to a destination's least width.
    """

    asset_id: Id | None = None
    video_id: Id | None = None
    profile: Annotated[str, StringConstraints(max_length=40)] | None = None
    aspect: Annotated[
        str, StringConstraints(pattern=r"^[1-9]\d{0,3}:[1-9]\d{0,3}$")
    ] = ""
    width: Width | None = None
    formats: Formats = Field(default=["jpeg"])
    max_bytes: int | None = Field(default=None, ge=1000, le=64 << 20)
    focus: Focus | None = None
    text: Words | None = None


class Moments(Body):
    """Seconds from the beginning of the video; each becomes a picture."""

    at: list[Annotated[float, Field(ge=0)]] = Field(
        min_length=1, max_length=MOST_MOMENTS
    )
    width: Width | None = None
    formats: Formats = Field(default=["jpeg"])


class Images(Item):
    """Addresses are made where one set is read, and expire."""

    asset_id: str = ""
    video_id: str = ""
    status: str = ""
    job_id: str = ""
    pictures: list[PictureShown] = Field(default=[])
    problem: Failure | None = None


class ImagesReceipt(Receipt):
    """`id` is that of the set, at /api/v1/images/{id}."""

    task_id: str
    asset_id: str


@router.post("/media/images", status_code=202, response_model=ImagesReceipt)
async def request_images(body: NewImages, write: Writes, rows: Read) -> Response:
    wishes = _wishes(body)
    if body.text is not None:
        await asyncio.to_thread(check_words, body.text)
    asset_id, cause = await _source(body, rows)
    wish = RequestImages(
        images_id=images_id_of(write), wishes=wishes, video_id=body.video_id or ""
    )
    outcome = await decide(write, wish, asset_id, cause=cause)
    return await told(write, outcome, rows, asset_id)


@router.post("/videos/{video_id}/frames", status_code=202, response_model=ImagesReceipt)
async def request_frames(
    video_id: Id, body: Moments, write: Writes, rows: Read
) -> Response:
    video = await ready_video(video_id, rows)
    for place, moment in enumerate(body.at):
        if moment * 1000 > video.duration_ms:
            raise invalid(
                f"/at/{place}",
                f"The video ends after {video.duration_ms / 1000:g} s.",
                "Send moments between its beginning and its end.",
            )
    picture = PictureWish(width=body.width or 0, formats=tuple(body.formats))
    wish = RequestImages(
        images_id=images_id_of(write),
        wishes=(picture,),
        video_id=video_id,
        at=tuple(body.at),
    )
    outcome = await decide(write, wish, video.asset_id, cause=video.event_id)
    return await told(write, outcome, rows, video.asset_id)


@router.get("/images")
async def list_images(
    rows: Read,
    asset_id: Annotated[Id | None, Query(alias="assetId")] = None,
    video_id: VideoId = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[Images]:
    where = {"asset_id": asset_id, "video_id": video_id}
    return await rows.page("images", Images, where=where, cursor=cursor, limit=limit)


@router.get("/images/{images_id}")
async def read_images(
    images_id: Id, rows: Read, parts: P, response: Response
) -> Images:
    found = await rows.one("images", Images, images_id)
    if found is None:
        raise missing("set of images")
    response.headers["ETag"] = f'"{found.version}"'
    return found.model_copy(update={"pictures": await linked(parts, found.pictures)})


def images_id_of(write: Write) -> str:
    return derived("images", write.command_id)


async def told(write: Write, outcome: Outcome, rows: Read, asset_id: str) -> Response:
    images_id = images_id_of(write)
    receipt = ImagesReceipt(
        operation_id=write.command_id,
        status=outcome.status,
        id=images_id,
        task_id=derived("job", event_id(write.command_id)),
        asset_id=asset_id,
    )
    return await answer(
        write,
        outcome,
        receipt,
        lambda: rows.one("images", Images, images_id),
        made=f"/api/v1/images/{images_id}",
    )


async def ready_video(video_id: str, rows: Read) -> Video:
    found = await rows.one("videos", Video, video_id)
    if found is None:
        raise missing("video", "/videoId")
    check_ready(found)
    return found


def check_ready(video: Video) -> None:
    if video.status != "ready":
        raise conflict(
            "/videoId",
            f"This video is {video.status}.",
            "Wait until its status is ready.",
        )


async def ready_picture(asset_id: str, rows: Read) -> Asset:
    """Raises Problem for an asset that is none, not checked yet, or no picture."""
    found = await rows.one("assets", Asset, asset_id)
    if found is None or found.status == "purged":
        raise missing("asset", "/assetId")
    if found.status != "ready" or found.facts is None:
        raise conflict(
            "/assetId",
            f"This asset is {found.status}.",
            "Wait until its status is ready, or name another one.",
        )
    if found.facts.kind != "image":
        raise invalid(
            "/assetId",
            f"This asset is no picture but {found.facts.kind}.",
            "Name a picture; for pictures of a video send its videoId.",
        )
    return found


async def _source(body: NewImages, rows: Read) -> tuple[str, str]:
    """The asset whose stream has it, and its newest event."""
    if body.asset_id and body.video_id is None:
        asset = await ready_picture(body.asset_id, rows)
        return asset.id, asset.event_id
    if body.video_id and body.asset_id is None:
        video = await ready_video(body.video_id, rows)
        return video.asset_id, video.event_id
    raise invalid(
        "/assetId",
        "Name either a picture or a video.",
        "Send assetId or videoId.",
    )


def _wishes(body: NewImages) -> tuple[PictureWish, ...]:
    if body.profile is None:
        return (_wish(body, aspect=_aspect(body.aspect), width=body.width or 0),)
    found = profiles().get(body.profile)
    if found is None:
        raise invalid(
            "/profile",
            f"There is no profile {body.profile}.",
            f"Use one of: {', '.join(profiles())}.",
        )
    _check_beside(body, found)
    return tuple(
        _wish(
            body,
            aspect=Aspect(*shape.aspect),
            width=min(shape.width, body.width or shape.width),
            least_width=shape.least_width,
            profile=found,
        )
        for shape in found.covers
    )


def _wish(
    body: NewImages,
    *,
    aspect: Aspect | None,
    width: int,
    least_width: int = 0,
    profile: Profile | None = None,
) -> PictureWish:
    limits = [body.max_bytes or 0, profile.max_cover_bytes if profile else 0]
    return PictureWish(
        aspect=aspect,
        width=width,
        least_width=least_width,
        formats=tuple(dict.fromkeys(body.formats)),
        max_bytes=min([each for each in limits if each], default=0),
        focus=Place(body.focus.x, body.focus.y) if body.focus else None,
        overlay=_overlay(body.text) if body.text else None,
        profiles=(profile.name,) if profile else (),
    )


def _check_beside(body: NewImages, profile: Profile) -> None:
    if body.aspect:
        raise invalid(
            "/aspect",
            f"{profile.label} says which shapes its covers have.",
            "Send either a profile or an aspect.",
        )
    least = max(shape.least_width for shape in profile.covers)
    if body.width and body.width < least:
        raise invalid(
            "/width",
            f"{profile.label} takes covers from {least} pixels of width.",
            f"Send at least {least}, or leave the width out.",
        )
    for place, name in enumerate(body.formats):
        if name not in profile.cover_formats:
            raise invalid(
                f"/formats/{place}",
                f"{profile.label} takes no {name}.",
                f"Use some of: {', '.join(profile.cover_formats)}.",
            )


def _aspect(text: str) -> Aspect | None:
    if not text:
        return None
    wide, _, high = text.partition(":")
    found = Aspect(int(wide), int(high))
    if not 1 / MOST_STRETCHED <= found.wide / found.high <= MOST_STRETCHED:
        raise invalid(
            "/aspect",
            f"{text} is more than {MOST_STRETCHED} times as long as it is wide.",
            f"Use an aspect from 1:{MOST_STRETCHED} to {MOST_STRETCHED}:1.",
        )
    return found


def _overlay(words: Words) -> Overlay:
    return Overlay(
        text=words.text,
        size=words.size,
        colour=words.colour,
        outline=words.outline or "",
        background=words.background or "",
        place=words.place,
        bold=words.bold,
    )


def check_words(words: Words) -> None:
    """Raises Problem for a colour that is none and characters that no font has."""
    from media_agents.fonts import font_for
    from media_agents.images.lettering import parsed

    field = "text"
    try:
        font_for(words.text)
        for field in ("colour", "outline", "background"):
            if colour := getattr(words, field):
                parsed(colour)
    except MediaRefused as no:
        raise invalid(f"/text/{field}", f"{no.reason}.", no.remedy) from no
