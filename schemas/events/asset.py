"""What may have happened to an asset, from the wish to upload to the finished video.

`number` counts the bodies of one asset; the first is 1.
"""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from schemas.bodies import StoredBody
from schemas.jobs import (
    Cover,
    Evidence,
    MediaFacts,
    Rendition,
    SubtitleText,
    TranscodeInput,
)
from schemas.pictures import Picture, PictureWish


class AssetPresigned(Struct, frozen=True, tag="io.contentops.asset.presigned.v1"):
    """What has not arrived by `until` is given up; None = it is waited for."""

    project_id: str
    filename: str
    content_type: str
    size: int
    object_key: str
    sha256: str = ""
    upload_id: str = ""
    until: datetime | None = None


class AssetVersionPresigned(
    Struct, frozen=True, tag="io.contentops.asset.version_presigned.v1"
):
    """Another body is on its way; until it is found to be usable the old one counts."""

    number: int
    filename: str
    content_type: str
    size: int
    object_key: str
    sha256: str = ""
    upload_id: str = ""
    until: datetime | None = None


class AssetImportRequested(
    Struct, frozen=True, tag="io.contentops.asset.import_requested.v1"
):
    project_id: str
    source: str
    object_key: str
    profiles: tuple[str, ...] = ()


class AssetUploaded(Struct, frozen=True, tag="io.contentops.asset.uploaded.v1"):
    """The body lies in the store; `profiles` are wanted at once (import only).

    `duplicate_of` is another asset of the tenant whose body has the same hash.
    """

    object_key: str
    size: int
    sha256: str
    content_type: str
    profiles: tuple[str, ...] = ()
    number: int = 1
    filename: str = ""
    duplicate_of: str = ""
    project_id: str = ""


class AssetUploadAbandoned(
    Struct, frozen=True, tag="io.contentops.asset.upload_abandoned.v1"
):
    """These bodies were not sent in time; what lies of them in the store may go."""

    numbers: tuple[int, ...]
    object_keys: tuple[str, ...]


class AssetProbed(Struct, frozen=True, tag="io.contentops.asset.probed.v1"):
    """The body is usable; from here on the asset is what it is."""

    job_id: str
    facts: MediaFacts
    number: int = 1
    body: StoredBody | None = None


class AssetRefused(Struct, frozen=True, tag="io.contentops.asset.refused.v1"):
    job_id: str
    code: str
    reason: str
    number: int = 1


class AssetComposed(Struct, frozen=True, tag="io.contentops.asset.composed.v1"):
    """A film made of a timeline is its newest body, found usable by whoever made it.

    `profiles` are wanted at once.
    """

    project_id: str
    filename: str
    content_type: str
    size: int
    object_key: str
    sha256: str
    facts: MediaFacts
    number: int
    timeline_id: str
    profiles: tuple[str, ...] = ()


class AssetVersionChosen(
    Struct, frozen=True, tag="io.contentops.asset.version_chosen.v1"
):
    """An earlier or later body counts again."""

    number: int
    facts: MediaFacts
    body: StoredBody


class AssetDescribed(Struct, frozen=True, tag="io.contentops.asset.described.v1"):
    """How people find it: the whole description, not a change of it."""

    title: str = ""
    tags: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    folder: str = ""


class AssetRetained(Struct, frozen=True, tag="io.contentops.asset.retained.v1"):
    """At `until` it goes to the trash by itself; None = it stays."""

    until: datetime | None = None


class AssetTrashed(Struct, frozen=True, tag="io.contentops.asset.trashed.v1"):
    """Unless it is restored before, its bodies go at `purge_at`."""

    purge_at: datetime
    reason: str


class AssetRestored(Struct, frozen=True, tag="io.contentops.asset.restored.v1"):
    pass


class AssetPurged(Struct, frozen=True, tag="io.contentops.asset.purged.v1"):
    """From here on its bodies may be deleted: these objects, videos and pictures."""

    object_keys: tuple[str, ...]
    video_ids: tuple[str, ...] = ()
    image_ids: tuple[str, ...] = ()


class TranscodeRequested(
    Struct, frozen=True, tag="io.contentops.asset.transcode_requested.v1"
):
    """`burn`: these words become part of the picture."""

    video_id: str
    profiles: tuple[str, ...]
    object_key: str
    sha256: str
    needs: tuple[str, ...] = ()
    project_id: str = ""
    burn: SubtitleText | None = None
    public: bool = False


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
    covers: tuple[Cover, ...] = ()
    thumbnails_key: str = ""
    waveform_key: str = ""


