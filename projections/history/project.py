"""History: one row per event, refusal or observation, and the events it rests on."""

from collections.abc import Iterable

from projections.table import Row, Table, Value
from schemas.envelope import Record
from schemas.events.log import LogClaimed, LogUnchanged
from schemas.jobs import Evidence
from schemas.registry import Data

HISTORY = Table("history", once=True)


def project(record: Record[Data]) -> Iterable[Row]:
    if isinstance(record.data, LogClaimed | LogUnchanged):
        return ()
    envelope = record.envelope
    values: dict[str, Value] = {
        "tenant": envelope.tenant,
        "id": envelope.id,
        "type": envelope.type,
        "subject": envelope.subject,
        "version": envelope.sequence,
        "at": envelope.time,
        "causation": envelope.causation,
        "cause": envelope.cause,
        "causes": _causes(record),
        "correlation": envelope.correlation,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
    }
    return (Row(HISTORY, values),)


def _causes(record: Record[Data]) -> tuple[str, ...]:
    """The record that made somebody ask for this, then all evidence it relied on."""
    data = record.data
    found = [record.envelope.cause]
    for name in data.__struct_fields__:
        value = getattr(data, name)
        if isinstance(value, Evidence):
            found.append(value.event_id)
    return tuple(dict.fromkeys(each for each in found if each))
