"""Timers: when a scheduled publication is due."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
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
        case _:
            return ()
