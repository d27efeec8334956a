"""What a job function is given, and the three ways it may end."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeAlias, TypeVar

from msgspec import Struct

from schemas.jobs import JobInput, JobResult

Kind = TypeVar("Kind", bound=Struct)


class TryLater(Exception):
    """Nothing is wrong for good. `after` is kept to; without it the pause grows."""

    def __init__(self, code: str, reason: str, after: timedelta | None = None) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.after = after


class Parked(TryLater):
    """Nothing was tried, because nobody is there to do it: this attempt is not counted.

    `after` is when somebody may be.
    """


class Impossible(Exception):
    """Another attempt would fail alike: tell whoever wanted it."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class Job(Struct, frozen=True, kw_only=True):
    """One attempt at a job; `started` is the event that numbered it.

    `lost` is the token of the attempt before, where that never told its end.
    """

    id: str
    tenant: str
    subject: str
    input: JobInput
    token: str
    started: str = ""
    requested: str = ""
    correlation: str = ""
    attempt: int = 1
    max_attempts: int = 3
    traceparent: str = ""
    lost: str = ""
    project_id: str = ""
    requested_by: str = ""

    def asked(self, kind: type[Kind]) -> Kind:
        """The input as what this work is for."""
        if not isinstance(self.input, kind):
            raise Impossible("wrong_work", f"{type(self.input).__name__} came here")
        return self.input


Report: TypeAlias = Callable[[int, str], None]
Work: TypeAlias = Callable[[Job, Report], Awaitable[JobResult]]
