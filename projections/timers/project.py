"""Timers: when a publication is due, when an asset leaves, when its bodies go."""

from collections.abc import Iterable
from datetime import datetime

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.asset import (
    AssetPurged,
    AssetRestored,
    AssetRetained,
    AssetTrashed,
)
from schemas.events.publication import (
    PublicationDue,
    PublicationFailed,
    PublicationMissed,
    PublicationPublished,
    PublicationRefused,
    PublicationScheduled,
)
from schemas.registry import Data

TIMERS = Table("timers")


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case PublicationScheduled(at=at):
            return (
                row(
                    TIMERS,
                    record,
                    kind="publication",
                    at=at,
                    state="armed",
                    correlation=record.envelope.correlation,
                ),
            )
        case (
            PublicationDue()
            | PublicationMissed()
            | PublicationRefused()
            | PublicationFailed()
            | PublicationPublished()
        ):
            return (row(TIMERS, record, kind="publication", state="done"),)
        case AssetRetained(until=until):
            return (_asset(record, "keep", until),)
        case AssetTrashed(purge_at=purge_at):
            return (_asset(record, "keep", None), _asset(record, "purge", purge_at))
        case AssetRestored() | AssetPurged():
            return (_asset(record, "keep", None), _asset(record, "purge", None))
        case _:
            return ()


def _asset(record: Record[Data], what: str, at: datetime | None) -> Row:
    """An asset has two; None = nothing is to happen any more."""
    return row(
        TIMERS,
        record,
        id=f"{what}:{record.subject_id}",
        kind=f"asset_{what}",
        subject_id=record.subject_id,
        at=at,
        state="done" if at is None else "armed",
        correlation=record.envelope.correlation,
    )
