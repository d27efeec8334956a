"""A record into the rows of one projection, and rows that are old enough to go."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import psycopg
from psycopg import sql

from projections.parking import Unprojectable
from projections.table import Projection, Row
from projections.writer import Schemas
from schemas.envelope import Record
from schemas.registry import Data

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]

PRUNE = "DELETE FROM {} WHERE at < clock_timestamp() - %s * interval '1 day'"


def rows_of(
    projection: Projection, records: Sequence[Record[Data]]
) -> Iterator[tuple[Schemas, Row]]:
    schemas = (projection.schema,)
    return ((schemas, row) for each in records for row in project(projection, each))


def project(projection: Projection, record: Record[Data]) -> list[Row]:
    """Raises Unprojectable, whatever went wrong."""
    try:
        return list(projection.project(record))
    except Exception as wrong:
        raise Unprojectable(f"{type(wrong).__name__}: {wrong}") from wrong


def prune(connection: Connection, projection: Projection) -> None:
    """Delete what is older than its table keeps."""
    for table in projection.tables:
        if table.keep_days is not None:
            name = sql.Identifier(projection.schema, table.name)
            with connection.transaction():
                connection.execute(sql.SQL(PRUNE).format(name), (table.keep_days,))
