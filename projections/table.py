"""What a projection answers with: rows of its tables, some columns or all of them."""

from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from schemas.envelope import Record
from schemas.registry import Data

Value: TypeAlias = (
    str
    | int
    | float
    | bool
    | datetime
    | Decimal
    | Struct
    | tuple[str, ...]
    | tuple[Struct, ...]
    | dict[str, str]
    | None
)


class Table(Struct, frozen=True):
    """`once`: rows are facts that are never changed; `json`: columns kept as JSON."""

    name: str
    key: tuple[str, ...] = ("tenant", "id")
    json: frozenset[str] = frozenset()
    once: bool = False
    keep_days: int | None = None


class Row(Struct, frozen=True):
    """A column that is not named keeps its value; `created_at` is set only once."""

    table: Table
    values: dict[str, Value]

    @property
    def key(self) -> tuple[Value, ...]:
        return tuple(self.values[name] for name in self.table.key)


Project: TypeAlias = Callable[[Record[Data]], Iterable[Row]]


class Projection(Struct, frozen=True):
    """Its rows live in schema `rm_<name>_<label>`; views in `read` show the live ones.

    `shape` is the code's: raise it with every change of a table or of the rules.
    `label` names one build of the rows: `v<N>`, or `asof_<id>` for a look back.
    """

    name: str
    tables: tuple[Table, ...]
    project: Project
    shape: int = 1
    label: str = "v1"

    @property
    def reader(self) -> str:
        return f"{self.name}.{self.label}"

    @property
    def schema(self) -> str:
        return f"rm_{self.name}_{self.label}"

    @property
    def folder(self) -> Path:
        return Path(__file__).parent / self.name


def row(table: Table, record: Record[Data], **values: Value) -> Row:
    """The record's own stream writes this row; its id is the stream's unless given."""
    envelope = record.envelope
    return Row(
        table,
        {
            "tenant": envelope.tenant,
            "id": envelope.aggregate_id,
            "version": envelope.sequence,
            "event_id": envelope.id,
            "created_at": envelope.time,
            "updated_at": envelope.time,
            **values,
        },
    )
