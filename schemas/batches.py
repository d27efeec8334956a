"""Many wishes at one tool: a sheet of rows, and what its reading came to."""

from msgspec import Struct


class BatchInput(Struct, frozen=True, tag="batch"):
    """The rows lie in the store; each good one becomes a job of its own."""

    tool: str
    plan_key: str
    rows: int
    bad: int = 0


class Batched(Struct, frozen=True, tag="batched"):
    """All jobs of the rows were asked for."""

    tool: str
    asked: int
    bad: int = 0
