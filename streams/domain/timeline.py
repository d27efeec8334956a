"""Rules of a timeline: documents that follow one another, and films made of them."""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.timeline import (
    CreateTimeline,
    FailRender,
    RecordRender,
    RequestRender,
    SaveTimeline,
    TimelineCommand,
)
from schemas.events.timeline import (
    TimelineCreated,
    TimelineEvent,
    TimelineRendered,
    TimelineRenderFailed,
    TimelineRenderRequested,
    TimelineSaved,
)
from schemas.timeline import Timeline as Document
from streams.domain.rejected import Rejected, exists, missing

TITLE_LIMIT = 200
ENDED = "ended"


class Timeline(Struct, frozen=True):
    """`renders` maps a render to the destination it is under way for, or to `ENDED`.

    `number` is 0 before the first document.
    """

    project_id: str = ""
    title: str = ""
    document: Document = Document()
    number: int = 0
    renders: dict[str, str] = {}


initial = Timeline()


def decide(command: TimelineCommand, timeline: Timeline) -> TimelineEvent | None:
    if isinstance(command, CreateTimeline):
        return _create(command, timeline)
    if not timeline.number:
        raise missing("timeline")
    match command:
        case SaveTimeline():
            return _save(command, timeline)
        case RequestRender():
            return _request(command, timeline)
        case RecordRender() | FailRender():
            return _finish(command, timeline)
        case _:
            assert_never(command)


def _create(command: CreateTimeline, timeline: Timeline) -> TimelineCreated | None:
    wanted = TimelineCreated(
        command.project_id, _title(command.title), command.document
    )
    if not timeline.number:
        return wanted
    there = TimelineCreated(timeline.project_id, timeline.title, timeline.document)
    if timeline.number > 1 or there != wanted:
        raise exists("timeline")
    return None


def _save(command: SaveTimeline, timeline: Timeline) -> TimelineSaved | None:
    title = _title(command.title)
    if (title, command.document) == (timeline.title, timeline.document):
        return None
    return TimelineSaved(title, command.document, timeline.number + 1)


def _title(text: str) -> str:
    found = " ".join(text.split())
    if not found or len(found) > TITLE_LIMIT:
        raise Rejected(
            "invalid",
            "title_length",
            f"A title has 1 to {TITLE_LIMIT} characters.",
            pointer="/title",
        )
    return found


def _request(
    command: RequestRender, timeline: Timeline
) -> TimelineRenderRequested | None:
    if command.render_id in timeline.renders:
        return None
    if not timeline.document.scenes:
        raise Rejected(
            "invalid",
            "timeline_empty",
            "There is no scene in it; add a clip or a title card.",
            pointer="/document/scenes",
        )
    if command.number != timeline.number:
        raise Rejected(
            "stale",
            "document_changed",
            "Somebody saved another document meanwhile; look at it, then ask again.",
        )
    if command.destination in timeline.renders.values():
        # Two at once could end in the wrong order: the older film would count.
        raise Rejected(
            "conflict",
            "render_running",
            "A film for this destination is being made; wait, or cancel its task.",
        )
    return TimelineRenderRequested(
        render_id=command.render_id,
        asset_id=command.asset_id,
        number=timeline.number,
        document=timeline.document,
        materials=command.materials,
        destination=command.destination,
    )


def _finish(
    command: RecordRender | FailRender, timeline: Timeline
) -> TimelineRendered | TimelineRenderFailed | None:
    render_id = (
        command.render_id
        if isinstance(command, FailRender)
        else command.result.render_id
    )
    if render_id not in timeline.renders:
        raise missing("render")
    if timeline.renders[render_id] == ENDED:
        return None
    if isinstance(command, FailRender):
        return TimelineRenderFailed(
            command.job_id, render_id, command.code, command.reason
        )
    return _rendered(command, timeline)


def _rendered(command: RecordRender, timeline: Timeline) -> TimelineRendered:
    result = command.result
    return TimelineRendered(
        job_id=command.job_id,
        render_id=result.render_id,
        asset_id=result.asset_id,
        project_id=timeline.project_id,
        filename=f"{timeline.title}.mp4",
        object_key=result.object_key,
        size=result.size,
        sha256=result.sha256,
        content_type=result.content_type,
        facts=result.facts,
        destination=timeline.renders[result.render_id],
        cues=result.cues,
        weighted_seconds=result.weighted_seconds,
    )


def evolve(timeline: Timeline, event: TimelineEvent) -> Timeline:
    match event:
        case TimelineCreated(project_id=project_id, title=title, document=document):
            return Timeline(project_id, title, document, 1)
        case TimelineSaved(title=title, document=document, number=number):
            return replace(timeline, title=title, document=document, number=number)
        case TimelineRenderRequested(render_id=render_id, destination=destination):
            running = {**timeline.renders, render_id: destination}
            return replace(timeline, renders=running)
        case TimelineRendered(render_id=ended) | TimelineRenderFailed(render_id=ended):
            return replace(timeline, renders={**timeline.renders, ended: ENDED})
        case _:
            assert_never(event)
