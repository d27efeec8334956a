"""What may have happened to an asset, from the wish to upload to the finished video."""

from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import MediaFacts, Rendition


class AssetPresigned(Struct, frozen=True, tag="io.contentops.asset.presigned.v1"):
    project_id: str
    filename: str
    content_type: str
    size: int
    object_key: str
    sha256: str = ""
    upload_id: str = ""


class AssetImportRequested(
    Struct, frozen=True, tag="io.contentops.asset.import_requested.v1"
):
    project_id: str
    source: str
    object_key: str
    profiles: tuple[str, ...] = ()


class AssetUploaded(Struct, frozen=True, tag="io.contentops.asset.uploaded.v1"):
    """The body lies in the store; `profiles` are wanted at once (import only)."""

    object_key: str
    size: int
    sha256: str
    content_type: str
    profiles: tuple[str, ...] = ()


class AssetProbed(Struct, frozen=True, tag="io.contentops.asset.probed.v1"):
    job_id: str
    facts: MediaFacts


class AssetRefused(Struct, frozen=True, tag="io.contentops.asset.refused.v1"):
    job_id: str
    code: str
    reason: str


class TranscodeRequested(
    Struct, frozen=True, tag="io.contentops.asset.transcode_requested.v1"
):
    video_id: str
    profiles: tuple[str, ...]
    object_key: str
    sha256: str


class AssetTranscoded(Struct, frozen=True, tag="io.contentops.asset.transcoded.v1"):
    """A video is finished; rows and events hold object keys, never URLs."""

    job_id: str
    video_id: str
    mp4_key: str
    hls_key: str
    cover_key: str
    facts: MediaFacts
    renditions: tuple[Rendition, ...]
    source_seconds: float


class TranscodeFailed(
    Struct, frozen=True, tag="io.contentops.asset.transcode_failed.v1"
):
    job_id: str
    video_id: str
    code: str
    reason: str


AssetEvent: TypeAlias = (
    AssetPresigned
    | AssetImportRequested
    | AssetUploaded
    | AssetProbed
    | AssetRefused
    | TranscodeRequested
    | AssetTranscoded
    | TranscodeFailed
)
