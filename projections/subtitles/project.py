"""Subtitles: what counts of each language of an asset, and every version of it."""

from collections.abc import Iterable
from typing import TypeAlias

from projections.table import Row, Table, Value, row
from schemas.envelope import Record
from schemas.events.subtitle import (
    SubtitleChosen,
    SubtitleEdited,
    SubtitleFailed,
    SubtitleMade,
    SubtitleRequested,
    SubtitleTranslated,
)
from schemas.ids import derived
from schemas.jobs import SubtitleText
from schemas.registry import Data

SUBTITLES = Table("subtitles", json=frozenset({"problem"}))
VERSIONS = Table("subtitle_versions")

Grown: TypeAlias = SubtitleMade | SubtitleEdited | SubtitleTranslated


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case SubtitleRequested() as wanted:
            return (_requested(record, wanted),)
        case SubtitleMade() | SubtitleEdited() | SubtitleTranslated():
            grown = record.data
            return (
                _counts(record, grown, ended=_ended(grown)),
                _version(record, grown),
            )
        case SubtitleChosen() as chosen:
            return (_counts(record, chosen, ended=False),)
        case SubtitleFailed() as failed:
            return (_failed(record, failed),)
        case _:
            return ()


def _requested(record: Record[Data], event: SubtitleRequested) -> Row:
    return row(
        SUBTITLES,
        record,
        asset_id=event.asset_id,
        language=event.language,
        making=event.source,
        job_id=derived("job", record.envelope.id),
        problem=None,
    )


def _ended(event: Grown) -> bool:
    """An edit leaves what is being made alone."""
    return not isinstance(event, SubtitleEdited) and bool(event.job_id)


def _counts(record: Record[Data], event: Grown | SubtitleChosen, *, ended: bool) -> Row:
    made: dict[str, Value] = {"making": "", "problem": None} if ended else {}
    return row(SUBTITLES, record, asset_id=event.asset_id, **_told(event.text), **made)


def _version(record: Record[Data], event: Grown) -> Row:
    id_ = f"{record.subject_id}:{event.text.number}"
    return row(
        VERSIONS,
        record,
        id=id_,
        subtitle_id=record.subject_id,
        asset_id=event.asset_id,
        by=record.envelope.auth_id,
        **_told(event.text),
    )


def _told(text: SubtitleText) -> dict[str, Value]:
    return {
        "language": text.language,
        "number": text.number,
        "object_key": text.object_key,
        "sha256": text.sha256,
        "count": text.count,
        "source": text.source,
        "confidence": text.confidence,
        "faults": text.faults,
    }


def _failed(record: Record[Data], event: SubtitleFailed) -> Row:
    return row(
        SUBTITLES,
        record,
        asset_id=event.asset_id,
        language=event.language,
        making="",
        problem={"code": event.code, "reason": event.reason},
    )
