"""Timers: when a publication, an upload, an asset or money set aside is due."""

from collections.abc import Iterable
from datetime import datetime

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.asset import (
    AssetPresigned,
    AssetPurged,
    AssetRestored,
    AssetRetained,
    AssetTrashed,
    AssetUploadAbandoned,
    AssetUploaded,
    AssetVersionPresigned,
)
from schemas.events.budget import BudgetReleased, BudgetReserved, BudgetSettled
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
    for kind in (_publication, _upload, _shelf, _money):
        if found := kind(record):
            return found
    return ()


def _publication(record: Record[Data]) -> tuple[Row, ...]:
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
        case _:
            return ()


def _upload(record: Record[Data]) -> tuple[Row, ...]:
    """Each body that is announced has a timer of its own."""
    match record.data:
        case AssetPresigned(until=until) if until is not None:
            return (_asset(record, "upload", until, ":1"),)
        case AssetVersionPresigned(number=number, until=until) if until is not None:
            return (_asset(record, "upload", until, f":{number}"),)
        case AssetUploaded(number=number):
            return (_asset(record, "upload", None, f":{number}"),)
        case AssetUploadAbandoned(numbers=numbers):
            return tuple(_asset(record, "upload", None, f":{n}") for n in numbers)
        case _:
            return ()


def _shelf(record: Record[Data]) -> tuple[Row, ...]:
    match record.data:
        case AssetRetained(until=until):
            return (_asset(record, "keep", until),)
        case AssetTrashed(purge_at=purge_at):
            return (_asset(record, "keep", None), _asset(record, "purge", purge_at))
        case AssetRestored() | AssetPurged():
            return (_asset(record, "keep", None), _asset(record, "purge", None))
        case _:
            return ()


def _money(record: Record[Data]) -> tuple[Row, ...]:
    match record.data:
        case BudgetReserved(reservation_id=name, expires_at=at):
            return (_timer(record, f"budget:{name}", "budget", at),)
        case BudgetSettled(reservation_id=name) | BudgetReleased(reservation_id=name):
            return (_timer(record, f"budget:{name}", "budget", None),)
        case _:
            return ()


def _asset(
    record: Record[Data], what: str, at: datetime | None, which: str = ""
) -> Row:
    id_ = f"{what}:{record.subject_id}{which}"
    return _timer(record, id_, f"asset_{what}", at)


def _timer(record: Record[Data], id_: str, kind: str, at: datetime | None) -> Row:
    """None = nothing is to happen any more."""
    return row(
        TIMERS,
        record,
        id=id_,
        kind=kind,
        subject_id=record.subject_id,
        at=at,
        state="done" if at is None else "armed",
        correlation=record.envelope.correlation,
    )
