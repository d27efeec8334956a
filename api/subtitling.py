"""Subtitles as they come in and go out: checked, cleaned, kept, and told of."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints

from api.parts import Parts
from api.problems import Fault, Problem, invalid, missing
from api.routes.assets import Asset
from api.rows import Rows
from api.shapes import Body, Failure, Item, Plain, Receipt, Shown
from media_agents.errors import MediaRefused, ObjectMissing
from media_agents.subtitles.cues import mended
from media_agents.subtitles.files import checked, clean
from media_agents.subtitles.keeping import Home, cues_in, keep
from media_agents.subtitles.rules import MOST_CUES, Cue, broken, rules_for, tag_of
from media_agents.subtitles.rules import Fault as Finding
from schemas.ids import subtitle_id
from schemas.jobs import SubtitleText

TAG = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"
Tag: TypeAlias = Annotated[
    str, StringConstraints(pattern=TAG, max_length=35), AfterValidator(tag_of)
]
Model: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[\w./:-]+$", max_length=100)
]
Script: TypeAlias = Annotated[
    Plain, StringConstraints(min_length=1, max_length=100_000)
]
Line: TypeAlias = Annotated[Plain, StringConstraints(max_length=500)]
TOLD = 200
FIELDS = {
    "early": "startMs", "overlap": "startMs", "late": "endMs",
    "backwards": "endMs", "empty": "lines", "too_much": "lines",
}  # fmt: skip


class NewSubtitle(Body):
    """`asr` hears what is said; `script` is what is said, and is found in the sound."""

    language: Tag
    source: Literal["asr", "script"]
    script: Script | None = None


class CueShape(Body):
    """Milliseconds from the first frame."""

    start_ms: int
    end_ms: int
    lines: list[Line] = Field(max_length=20)


class Edit(Body):
    """All cues; `fix` breaks and times them by the rules instead of telling faults."""

    cues: list[CueShape] = Field(min_length=1, max_length=MOST_CUES)
    fix: bool = False


class Translation(Body):
    """`version` of the text to translate; without it the one that counts."""

    to: Tag
    model: Model = "auto"
    version: int | None = Field(default=None, ge=1)


class Chosen(Body):
    """A language of the video's asset, and a version other than the one that counts."""

    language: Tag
    version: int | None = Field(default=None, ge=1)


class Text(Item):
    """`confidence` is exact (a person's own words), high or low; `count` cues, of
    which `faults` are hard to read; `number` is the version of the text.
    """

    asset_id: str = ""
    language: str = ""
    number: int = 0
    count: int = 0
    source: str = ""
    confidence: str = ""
    faults: int = 0
    object_key: str = Field(default="", exclude=True)
    sha256: str = Field(default="", exclude=True)

    @property
    def text(self) -> SubtitleText:
        return SubtitleText(
            language=self.language,
            object_key=self.object_key,
            sha256=self.sha256,
            count=self.count,
            source=self.source,
            confidence=self.confidence,
            faults=self.faults,
            number=self.number,
        )


class Subtitle(Text):
    """`making` says what is being made, by the task `jobId`; empty = nothing."""

    making: str = ""
    job_id: str = ""
    problem: Failure | None = None


class Subtitles(Shown):
    items: list[Subtitle]


class TextVersion(Text):
    by: str = ""
    counts: bool = False


class TextVersions(Shown):
    items: list[TextVersion]


class FaultShape(Shown):
    """`cue` counts from 0; `found` stands beside what the rule asks for."""

    cue: int
    rule: str
    found: float
    bound: float
    detail: str
    remedy: str


class Document(Subtitle):
    """`problems` are the cues that are hard to read, one by one, 200 at most."""

    cues: list[CueShape] = Field(default=[])
    problems: list[FaultShape] = Field(default=[])


class SubtitleReceipt(Receipt):
    """`id` is the subtitle's; the task makes it."""

    task_id: str


def upright(asset: Asset) -> bool:
    return asset.facts is not None and asset.facts.height > asset.facts.width


def cues_of(edit: Edit) -> list[Cue]:
    """Raises Problem 422 that names every cue no player could show."""
    cues = [_cleaned(each) for each in edit.cues]
    # What can be mended is not told of.
    wrong = [each for each in broken(cues) if not (edit.fix and each.rule == "overlap")]
    if wrong:
        told = list(_faults(wrong[:TOLD]))
        raise Problem(422, told[0].detail, *told, code="invalid")
    return cues


def _cleaned(cue: CueShape) -> Cue:
    lines = (clean(line) for line in cue.lines)
    return Cue(cue.start_ms, cue.end_ms, tuple(line for line in lines if line))


def _faults(found: Sequence[Finding]) -> Iterator[Fault]:
    for each in found:
        pointer = f"/cues/{each.cue}/{FIELDS[each.rule]}"
        yield Fault(pointer, each.detail, each.remedy)


async def kept(
    parts: Parts,
    home: Home,
    cues: Sequence[Cue],
    source: str,
    asset: Asset,
    *,
    fix: bool,
) -> SubtitleText:
    """In the store before the log speaks of them; raises Problem 422."""
    rules = rules_for(home.language, upright=upright(asset))
    try:
        wanted = await asyncio.to_thread(mended, cues, rules) if fix else cues
        checked(wanted)
    except MediaRefused as no:
        raise invalid("/cues", f"{no.reason}.", no.remedy) from no
    return await keep(parts.storage, home, wanted, source, upright=upright(asset))


async def cues_from(parts: Parts, text: SubtitleText) -> tuple[Cue, ...]:
    if not text.object_key:
        return ()
    try:
        return (await cues_in(parts.storage, text)).cues
    except ObjectMissing as gone:
        raise missing("subtitle") from gone


def cue_shape(cue: Cue) -> CueShape:
    return CueShape.model_construct(
        start_ms=cue.start_ms, end_ms=cue.end_ms, lines=list(cue.lines)
    )


def fault_shape(found: Finding) -> FaultShape:
    return FaultShape(
        cue=found.cue,
        rule=found.rule,
        found=found.found,
        bound=found.bound,
        detail=found.detail,
        remedy=found.remedy,
    )


async def need_text(
    rows: Rows, asset_id: str, language: str, *, made: bool = True
) -> Subtitle:
    """Raises Problem 404; with `made` also while there are no words yet."""
    found = await rows.one("subtitles", Subtitle, subtitle_id(asset_id, language))
    if found is None or (made and not found.number):
        raise missing("subtitle")
    return found


async def text_of(rows: Rows, row: Subtitle, number: int | None) -> Text:
    """The one that counts, or a version by its number; raises Problem 404."""
    if number is None or number == row.number:
        return row
    found = await rows.one("subtitle_versions", TextVersion, f"{row.id}:{number}")
    if found is None:
        raise missing("version", "/query/version")
    return found


async def chosen(
    rows: Rows, asset_id: str, wanted: Chosen, pointer: str
) -> SubtitleText:
    """Raises Problem 404 that points at the wish."""
    row = await rows.one("subtitles", Subtitle, subtitle_id(asset_id, wanted.language))
    if row is None or not row.number:
        raise missing("subtitle", f"{pointer}/language")
    try:
        return (await text_of(rows, row, wanted.version)).text
    except Problem as no:
        raise missing("version", f"{pointer}/version") from no
