"""Copies: from the brief over the variants to the approved text."""

from collections.abc import Iterable

from projections.table import Row, Table, Value, row
from schemas.envelope import Record
from schemas.events.content import (
    CopyApproved,
    CopyFailed,
    CopyGenerated,
    CopyRequested,
    CopyRevised,
    CopyTranslationRequested,
    CopyUsed,
)
from schemas.ids import derived
from schemas.registry import Data

COPIES = Table("copies", json=frozenset({"variants", "usage", "problem"}))
VERSIONS = Table("copy_versions")


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case CopyRequested() as wanted:
            return (_requested(record, wanted),)
        case CopyGenerated() as generated:
            return (_generated(record, generated), *_variants(record, generated))
        case CopyRevised() as revised:
            return (_changed(record, revised), _version(record, revised))
        case CopyTranslationRequested() | CopyUsed() | CopyFailed(translation=True):
            return (row(COPIES, record),)
        case CopyFailed(job_id=job_id, code=code, reason=reason):
            problem = {"code": code, "reason": reason}
            failed = row(
                COPIES, record, status="failed", job_id=job_id, problem=problem
            )
            return (failed,)
        case CopyApproved() as approved:
            return (_approved(record, approved), *_edited(record, approved))
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


def _approved(record: Record[Data], event: CopyApproved) -> Row:
    return row(
        COPIES,
        record,
        status="approved",
        text=event.text,
        approved_variant=event.variant,
        approved_number=event.number or None,
        approved_event_id=record.envelope.id,
        approved_version=record.version,
    )


def _changed(record: Record[Data], event: CopyRevised) -> Row:
    """Nothing is approved any more."""
    return row(
        COPIES,
        record,
        status="edited",
        text=event.text,
        newest=event.number,
        approved_variant=None,
        approved_number=None,
        approved_event_id=None,
        approved_version=None,
    )


def _variants(record: Record[Data], event: CopyGenerated) -> Iterable[Row]:
    for place, text in enumerate(event.variants):
        yield _numbered(
            record,
            place + 1,
            kind="generation",
            text=text,
            provider=event.provider,
            model_name=event.model_name,
            prompt_version=event.prompt_version,
            job_id=event.job_id,
        )


def _version(record: Record[Data], event: CopyRevised) -> Row:
    return _numbered(
        record,
        event.number,
        kind=event.kind,
        text=event.text,
        lang=event.lang,
        source=event.source,
        provider=event.provider,
        model_name=event.model_name,
        prompt_version=event.prompt_version,
        job_id=event.job_id,
    )


def _edited(record: Record[Data], event: CopyApproved) -> Iterable[Row]:
    if event.edited:
        source = event.variant + 1
        yield _numbered(
            record, event.number, kind="edit", text=event.text, source=source
        )


def _numbered(record: Record[Data], number: int, **values: Value) -> Row:
    """`author` is whoever wished for it; of a model's text that is a worker."""
    copy_id = record.subject_id
    return row(
        VERSIONS,
        record,
        id=f"{copy_id}:{number}",
        copy_id=copy_id,
        number=number,
        author=record.envelope.auth_id,
        **values,
    )
