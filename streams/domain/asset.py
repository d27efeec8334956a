"""Rules of an asset: its bodies in the store, and the videos made of them."""

from typing import assert_never

from msgspec.structs import replace

from schemas.commands.asset import (
    AbandonUpload,
    AssetCommand,
    ChooseCover,
    ChooseVersion,
    CompleteUpload,
    ComposeAsset,
    DescribeAsset,
    FailCaptions,
    FailImages,
    FailRendition,
    FailTranscode,
    ImportAsset,
    PresignAsset,
    PresignVersion,
    PurgeAsset,
    RecordCaptions,
    RecordImages,
    RecordProbe,
    RecordRendition,
    RecordTranscode,
    RefuseAsset,
    RequestCaptions,
    RequestImages,
    RequestRendition,
    RequestTranscode,
    RestoreAsset,
    RetainAsset,
    TrashAsset,
)
from schemas.events.asset import (
    AssetCaptioned,
    AssetComposed,
    AssetDescribed,
    AssetEvent,
    AssetImportRequested,
    AssetPresigned,
    AssetProbed,
    AssetPurged,
    AssetRefused,
    AssetRestored,
    AssetRetained,
    AssetTranscoded,
    AssetTrashed,
    AssetUploadAbandoned,
    AssetUploaded,
    AssetVersionChosen,
    AssetVersionPresigned,
    CaptionsFailed,
    CaptionsRequested,
    CoverChosen,
    ImagesFailed,
    ImagesMade,
    ImagesRequested,
    TranscodeFailed,
    TranscodeRequested,
)
from streams.domain import (
    asset_bodies,
    asset_captions,
    asset_images,
    asset_renditions,
    asset_shelf,
)
from streams.domain.asset_state import Asset, Body
from streams.domain.rejected import Rejected, missing

# What a worker or a timer found out may be told of an asset in the trash.
TOLD_ANYWAY = (
    CompleteUpload,
    AbandonUpload,
    RecordProbe,
    RefuseAsset,
    RecordTranscode,
    FailTranscode,
    RecordImages,
    FailImages,
    RecordCaptions,
    FailCaptions,
    RecordRendition,
    FailRendition,
    TrashAsset,
    RestoreAsset,
    PurgeAsset,
)

# Work that ended after the asset did leaves files behind, which must go, too.
ENDED_ANYWAY = (
    RecordTranscode,
    FailTranscode,
    RecordImages,
    FailImages,
    RecordCaptions,
    RecordRendition,
)

initial = Asset()


def decide(command: AssetCommand, asset: Asset) -> AssetEvent | None:
    if isinstance(command, PresignAsset | ImportAsset):
        return asset_bodies.open_first(command, asset)
    if isinstance(command, ComposeAsset):
        return None if asset.purged else asset_bodies.compose(command, asset)
    if not asset.bodies:
        raise missing("asset")
    if isinstance(command, ENDED_ANYWAY):
        return _ended(command, asset)
    if asset.purged:
        _after_the_end(command)
        return None
    if asset.trashed is not None and not isinstance(command, TOLD_ANYWAY):
        raise Rejected(
            "conflict", "asset_trashed", "It is in the trash; restore it first."
        )
    return _body(command, asset)


def _ended(
    command: RecordTranscode
    | FailTranscode
    | RecordImages
    | FailImages
    | RecordCaptions
    | RecordRendition,
    asset: Asset,
) -> AssetEvent | None:
    match command:
        case RecordTranscode() | FailTranscode():
            return _finish(command, asset)
        case RecordImages() | FailImages():
            return asset_images.finish(command, asset)
        case RecordCaptions():
            return asset_captions.record(command, asset)
        case RecordRendition():
            return asset_renditions.record(command, asset)
        case _:
            assert_never(command)


