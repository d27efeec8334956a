"""Policies: each with the version that counts, and every version with its document."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.policy import PolicyLabelled, PolicyWritten
from schemas.registry import Data

POLICIES = Table("policies")
VERSIONS = Table("policy_versions")


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case PolicyWritten() as written:
            head = row(POLICIES, record, name=written.name, newest=written.number)
            return (head, _version(record, written))
        case PolicyLabelled(name=name, number=number):
            return (row(POLICIES, record, name=name, live=number),)
        case _:
            return ()


def _version(record: Record[Data], event: PolicyWritten) -> Row:
    policy_id = record.subject_id
    return row(
        VERSIONS,
        record,
        id=f"{policy_id}:{event.number}",
        policy_id=policy_id,
        name=event.name,
        number=event.number,
        document=event.document,
    )
