"""Rules of an asset's pictures: asked for, made, and which one stands for a video.

For the picture that stands for a video a set is made without being asked for, in all
the shapes that destinations take; its id follows from the video and the picture.
"""

from typing import TypeAlias

from msgspec.structs import replace

from schemas.commands.asset import FailImages, RecordImages, RequestImages
from schemas.events.asset import (
    AssetTranscoded,
    CoverChosen,
    ImagesFailed,
    ImagesMade,
    ImagesRequested,
)
from schemas.ids import derived
from streams.domain.asset_state import Asset
from streams.domain.rejected import Rejected, missing

MOST_WISHES = 20
MOST_MOMENTS = 50

Imaging: TypeAlias = (
    AssetTranscoded | CoverChosen | ImagesRequested | ImagesMade | ImagesFailed
)


def covers_id(video_id: str, cover_key: str) -> str:
    """The set in all shapes of the picture that stands for a video."""
    return derived("covers", video_id, cover_key)


def request(command: RequestImages, asset: Asset) -> ImagesRequested | None:
    if command.images_id in asset.images:
        return None
    _check_number(len(command.wishes), MOST_WISHES, "/wishes")
    _check_number(len(command.at), MOST_MOMENTS, "/at")
    if command.video_id:
        key, sha256 = _of_video(command, asset), command.picture_sha256
    else:
        key, sha256 = _own(asset)
    return ImagesRequested(
        images_id=command.images_id,
        object_key=key,
        sha256=sha256,
        wishes=command.wishes,
        video_id=command.video_id,
        at=command.at,
        cover=bool(command.picture_key),
        evidence=command.evidence,
    )


def _check_number(found: int, most: int, pointer: str) -> None:
    if found > most:
        raise Rejected(
            "invalid", "too_many", f"At most {most} at once.", pointer=pointer
        )


def _of_video(command: RequestImages, asset: Asset) -> str:
    files, covers = asset.made.get(command.video_id), asset.covers.get(command.video_id)
    if not files or not covers:
        raise missing("video")
    return command.picture_key or (files[0] if command.at else covers[0])


def _own(asset: Asset) -> tuple[str, str]:
    body = asset.body(asset.current) if asset.current else None
    if body is None or body.uploaded is None or body.facts is None:
        raise Rejected(
            "conflict",
            "not_ready",
            "It was not found usable yet; ask again when its status is ready.",
            pointer="/assetId",
        )
    if body.facts.kind != "image":
        raise Rejected(
            "invalid",
            "no_picture",
            f"This asset is no picture but {body.facts.kind}; "
            "send a videoId for pictures of a video.",
            pointer="/assetId",
        )
    return body.uploaded.object_key, body.uploaded.sha256


def finish(
    command: RecordImages | FailImages, asset: Asset
) -> ImagesMade | ImagesFailed | None:
    images_id = (
        command.images_id
        if isinstance(command, FailImages)
        else command.result.images_id
    )
    if images_id not in asset.images:
        raise missing("images")
    if asset.images[images_id]:
        return None
    if asset.purged:
        reason = "The asset was deleted meanwhile."
        return ImagesFailed(command.job_id, images_id, "asset_purged", reason)
    if isinstance(command, FailImages):
        return ImagesFailed(command.job_id, images_id, command.code, command.reason)
    return _made(command, asset)


def _made(command: RecordImages, asset: Asset) -> ImagesMade:
    """A cover of one's own stands for the video unless another was chosen since."""
    result = command.result
    newest = asset.wished.get(result.video_id) == result.images_id
    return ImagesMade(
        job_id=command.job_id,
        images_id=result.images_id,
        pictures=result.pictures,
        video_id=result.video_id,
        cover_key=result.cover_key if newest else "",
    )


def evolve(asset: Asset, event: Imaging) -> Asset:
    match event:
        case AssetTranscoded() | CoverChosen():
            return _pictured(asset, event)
        case ImagesRequested(images_id=images_id):
            wished = {event.video_id: images_id} if event.cover else {}
            asked = {**asset.images, images_id: False}
            return replace(asset, images=asked, wished={**asset.wished, **wished})
        case ImagesMade(images_id=images_id) | ImagesFailed(images_id=images_id):
            ended = replace(asset, images={**asset.images, images_id: True})
            return _with_cover(ended, event)


def _with_cover(asset: Asset, event: ImagesMade | ImagesFailed) -> Asset:
    if isinstance(event, ImagesFailed) or not event.cover_key:
        return asset
    return _stands(asset, event.video_id, event.cover_key)


def _pictured(asset: Asset, event: AssetTranscoded | CoverChosen) -> Asset:
    """The picture that stands for the video comes first; a set of it is to be made."""
    video_id = event.video_id
    if isinstance(event, AssetTranscoded):
        known = tuple(each.key for each in event.covers)
        asset = replace(
            asset,
            videos={**asset.videos, video_id: True},
            made={**asset.made, video_id: (event.mp4_key, event.hls_key)},
            covers={**asset.covers, video_id: known},
        )
    if not event.cover_key:
        return asset
    made = {covers_id(video_id, event.cover_key): False, **asset.images}
    wished = {**asset.wished, video_id: ""}
    asked = replace(asset, images=made, wished=wished)
    return _stands(asked, video_id, event.cover_key)


def _stands(asset: Asset, video_id: str, cover_key: str) -> Asset:
    rest = (each for each in asset.covers.get(video_id, ()) if each != cover_key)
    return replace(asset, covers={**asset.covers, video_id: (cover_key, *rest)})