def _after_the_end(command: AssetCommand) -> None:
    """What is told late changes nothing; a wish is told that it is too late."""
    if not isinstance(command, TOLD_ANYWAY) or isinstance(command, RestoreAsset):
        raise Rejected(
            "missing",
            "asset_purged",
            "It was deleted for good; upload the file again and ask for it anew.",
        )


def _body(command: AssetCommand, asset: Asset) -> AssetEvent | None:
    match command:
        case CompleteUpload():
            return asset_bodies.complete(command, asset)
        case AbandonUpload():
            return asset_bodies.abandon(command, asset)
        case RecordProbe():
            return asset_bodies.record_probe(command, asset)
        case RefuseAsset():
            return asset_bodies.refuse(command, asset)
        case PresignVersion() | ChooseVersion() | RequestTranscode():
            return _uploaded(command, asset)
        case RequestImages() | ChooseCover() | RequestCaptions() | FailCaptions():
            return _beside(command, asset)
        case RequestRendition() | FailRendition():
            return _again(command, asset)
        case _:
            return _shelf(command, asset)


def _again(
    command: RequestRendition | FailRendition, asset: Asset
) -> AssetEvent | None:
    if isinstance(command, RequestRendition):
        return asset_renditions.request(command, asset)
    return asset_renditions.fail(command, asset)


def _beside(
    command: RequestImages | ChooseCover | RequestCaptions | FailCaptions, asset: Asset
) -> AssetEvent | None:
    match command:
        case RequestImages():
            return asset_images.request(command, asset)
        case ChooseCover():
            return _choose_cover(command, asset)
        case RequestCaptions():
            return asset_captions.request(command, asset)
        case FailCaptions():
            return asset_captions.fail(command, asset)
        case _:
            assert_never(command)


def _shelf(command: AssetCommand, asset: Asset) -> AssetEvent | None:
    match command:
        case DescribeAsset():
            return asset_shelf.describe(command, asset)
        case RetainAsset():
            return asset_shelf.retain(command, asset)
        case TrashAsset():
            return asset_shelf.trash(command, asset)
        case RestoreAsset():
            return asset_shelf.restore(command, asset)
        case PurgeAsset():
            return asset_shelf.purge(command, asset)
        case _:
            raise AssertionError(command)


def _uploaded(
    command: PresignVersion | ChooseVersion | RequestTranscode, asset: Asset
) -> AssetEvent | None:
    if not asset.current:
        raise Rejected(
            "conflict", "upload_open", "Finish the upload, then ask for work on it."
        )
    match command:
        case PresignVersion():
            return asset_bodies.open_next(command, asset)
        case ChooseVersion():
            return asset_bodies.choose(command, asset)
        case RequestTranscode():
            return _request(command, asset)
        case _:
            assert_never(command)


def _request(command: RequestTranscode, asset: Asset) -> AssetEvent | None:
    body = asset.body(asset.current)
    if command.video_id in asset.videos or body.uploaded is None:
        return None
    if body.refused:
        raise Rejected(
            "conflict",
            body.refused,
            "This file was refused; upload another one.",
            pointer="/assetId",
        )
    return TranscodeRequested(
        video_id=command.video_id,
        profiles=command.profiles,
        object_key=body.uploaded.object_key,
        sha256=body.uploaded.sha256,
        needs=command.needs,
        project_id=asset.project_id,
        burn=command.burn,
        public=command.public,
    )


def _choose_cover(command: ChooseCover, asset: Asset) -> AssetEvent | None:
    known = asset.covers.get(command.video_id)
    if known is None:
        raise missing("video")
    if command.cover_key not in known:
        raise Rejected(
            "invalid",
            "no_such_cover",
            "Choose one of the video's covers.",
            pointer="/coverKey",
        )
    if command.cover_key == known[0]:
        return None
    return CoverChosen(video_id=command.video_id, cover_key=command.cover_key)


