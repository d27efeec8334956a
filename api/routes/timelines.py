"""Timelines: documents of films, tried for nothing and rendered by a worker."""

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Response
from pydantic import Field, JsonValue, StringConstraints

from api.deps import Cursor, Limit, ProjectId, Read
from api.materials import found_for, materials_of
from api.problems import Fault, Problem, conflict, missing
from api.shapes import Body, Failure, Id, Item, Line, Page, Receipt, Shown
from api.writes import Outcome, Write, Writes, answer, decide, receipt
from media_agents.composing import document
from media_agents.composing.estimating import DryRun, dry_run
from media_agents.composing.narrating import captions
from media_agents.composing.problems import Problem as Wrong
from media_agents.composing.problems import errors
from projections.timelines.query import RENDERS
from schemas.commands.timeline import CreateTimeline, RequestRender, SaveTimeline
from schemas.ids import derived, event_id
from schemas.timeline import Cue
from schemas.timeline import Timeline as Document

router = APIRouter(tags=["timelines"])

Given = dict[str, JsonValue]
Destination = Annotated[str, StringConstraints(max_length=40)]


class SavedTimeline(Body):
    """`document` as `GET /timelines/schema` says; the whole of it, not a change."""

    title: Line
    document: Given


class NewTimeline(SavedTimeline):
    project_id: Id


class Wanted(Body):
    """Without a destination the master is meant, which bears nobody's marks."""

    destination: Destination = ""


class Trial(Wanted):
    document: Given


class TimelineLine(Item):
    """`number` counts the documents; `version` is what If-Match takes."""

    project_id: str = ""
    title: str = ""
    number: int = 0


class Timeline(TimelineLine):
    document: Given = Field(default={})


class Trouble(Shown):
    """`pointer` goes into the document; a warning hinders nothing."""

    pointer: str
    code: str
    detail: str
    remedy: str
    severity: str


class Estimated(Shown):
    """Seconds; `weightedSeconds` are those of 1080p30, `cpuSeconds` of one core."""

    seconds: float
    frames: int
    narration_seconds: float
    weighted_seconds: float
    cpu_seconds: float
    ai_marked: bool


class Tried(Shown):
    """Nothing was drawn; with an error there is no estimate."""

    ok: bool
    estimate: Estimated | None = None
    problems: list[Trouble]


class SpokenCue(Shown):
    start: float
    end: float
    text: str


class Render(Item):
    """`assetId` is the composition that the film became a body of."""

    timeline_id: str = ""
    asset_id: str = ""
    destination: str = ""
    number: int = 0
    status: str = ""
    job_id: str = ""
    duration_ms: int = 0
    ai: bool = False
    cues: list[SpokenCue] = Field(default=[])
    weighted_seconds: float = 0
    problem: Failure | None = None


class RenderReceipt(Receipt):
    task_id: str
    asset_id: str


@router.post("/timelines", status_code=202, response_model=Receipt)
async def create_timeline(body: NewTimeline, write: Writes, rows: Read) -> Response:
    """A document may be unfinished; what cannot be read is refused."""
    if await rows.one("projects", Item, body.project_id) is None:
        raise missing("project", "/projectId")
    timeline_id = write.new_id("timeline")
    wish = CreateTimeline(body.project_id, body.title, _read(body.document))
    outcome = await decide(write, wish, timeline_id)
    made = f"/api/v1/timelines/{timeline_id}"
    return await _answered(write, outcome, rows, timeline_id, made=made)


@router.get("/timelines/schema")
async def timeline_schema() -> dict[str, JsonValue]:
    """JSON Schema 2020-12 of the document."""
    found: dict[str, JsonValue] = msgspec.json.decode(
        msgspec.json.encode(document.schema())
    )
    return found


@router.post("/timelines/dry-run")
async def try_document(body: Trial, rows: Read) -> Tried:
    """Of a document that nobody saved: duration, cost, and everything wrong with it."""
    return await _tried(body.document, body.destination, rows)


@router.get("/timelines")
async def list_timelines(
    rows: Read, project_id: ProjectId = None, cursor: Cursor = None, limit: Limit = 50
) -> Page[TimelineLine]:
    where = {"project_id": project_id}
    return await rows.page(
        "timelines", TimelineLine, where=where, cursor=cursor, limit=limit
    )


@router.get("/timelines/{timeline_id}")
async def read_timeline(timeline_id: Id, rows: Read, response: Response) -> Timeline:
    found = await _need(rows, timeline_id)
    response.headers["ETag"] = f'"{found.version}"'
    return found


@router.put("/timelines/{timeline_id}", status_code=202, response_model=Receipt)
async def save_timeline(
    timeline_id: Id, body: SavedTimeline, write: Writes, rows: Read
) -> Response:
    """With If-Match only if nobody saved or rendered meanwhile (412)."""
    row = await _need(rows, timeline_id)
    wish = SaveTimeline(body.title, _read(body.document))
    outcome = await decide(write, wish, timeline_id, cause=row.event_id)
    return await _answered(write, outcome, rows, timeline_id)


@router.post("/timelines/{timeline_id}/dry-run")
async def try_timeline(
    timeline_id: Id, rows: Read, body: Wanted | None = None
) -> Tried:
    found = await _need(rows, timeline_id)
    destination = body.destination if body else ""
    return await _tried(found.document, destination, rows)


