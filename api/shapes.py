"""What all request and answer bodies share: camelCase, closed in, forgiving out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Generic, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel

T = TypeVar("T")


class Body(BaseModel):
    """A request: a field nobody knows is refused, never ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        str_strip_whitespace=True,
        allow_inf_nan=False,
    )


class Shown(BaseModel):
    """An answer, usually made from one row; columns it does not name stay inside."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True
    )

    @model_validator(mode="before")
    @classmethod
    def _unwritten(cls, row: object) -> object:
        """A column no event has written yet has its default here."""
        if not isinstance(row, Mapping):
            return row
        return {name: value for name, value in row.items() if value is not None}


class Item(Shown):
    """What every resource has; `version` is also its ETag."""

    id: str
    version: int = 0
    event_id: str = Field(default="", exclude=True)
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Failure(Shown):
    """Why the machine gave up on something, in words a person can act on."""

    code: str = ""
    reason: str = ""
    state: str = ""


class Page(Shown, Generic[T]):
    """`next` is the cursor of the following page, null on the last one."""

    items: list[T]
    next: str | None = None


class Receipt(Shown):
    """A wish that is on the log; `operationId` tells later what became of it."""

    operation_id: str
    status: str
    id: str


def _printable(text: object) -> object:
    if isinstance(text, str) and any(
        ord(each) < 32 and each not in "\n\t" for each in text
    ):
        raise ValueError("control characters are not allowed")
    return text


Plain: TypeAlias = Annotated[str, BeforeValidator(_printable)]
Line: TypeAlias = Annotated[
    str, BeforeValidator(_printable), StringConstraints(min_length=1, max_length=200)
]
Id: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]+$", max_length=80)
]
