"""What may be wished of an asset."""

from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import MediaFacts, Transcoded


class PresignAsset(Struct, frozen=True, tag="io.contentops.asset.presign.v1"):
    project_id: str
    filename: str
    content_type: str
    size: int
    object_key: str
    sha256: str = ""
    upload_id: str = ""


class ImportAsset(Struct, frozen=True, tag="io.contentops.asset.import.v1"):
    project_id: str
    source: str
    object_key: str
    profiles: tuple[str, ...] = ()


class CompleteUpload(Struct, frozen=True, tag="io.contentops.asset.complete.v1"):
    """The body was found in the store with this size and hash."""

    size: int
    sha256: str
    content_type: str


class RecordProbe(Struct, frozen=True, tag="io.contentops.asset.record_probe.v1"):
    job_id: str
    facts: MediaFacts


class RefuseAsset(Struct, frozen=True, tag="io.contentops.asset.refuse.v1"):
    job_id: str
    code: str
    reason: str


class RequestTranscode(
    Struct, frozen=True, tag="io.contentops.asset.request_transcode.v1"
):
    video_id: str
    profiles: tuple[str, ...]


class RecordTranscode(
    Struct, frozen=True, tag="io.contentops.asset.record_transcode.v1"
):
    job_id: str
    result: Transcoded


class FailTranscode(Struct, frozen=True, tag="io.contentops.asset.fail_transcode.v1"):
    job_id: str
    video_id: str
    code: str
    reason: str


AssetCommand: TypeAlias = (
    PresignAsset
    | ImportAsset
    | CompleteUpload
    | RecordProbe
    | RefuseAsset
    | RequestTranscode
    | RecordTranscode
    | FailTranscode
)
