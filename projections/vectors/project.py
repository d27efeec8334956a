"""Vectors of texts: one row per job that made one, with the model it is of."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.job import JobCompleted
from schemas.registry import Data
from schemas.vectors import Vectored

VECTORS = Table("vectors")


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case JobCompleted(result=Vectored() as made):
            return (
                row(
                    VECTORS,
                    record,
                    kind=made.kind,
                    subject_id=made.subject_id,
                    model=made.model,
                    size=len(made.values),
                    degraded=made.degraded,
                    vector=literal(made.values),
                ),
            )
        case _:
            return ()


def literal(values: Iterable[float]) -> str:
    """As pgvector reads it."""
    return f"[{','.join(format(each, '.9g') for each in values)}]"
