"""Services: one row each, with what it said of itself when it was registered."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.service import ServiceRegistered, ServiceRemoved
from schemas.registry import Data

SERVICES = Table("services")


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case ServiceRegistered() as event:
            return (_registered(record, event),)
        case ServiceRemoved():
            return (row(SERVICES, record, status="removed"),)
        case _:
            return ()


def _registered(record: Record[Data], event: ServiceRegistered) -> Row:
    return row(
        SERVICES,
        record,
        name=event.name,
        url=event.url,
        tool_version=event.tool_version,
        about=event.about,
        input=event.input,
        output=event.output,
        secret_ref=event.secret_ref,
        status="registered",
    )
