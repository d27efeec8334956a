"""Changes: what moved at which place of the log, kept for seven days."""

from collections.abc import Iterable

from projections.table import Row, Table
from schemas.envelope import Record
from schemas.events.log import LogClaimed, LogRejected, LogUnchanged
from schemas.registry import Data

CHANGES = Table(
    "changes", key=("tenant", "topic", "partition", "offset"), once=True, keep_days=7
)


def project(record: Record[Data]) -> Iterable[Row]:
    if isinstance(record.data, LogClaimed | LogRejected | LogUnchanged):
        return ()
    envelope = record.envelope
    return (
        Row(
            CHANGES,
            {
                "tenant": envelope.tenant,
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
                "kind": envelope.aggregate,
                "subject": envelope.subject,
                "type": envelope.type,
                "at": envelope.time,
            },
        ),
    )
