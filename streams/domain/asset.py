"""Rules of an asset: a body in the store, what it is, and the videos made of it."""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.asset import (
    AssetCommand,
    CompleteUpload,
    FailTranscode,
    ImportAsset,
    PresignAsset,
    RecordProbe,
    RecordTranscode,
    RefuseAsset,
    RequestTranscode,
)
from schemas.events.asset import (
    AssetEvent,
    AssetImportRequested,
    AssetPresigned,
    AssetProbed,
    AssetRefused,
    AssetTranscoded,
    AssetUploaded,
    TranscodeFailed,
    TranscodeRequested,
)
from streams.domain.rejected import Rejected, exists, missing


class Asset(Struct, frozen=True):
    """`videos` maps a video id to True once it has ended, well or badly."""

    opened: AssetPresigned | AssetImportRequested | None = None
    uploaded: AssetUploaded | None = None
    probed: bool = False
    refused: str = ""
    videos: dict[str, bool] = {}


initial = Asset()


def decide(command: AssetCommand, asset: Asset) -> AssetEvent | None:
    if isinstance(command, PresignAsset | ImportAsset):
        return _open(_opening(command), asset)
    if asset.opened is None:
        raise missing("asset")
    if isinstance(command, CompleteUpload):
        return _complete(command, asset)
    if isinstance(command, RefuseAsset):
        return _refuse(command, asset)
    if asset.uploaded is None:
        raise Rejected(
            "conflict", "upload_open", "Finish the upload, then ask for work on it."
        )
    return _work(command, asset, asset.uploaded)


def _opening(
    command: PresignAsset | ImportAsset,
) -> AssetPresigned | AssetImportRequested:
    if isinstance(command, ImportAsset):
        return AssetImportRequested(
            project_id=command.project_id,
            source=command.source,
            object_key=command.object_key,
            profiles=command.profiles,
        )
    if command.size <= 0:
        raise Rejected(
            "invalid", "size_zero", "The file is empty; send one.", pointer="/size"
        )
    return AssetPresigned(
        project_id=command.project_id,
        filename=command.filename,
        content_type=command.content_type,
        size=command.size,
        object_key=command.object_key,
        sha256=command.sha256,
        upload_id=command.upload_id,
    )


def _open(
    wanted: AssetPresigned | AssetImportRequested, asset: Asset
) -> AssetEvent | None:
    if asset.opened not in (None, wanted):
        raise exists("asset")
    return wanted if asset.opened is None else None


def _complete(command: CompleteUpload, asset: Asset) -> AssetEvent | None:
    opened = asset.opened
    assert opened is not None  # noqa: S101  checked by decide
    if asset.uploaded is not None:
        if asset.uploaded.sha256 == command.sha256:
            return None
        raise exists("asset")
    if isinstance(opened, AssetPresigned):
        _same_body(command, opened)
    return AssetUploaded(
        object_key=opened.object_key,
        size=command.size,
        sha256=command.sha256,
        content_type=command.content_type,
        profiles=opened.profiles if isinstance(opened, AssetImportRequested) else (),
    )


def _same_body(command: CompleteUpload, opened: AssetPresigned) -> None:
    if command.size != opened.size:
        raise Rejected(
            "invalid",
            "wrong_size",
            f"{opened.size} bytes were announced, {command.size} arrived.",
            pointer="/size",
        )
    if opened.sha256 and command.sha256 != opened.sha256:
        raise Rejected(
            "invalid",
            "wrong_hash",
            "The stored file has another SHA-256; upload it again.",
            pointer="/sha256",
        )


def _work(
    command: RecordProbe | RequestTranscode | RecordTranscode | FailTranscode,
    asset: Asset,
    body: AssetUploaded,
) -> AssetEvent | None:
    match command:
        case RecordProbe(job_id=job_id, facts=facts):
            return None if asset.probed else AssetProbed(job_id=job_id, facts=facts)
        case RequestTranscode():
            return _request(command, asset, body)
        case RecordTranscode() | FailTranscode():
            return _finish(command, asset)
        case _:
            assert_never(command)


def _refuse(command: RefuseAsset, asset: Asset) -> AssetEvent | None:
    if asset.probed or asset.refused:
        return None
    return AssetRefused(job_id=command.job_id, code=command.code, reason=command.reason)


def _request(
    command: RequestTranscode, asset: Asset, body: AssetUploaded
) -> AssetEvent | None:
    if command.video_id in asset.videos:
        return None
    if asset.refused:
        raise Rejected(
            "conflict",
            asset.refused,
            "This file was refused; upload another one.",
            pointer="/assetId",
        )
    return TranscodeRequested(
        video_id=command.video_id,
        profiles=command.profiles,
        object_key=body.object_key,
        sha256=body.sha256,
    )


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
    if isinstance(command, FailTranscode):
        return TranscodeFailed(
            job_id=command.job_id,
            video_id=video_id,
            code=command.code,
            reason=command.reason,
        )
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
    )


def evolve(asset: Asset, event: AssetEvent) -> Asset:
    match event:
        case AssetPresigned() | AssetImportRequested():
            return Asset(opened=event)
        case AssetUploaded():
            return replace(asset, uploaded=event)
        case AssetProbed():
            return replace(asset, probed=True)
        case AssetRefused(code=code):
            return replace(asset, refused=code)
        case TranscodeRequested(video_id=video_id):
            return replace(asset, videos={**asset.videos, video_id: False})
        case AssetTranscoded(video_id=video_id) | TranscodeFailed(video_id=video_id):
            return replace(asset, videos={**asset.videos, video_id: True})
        case _:
            assert_never(event)
