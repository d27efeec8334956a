"""Copies: from the brief over the variants to the approved text."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.content import (
    CopyApproved,
    CopyFailed,
    CopyGenerated,
    CopyRequested,
)
from schemas.ids import derived
from schemas.registry import Data

COPIES = Table("copies", json=frozenset({"variants", "usage", "problem"}))


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case CopyRequested() as wanted:
            return (_requested(record, wanted),)
        case CopyGenerated() as generated:
            return (_generated(record, generated),)
        case CopyFailed(job_id=job_id, code=code, reason=reason):
            problem = {"code": code, "reason": reason}
            failed = row(
                COPIES, record, status="failed", job_id=job_id, problem=problem
            )
            return (failed,)
        case CopyApproved(variant=variant, text=text):
            return (_approved(record, variant, text),)
        case _:
            return ()


def _requested(record: Record[Data], event: CopyRequested) -> Row:
    return row(
        COPIES,
        record,
        project_id=event.project_id,
        video_id=event.video_id,
        task=event.task,
        platform=event.platform,
        brief=event.brief,
        lang=event.lang,
        model=event.model,
        status="requested",
        job_id=derived("job", record.envelope.id),
    )


def _generated(record: Record[Data], event: CopyGenerated) -> Row:
    return row(
        COPIES,
        record,
        status="generated",
        variants=event.variants,
        provider=event.provider,
        model_name=event.model_name,
        usage=event.usage,
        degraded=event.degraded,
        job_id=event.job_id,
        problem=None,
    )


def _approved(record: Record[Data], variant: int, text: str) -> Row:
    return row(
        COPIES,
        record,
        status="approved",
        text=text,
        approved_variant=variant,
        approved_event_id=record.envelope.id,
        approved_version=record.version,
    )
