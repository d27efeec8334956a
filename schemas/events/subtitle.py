"""What may have happened to the words shown with an asset in one language.

Its id follows from the asset's id and the language, so there is one stream of each.
"""

from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import SubtitleText, Usage


class SubtitleRequested(Struct, frozen=True, tag="io.contentops.subtitle.requested.v1"):
    """`source` asr or script with the body to listen to, or translation `of` a text."""

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


class SubtitleMade(Struct, frozen=True, tag="io.contentops.subtitle.made.v1"):
    """Heard, found in the sound, or brought in by a person; it counts from here on."""

    asset_id: str
    text: SubtitleText
    job_id: str = ""
    provider: str = ""
    model_name: str = ""


class SubtitleEdited(Struct, frozen=True, tag="io.contentops.subtitle.edited.v1"):
    """A person changed the words or their times."""

    asset_id: str
    text: SubtitleText


class SubtitleTranslated(
    Struct, frozen=True, tag="io.contentops.subtitle.translated.v1"
):
    asset_id: str
    text: SubtitleText
    of: SubtitleText
    job_id: str
    provider: str = ""
    model_name: str = ""
    usage: Usage = Usage()


class SubtitleChosen(Struct, frozen=True, tag="io.contentops.subtitle.chosen.v1"):
    """An earlier or later version counts again."""

    asset_id: str
    text: SubtitleText


class SubtitleFailed(Struct, frozen=True, tag="io.contentops.subtitle.failed.v1"):
    """What was asked for did not come about; what was there stays."""

    asset_id: str
    language: str
    job_id: str
    code: str
    reason: str


SubtitleEvent: TypeAlias = (
    SubtitleRequested
    | SubtitleMade
    | SubtitleEdited
    | SubtitleTranslated
    | SubtitleChosen
    | SubtitleFailed
)
