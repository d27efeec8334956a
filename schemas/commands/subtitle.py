"""What may be wished of the words shown with an asset in one language."""

from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import Subtitled, SubtitleText


class RequestSubtitle(Struct, frozen=True, tag="io.contentops.subtitle.request.v1"):
    """See SubtitleRequested."""

    asset_id: str
    language: str
    source: str
    object_key: str = ""
    sha256: str = ""
    script_key: str = ""
    script_sha256: str = ""
    of: SubtitleText | None = None
    model: str = "auto"
    upright: bool = False


class PutSubtitle(Struct, frozen=True, tag="io.contentops.subtitle.put.v1"):
    """A text of a person: `source` upload, or edit of what is there."""

    asset_id: str
    text: SubtitleText


class ChooseSubtitle(Struct, frozen=True, tag="io.contentops.subtitle.choose.v1"):
    number: int


class RecordSubtitle(Struct, frozen=True, tag="io.contentops.subtitle.record.v1"):
    job_id: str
    result: Subtitled


class FailSubtitle(Struct, frozen=True, tag="io.contentops.subtitle.fail.v1"):
    job_id: str
    code: str
    reason: str


SubtitleCommand: TypeAlias = (
    RequestSubtitle | PutSubtitle | ChooseSubtitle | RecordSubtitle | FailSubtitle
)
