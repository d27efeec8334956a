"""Operations: one row per command, whatever was decided."""

from collections.abc import Iterable

from projections.table import Row, Table, Value, row
from schemas.envelope import Record
from schemas.events.log import LogClaimed, LogRejected, LogUnchanged
from schemas.observations import AnswersGiven, DeliveryReceived, MetricsObserved
from schemas.registry import Data

OPERATIONS = Table("operations", json=frozenset({"problem"}), once=True)


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case LogClaimed() | DeliveryReceived() | AnswersGiven():
            return ()
        case MetricsObserved(source=source) if source != "person":
            return ()
        case LogRejected() as refusal:
            return (_operation(record, "rejected", refusal),)
        case LogUnchanged():
            return (_operation(record, "unchanged"),)
        case _:
            return (_operation(record, "accepted"),)


def _operation(
    record: Record[Data], status: str, problem: LogRejected | None = None
) -> Row:
    envelope = record.envelope
    return row(
        OPERATIONS,
        record,
        id=envelope.causation or envelope.id,
        status=status,
        event_type=envelope.type,
        subject=envelope.subject,
        problem=_problem(problem),
        body_mac=envelope.body_mac,
        auth_id=envelope.auth_id,
        cause=envelope.cause,
        correlation=envelope.correlation,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
    )


def _problem(refusal: LogRejected | None) -> Value:
    if refusal is None:
        return None
    return {
        "kind": refusal.kind,
        "code": refusal.code,
        "pointer": refusal.pointer,
        "detail": refusal.detail,
    }
