"""Timelines: the newest document of each, and every render with what became of it."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.timeline import (
    TimelineCreated,
    TimelineRendered,
    TimelineRenderFailed,
    TimelineRenderRequested,
    TimelineSaved,
)
from schemas.ids import derived
from schemas.registry import Data

TIMELINES = Table("timelines", json=frozenset({"document"}))
RENDERS = Table("renders", json=frozenset({"cues", "problem"}))


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case TimelineCreated() as made:
            return (_created(record, made),)
        case TimelineSaved(title=title, document=document, number=number):
            saved = row(
                TIMELINES, record, title=title, document=document, number=number
            )
            return (saved,)
        case TimelineRenderRequested() as wanted:
            return (row(TIMELINES, record), _wanted(record, wanted))
        case TimelineRendered() as film:
            return (row(TIMELINES, record), _rendered(record, film))
        case TimelineRenderFailed() as failed:
            return (row(TIMELINES, record), _failed(record, failed))
        case _:
            return ()


def _created(record: Record[Data], event: TimelineCreated) -> Row:
    return row(
        TIMELINES,
        record,
        project_id=event.project_id,
        title=event.title,
        document=event.document,
        number=1,
    )


def _wanted(record: Record[Data], event: TimelineRenderRequested) -> Row:
    return row(
        RENDERS,
        record,
        id=event.render_id,
        timeline_id=record.subject_id,
        asset_id=event.asset_id,
        destination=event.destination,
        number=event.number,
        status="rendering",
        job_id=derived("job", record.envelope.id),
        problem=None,
    )


def _rendered(record: Record[Data], event: TimelineRendered) -> Row:
    return row(
        RENDERS,
        record,
        id=event.render_id,
        status="ready",
        object_key=event.object_key,
        sha256=event.sha256,
        duration_ms=event.facts.duration_ms,
        ai=event.facts.ai,
        cues=event.cues,
        weighted_seconds=event.weighted_seconds,
        problem=None,
    )


def _failed(record: Record[Data], event: TimelineRenderFailed) -> Row:
    problem = {"code": event.code, "reason": event.reason}
    return row(RENDERS, record, id=event.render_id, status="failed", problem=problem)
