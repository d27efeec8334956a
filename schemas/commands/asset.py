"""What may be wished of an asset."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import (
    Captioned,
    Evidence,
    MediaFacts,
    Remade,
    SubtitleText,
    Transcoded,
)
from schemas.pictures import Imaged, PictureWish


class PresignAsset(Struct, frozen=True, tag="io.contentops.asset.presign.v1"):
    project_id: str
    filename: str
    content_type: str
    size: int
    object_key: str
    sha256: str = ""
    upload_id: str = ""
    until: datetime | None = None


class PresignVersion(Struct, frozen=True, tag="io.contentops.asset.presign_version.v1"):
    filename: str
    content_type: str
    size: int
    object_key: str
    sha256: str = ""
    upload_id: str = ""
    until: datetime | None = None


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
    duplicate_of: str = ""


class AbandonUpload(Struct, frozen=True, tag="io.contentops.asset.abandon_upload.v1"):
    """Give up what should have arrived by `at`."""

    at: datetime


class RecordProbe(Struct, frozen=True, tag="io.contentops.asset.record_probe.v1"):
    job_id: str
    facts: MediaFacts
    number: int = 1


class RefuseAsset(Struct, frozen=True, tag="io.contentops.asset.refuse.v1"):
    job_id: str
    code: str
    reason: str
    number: int = 1


class ComposeAsset(Struct, frozen=True, tag="io.contentops.asset.compose.v1"):
    """A film lies in the store, made and looked at by our own worker."""

    project_id: str
    filename: str
    content_type: str
    size: int
    object_key: str
    sha256: str
    facts: MediaFacts
    timeline_id: str
    profiles: tuple[str, ...] = ()


class ChooseVersion(Struct, frozen=True, tag="io.contentops.asset.choose_version.v1"):
    number: int


class DescribeAsset(Struct, frozen=True, tag="io.contentops.asset.describe.v1"):
    title: str = ""
    tags: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    folder: str = ""


class RetainAsset(Struct, frozen=True, tag="io.contentops.asset.retain.v1"):
    until: datetime | None = None


class TrashAsset(Struct, frozen=True, tag="io.contentops.asset.trash.v1"):
    """`expired` is the instant its retention ended, if that is why."""

    purge_at: datetime
    expired: datetime | None = None


class RestoreAsset(Struct, frozen=True, tag="io.contentops.asset.restore.v1"):
    pass


class PurgeAsset(Struct, frozen=True, tag="io.contentops.asset.purge.v1"):
    """`at` is the instant it was put down for; another one is stale."""

    at: datetime


class RequestTranscode(
    Struct, frozen=True, tag="io.contentops.asset.request_transcode.v1"
):
    """A worker must have all labels that it `needs`."""

    video_id: str
    profiles: tuple[str, ...]
    needs: tuple[str, ...] = ()
    burn: SubtitleText | None = None
    public: bool = False


class RecordTranscode(
    Struct, frozen=True, tag="io.contentops.asset.record_transcode.v1"
):
    job_id: str
    result: Transcoded


class ChooseCover(Struct, frozen=True, tag="io.contentops.asset.choose_cover.v1"):
    """One of the pictures that the transcode made."""

    video_id: str
    cover_key: str


class RequestCaptions(
    Struct, frozen=True, tag="io.contentops.asset.request_captions.v1"
):
    """These words beside the picture, and no others; none at all with an empty list."""

    video_id: str
    texts: tuple[SubtitleText, ...]


class RecordCaptions(Struct, frozen=True, tag="io.contentops.asset.record_captions.v1"):
    job_id: str
    result: Captioned


class FailCaptions(Struct, frozen=True, tag="io.contentops.asset.fail_captions.v1"):
    job_id: str
    video_id: str
    texts: tuple[SubtitleText, ...]
    code: str
    reason: str


class RequestRendition(
    Struct, frozen=True, tag="io.contentops.asset.request_rendition.v1"
):
    """Make one rendition of a finished video again, and nothing else of it."""

    video_id: str
    name: str


class RecordRendition(
    Struct, frozen=True, tag="io.contentops.asset.record_rendition.v1"
):
    job_id: str
    result: Remade


class FailRendition(Struct, frozen=True, tag="io.contentops.asset.fail_rendition.v1"):
    job_id: str
    video_id: str
    name: str
    code: str
    reason: str


class FailTranscode(Struct, frozen=True, tag="io.contentops.asset.fail_transcode.v1"):
    job_id: str
    video_id: str
    code: str
    reason: str


class RequestImages(Struct, frozen=True, tag="io.contentops.asset.request_images.v1"):
    """Of the asset's own picture; with `video_id` of its cover, or of moments (s).

    `picture_key` is a picture of another asset (evidence) that is to stand for the
    video.
    """

    images_id: str
    wishes: tuple[PictureWish, ...]
    video_id: str = ""
    at: tuple[float, ...] = ()
    picture_key: str = ""
    picture_sha256: str = ""
    evidence: tuple[Evidence, ...] = ()


class RecordImages(Struct, frozen=True, tag="io.contentops.asset.record_images.v1"):
    job_id: str
    result: Imaged


class FailImages(Struct, frozen=True, tag="io.contentops.asset.fail_images.v1"):
    job_id: str
    images_id: str
    code: str
    reason: str


AssetCommand: TypeAlias = (
    PresignAsset
    | PresignVersion
    | ImportAsset
    | CompleteUpload
    | AbandonUpload
    | RecordProbe
    | RefuseAsset
    | ComposeAsset
    | ChooseVersion
    | DescribeAsset
    | RetainAsset
    | TrashAsset
    | RestoreAsset
    | PurgeAsset
    | RequestTranscode
    | RecordTranscode
    | FailTranscode
    | ChooseCover
    | RequestImages
    | RecordImages
    | FailImages
    | RequestCaptions
    | RecordCaptions
    | FailCaptions
    | RequestRendition
    | RecordRendition
    | FailRendition
)
