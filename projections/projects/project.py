"""Projects: a name that assets, copies and publications belong to."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.content import ProjectCreated, ProjectLimited
from schemas.registry import Data

PROJECTS = Table("projects")


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case ProjectCreated(name=name):
            return (row(PROJECTS, record, name=name),)
        case ProjectLimited(asset_bytes=most, asset_files=files):
            return (row(PROJECTS, record, asset_bytes=most, asset_files=files),)
        case _:
            return ()
