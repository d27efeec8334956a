"""Images: one row per set of pictures; written from the asset's stream."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.asset import ImagesFailed, ImagesMade, ImagesRequested
from schemas.ids import derived
from schemas.registry import Data

IMAGES = Table("images", json=frozenset({"pictures", "problem"}))


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case ImagesRequested() as wanted:
            return (_wanted(record, wanted),)
        case ImagesMade() as made:
            return (_made(record, made),)
        case ImagesFailed() as failed:
            return (_failed(record, failed),)
        case _:
            return ()


def _wanted(record: Record[Data], event: ImagesRequested) -> Row:
    return row(
        IMAGES,
        record,
        id=event.images_id,
        asset_id=record.subject_id,
        video_id=event.video_id,
        status="processing",
        job_id=derived("job", record.envelope.id),
    )


def _made(record: Record[Data], event: ImagesMade) -> Row:
    """Of a set that nobody asked for this is the first that is known."""
    return row(
        IMAGES,
        record,
        id=event.images_id,
        asset_id=record.subject_id,
        video_id=event.video_id,
        status="ready",
        pictures=event.pictures,
        job_id=event.job_id,
        problem=None,
    )


def _failed(record: Record[Data], event: ImagesFailed) -> Row:
    return row(
        IMAGES,
        record,
        id=event.images_id,
        asset_id=record.subject_id,
        status="failed",
        job_id=event.job_id,
        problem={"code": event.code, "reason": event.reason},
    )
