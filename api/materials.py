"""The files a timeline names, as this tenant has them now."""

from collections.abc import Mapping
from dataclasses import dataclass

from api.deps import Read
from api.shapes import Failure, Shown
from media_agents.composing.arranging import Known, sources
from media_agents.composing.checking import NOTHING
from projections.timelines.query import ASSETS, OBJECTS
from schemas.timeline import Material, Source, Timeline


class _Facts(Shown):
    kind: str = "video"
    duration_ms: int = 0
    width: int = 0
    height: int = 0
    audio_codec: str = ""
    ai: bool = False


class _File(Shown):
    """`name` is the asset's id or the object's key, as the document has it."""

    name: str
    object_key: str = ""
    sha256: str = ""
    status: str = ""
    trashed: bool = False
    facts: _Facts | None = None
    problem: Failure | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """By the names that the document uses; `known` has an answer for each."""

    files: Mapping[str, _File]
    known: Mapping[str, Known]


async def found_for(timeline: Timeline, rows: Read) -> Found:
    named = sources(timeline)
    assets = [each.asset for each in named if each.asset]
    keys = [each.object_key for each in named if each.object_key]
    rows_ = await rows.all(ASSETS, (assets,)) if assets else []
    rows_ += await rows.all(OBJECTS, (keys,)) if keys else []
    files = {each.name: each for each in map(_File.model_validate, rows_)}
    known = {each.name: _known(each, files.get(each.name)) for each in named}
    return Found(files, known)


def materials_of(timeline: Timeline, found: Found) -> tuple[Material, ...]:
    there = (found.files.get(each.name) for each in sources(timeline))
    return tuple(
        Material(each.name, each.object_key, each.sha256)
        for each in there
        if each is not None
    )


def _known(source: Source, file: _File | None) -> Known:
    if source.file:
        return Known(
            code="file_local",
            detail="this file lies on somebody's own machine",
            remedy="Upload it and name the asset, or use `contentops media render`.",
        )
    if file is None or file.status == "purged":
        return NOTHING
    if trouble := _trouble(source, file):
        return Known(code=trouble[0], detail=trouble[1], remedy=trouble[2])
    facts = file.facts or _Facts()
    return Known(
        seconds=facts.duration_ms / 1000,
        picture=facts.kind == "video",
        sound=bool(facts.audio_codec),
        width=facts.width,
        height=facts.height,
        ai=facts.ai,
    )


def _trouble(source: Source, file: _File) -> tuple[str, str, str] | None:
    if file.trashed:
        return "asset_trashed", "it lies in the trash", "Restore it first."
    if file.status == "refused":
        reason = file.problem.reason if file.problem else "it is no usable file"
        detail = f"it was refused: {reason}"
        return "asset_refused", detail, "Upload another file."
    if file.status != "ready" or file.facts is None:
        remedy = "Wait until its status is ready."
        return "asset_not_ready", "nobody has looked at it yet", remedy
    if source.object_key and source.sha256 != file.sha256:
        detail = "the object has another SHA-256"
        return "object_differs", detail, "Name the hash that the asset shows."
    return None