def _finish(
    command: RecordTranscode | FailTranscode, asset: Asset
) -> AssetEvent | None:
    video_id = (
        command.video_id
        if isinstance(command, FailTranscode)
        else command.result.video_id
    )
    if video_id not in asset.videos:
        raise missing("video")
    if asset.videos[video_id]:
        return None
    if asset.purged:
        reason = "The asset was deleted meanwhile."
        return TranscodeFailed(command.job_id, video_id, "asset_purged", reason)
    if isinstance(command, FailTranscode):
        return TranscodeFailed(command.job_id, video_id, command.code, command.reason)
    return _transcoded(command)


def _transcoded(command: RecordTranscode) -> AssetTranscoded:
    result = command.result
    return AssetTranscoded(
        job_id=command.job_id,
        video_id=result.video_id,
        mp4_key=result.mp4_key,
        hls_key=result.hls_key,
        cover_key=result.cover_key,
        facts=result.facts,
        renditions=result.renditions,
        source_seconds=result.source_seconds,
        covers=result.covers,
        thumbnails_key=result.thumbnails_key,
        waveform_key=result.waveform_key,
    )


def evolve(asset: Asset, event: AssetEvent) -> Asset:
    return asset_renditions.evolve(_evolve(asset, event), event)


def _evolve(asset: Asset, event: AssetEvent) -> Asset:
    match event:
        case AssetPresigned() | AssetVersionPresigned() | AssetImportRequested():
            return replace(asset, bodies=(*asset.bodies, Body(event)))
        case AssetUploaded(number=number) if asset.has(number):
            return _arrived(asset, event)
        case AssetProbed(number=number) | AssetRefused(number=number) if asset.has(
            number
        ):
            return _judged(asset, event)
        case AssetComposed() | AssetVersionChosen():
            return _counts(asset, event)
        case TranscodeRequested(video_id=video_id):
            return replace(asset, videos={**asset.videos, video_id: False})
        case TranscodeFailed(video_id=video_id):
            return replace(asset, videos={**asset.videos, video_id: True})
        case (
            AssetTranscoded()
            | CoverChosen()
            | ImagesRequested()
            | ImagesMade()
            | ImagesFailed()
        ):
            return asset_images.evolve(asset, event)
        case _:
            return _shelved(asset, event)


def _counts(asset: Asset, event: AssetComposed | AssetVersionChosen) -> Asset:
    if isinstance(event, AssetComposed):
        asset = replace(asset, bodies=(*asset.bodies, asset_bodies.composed(event)))
    return replace(asset, current=event.number)


def _arrived(asset: Asset, event: AssetUploaded) -> Asset:
    body = replace(asset.body(event.number), uploaded=event)
    return replace(asset.with_body(event.number, body), current=asset.current or 1)


def _given_up(asset: Asset, numbers: tuple[int, ...]) -> Asset:
    bodies = tuple(
        replace(body, abandoned=body.abandoned or number in numbers)
        for number, body in enumerate(asset.bodies, 1)
    )
    return replace(asset, bodies=bodies)


def _judged(asset: Asset, event: AssetProbed | AssetRefused) -> Asset:
    body = asset.body(event.number)
    if isinstance(event, AssetRefused):
        return asset.with_body(event.number, replace(body, refused=event.code))
    found = asset.with_body(event.number, replace(body, facts=event.facts))
    return replace(found, current=event.number)


def _shelved(asset: Asset, event: AssetEvent) -> Asset:
    match event:
        case AssetUploadAbandoned(numbers=numbers):
            return _given_up(asset, numbers)
        case AssetDescribed():
            return replace(asset, described=event)
        case AssetRetained(until=until):
            return replace(asset, until=until)
        case AssetTrashed():
            return replace(asset, trashed=event)
        case AssetRestored():
            return replace(asset, trashed=None, until=None)
        case AssetPurged():
            return replace(asset, purged=True)
        case CaptionsRequested() | AssetCaptioned() | CaptionsFailed():
            return asset_captions.evolve(asset, event)
        case _:
            # Of a body nobody announced: no decider of ours writes that.
            return asset