class CoverChosen(Struct, frozen=True, tag="io.contentops.asset.cover_chosen.v1"):
    """From here on this picture stands for the video."""

    video_id: str
    cover_key: str


class CaptionsRequested(
    Struct, frozen=True, tag="io.contentops.asset.captions_requested.v1"
):
    """The keys are of the video as it was made, without these words."""

    video_id: str
    mp4_key: str
    hls_key: str
    texts: tuple[SubtitleText, ...]


class AssetCaptioned(Struct, frozen=True, tag="io.contentops.asset.captioned.v1"):
    """From here on the video is in these files; picture and sound are the same."""

    job_id: str
    video_id: str
    mp4_key: str
    hls_key: str
    texts: tuple[SubtitleText, ...]


class CaptionsFailed(Struct, frozen=True, tag="io.contentops.asset.captions_failed.v1"):
    """The video stays as it is."""

    job_id: str
    video_id: str
    code: str
    reason: str


class RenditionRequested(
    Struct, frozen=True, tag="io.contentops.asset.rendition_requested.v1"
):
    """One rendition of a finished video is to be made again, as it was wished for.

    The keys are of the video without the words (`texts`) beside its picture; what is
    shown is with them.
    """

    video_id: str
    name: str
    wish: TranscodeInput
    mp4_key: str
    hls_key: str
    shown_mp4: str
    shown_hls: str
    renditions: tuple[Rendition, ...]
    texts: tuple[SubtitleText, ...] = ()
    needs: tuple[str, ...] = ()
    project_id: str = ""


class RenditionRemade(
    Struct, frozen=True, tag="io.contentops.asset.rendition_remade.v1"
):
    """From here on the video is in these files; its other renditions are the same.

    `facts` None: the whole MP4 is as it was. What is shown has the words in it.
    """

    job_id: str
    video_id: str
    name: str
    mp4_key: str
    hls_key: str
    shown_mp4: str
    shown_hls: str
    facts: MediaFacts | None = None


class RenditionFailed(
    Struct, frozen=True, tag="io.contentops.asset.rendition_failed.v1"
):
    """The video stays as it is."""

    job_id: str
    video_id: str
    name: str
    code: str
    reason: str


class TranscodeFailed(
    Struct, frozen=True, tag="io.contentops.asset.transcode_failed.v1"
):
    job_id: str
    video_id: str
    code: str
    reason: str


class ImagesRequested(
    Struct, frozen=True, tag="io.contentops.asset.images_requested.v1"
):
    """Pictures of a picture, or of a video: its cover or, with `at`, its moments (s).

    `cover`: the first of them is to stand for the video.
    """

    images_id: str
    object_key: str
    wishes: tuple[PictureWish, ...]
    sha256: str = ""
    video_id: str = ""
    at: tuple[float, ...] = ()
    cover: bool = False
    evidence: tuple[Evidence, ...] = ()


class ImagesMade(Struct, frozen=True, tag="io.contentops.asset.images_made.v1"):
    """A set of pictures is finished; one of `cover_key` now stands for the video."""

    job_id: str
    images_id: str
    pictures: tuple[Picture, ...]
    video_id: str = ""
    cover_key: str = ""


class ImagesFailed(Struct, frozen=True, tag="io.contentops.asset.images_failed.v1"):
    job_id: str
    images_id: str
    code: str
    reason: str


AssetEvent: TypeAlias = (
    AssetPresigned
    | AssetVersionPresigned
    | AssetImportRequested
    | AssetUploaded
    | AssetUploadAbandoned
    | AssetProbed
    | AssetRefused
    | AssetComposed
    | AssetVersionChosen
    | AssetDescribed
    | AssetRetained
    | AssetTrashed
    | AssetRestored
    | AssetPurged
    | TranscodeRequested
    | AssetTranscoded
    | TranscodeFailed
    | CoverChosen
    | ImagesRequested
    | ImagesMade
    | ImagesFailed
    | CaptionsRequested
    | AssetCaptioned
    | CaptionsFailed
    | RenditionRequested
    | RenditionRemade
    | RenditionFailed
)