@router.post(
    "/timelines/{timeline_id}/render", status_code=202, response_model=RenderReceipt
)
async def render_timeline(
    timeline_id: Id, write: Writes, rows: Read, body: Wanted | None = None
) -> Response:
    """The newest document becomes a film: a new body of the timeline's composition.

    For a destination with its marks, where it allows them, and as the file it takes.
    """
    row = await _need(rows, timeline_id)
    destination = body.destination if body else ""
    asset_id = derived("composition", timeline_id, destination)
    wish = await _wish(row, destination, asset_id, write, rows)
    outcome = await decide(write, wish, timeline_id, cause=row.event_id)
    told = RenderReceipt(
        **receipt(write, outcome, wish.render_id).model_dump(),
        task_id=derived("job", event_id(write.command_id)),
        asset_id=asset_id,
    )
    return await answer(
        write,
        outcome,
        told,
        lambda: rows.one("renders", Render, wish.render_id),
        made=f"/api/v1/timelines/{timeline_id}/renders/{wish.render_id}",
    )


@router.get("/timelines/{timeline_id}/renders")
async def list_renders(timeline_id: Id, rows: Read) -> Page[Render]:
    await _need(rows, timeline_id)
    found = await rows.all(RENDERS, (timeline_id,))
    return Page(items=[Render.model_validate(each) for each in found])


@router.get("/timelines/{timeline_id}/renders/{render_id}")
async def read_render(timeline_id: Id, render_id: Id, rows: Read) -> Render:
    return await _render(rows, timeline_id, render_id)


@router.get("/timelines/{timeline_id}/renders/{render_id}/cues.vtt")
async def read_cues(timeline_id: Id, render_id: Id, rows: Read) -> Response:
    """The spoken sentences as WebVTT; a film without narration has none."""
    found = await _render(rows, timeline_id, render_id)
    cues = [Cue(each.start, each.end, each.text) for each in found.cues]
    return Response(captions(cues), media_type="text/vtt")


async def _wish(
    row: Timeline, destination: str, asset_id: str, write: Write, rows: Read
) -> RequestRender:
    """Raises Problem 422 with all that is wrong; a repeated wish is not looked at."""
    timeline = _kept(row)
    found = await found_for(timeline, rows)
    if not write.repeated:
        tried = await asyncio.to_thread(dry_run, timeline, found.known, destination)
        _refuse(tried.problems)
        await _refuse_purged(asset_id, rows)
    return RequestRender(
        render_id=write.new_id("render"),
        asset_id=asset_id,
        number=row.number,
        materials=materials_of(timeline, found),
        destination=destination,
    )


async def _refuse_purged(asset_id: str, rows: Read) -> None:
    there = await rows.one("assets", _Composition, asset_id)
    if there is not None and there.status == "purged":
        raise conflict(
            "",
            "The composition of this timeline was deleted for good.",
            "Create a new timeline with this document.",
        )


class _Composition(Item):
    status: str = ""


def _kept(row: Timeline) -> Document:
    """As the log has it: a field that a newer build added is no error here."""
    return msgspec.convert(row.document, Document)


def _read(given: Given) -> Document:
    try:
        return document.read(given)
    except document.NotATimeline as wrong:
        raise _unprocessable(list(wrong.problems)) from wrong


def _refuse(found: tuple[Wrong, ...]) -> None:
    if wrong := errors(found):
        raise _unprocessable(wrong)


def _unprocessable(wrong: list[Wrong]) -> Problem:
    faults = [
        Fault(f"/document{each.pointer}", each.detail, each.remedy) for each in wrong
    ]
    return Problem(422, faults[0].detail, *faults, code=wrong[0].code)


async def _tried(given: Given, destination: str, rows: Read) -> Tried:
    try:
        timeline = document.read(given)
    except document.NotATimeline as wrong:
        return Tried(ok=False, estimate=None, problems=_troubles(wrong.problems))
    found = await found_for(timeline, rows)
    # Words are set once to see whether they fit: not in the way of other callers.
    run = await asyncio.to_thread(dry_run, timeline, found.known, destination)
    return _shown(run)


def _shown(run: DryRun) -> Tried:
    found = run.estimate
    estimated = Estimated(
        seconds=found.seconds,
        frames=found.frames,
        narration_seconds=found.narration_seconds,
        weighted_seconds=found.weighted_seconds,
        cpu_seconds=found.cpu_seconds,
        ai_marked=found.by_machine,
    )
    return Tried(
        ok=run.ok,
        estimate=estimated if run.ok else None,
        problems=_troubles(run.problems),
    )


def _troubles(found: tuple[Wrong, ...]) -> list[Trouble]:
    return [Trouble(**msgspec.structs.asdict(each)) for each in found]


async def _answered(
    write: Write, outcome: Outcome, rows: Read, timeline_id: str, *, made: str = ""
) -> Response:
    return await answer(
        write,
        outcome,
        receipt(write, outcome, timeline_id),
        lambda: rows.one("timelines", Timeline, timeline_id),
        made=made,
    )


async def _need(rows: Read, timeline_id: str) -> Timeline:
    found = await rows.one("timelines", Timeline, timeline_id)
    if found is None:
        raise missing("timeline")
    return found


async def _render(rows: Read, timeline_id: str, render_id: str) -> Render:
    found = await rows.one("renders", Render, render_id)
    if found is None or found.timeline_id != timeline_id:
        raise missing("render")
    return found
