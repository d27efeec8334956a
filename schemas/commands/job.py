"""What may be wished of a job."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import JobInput, JobResult


class RequestJob(Struct, frozen=True, tag="io.contentops.job.request.v1"):
    role: str
    subject: str
    input: JobInput
    digest: str
    priority: int = 0
    not_before: datetime | None = None
    max_attempts: int = 3


class StartAttempt(Struct, frozen=True, tag="io.contentops.job.start.v1"):
    token: str


class CompleteJob(Struct, frozen=True, tag="io.contentops.job.complete.v1"):
    token: str
    result: JobResult
    seconds: float


class FailJob(Struct, frozen=True, tag="io.contentops.job.fail.v1"):
    """`retry_at` = when a repeat makes sense; None = a repeat would not help."""

    token: str
    code: str
    reason: str
    retry_at: datetime | None = None


class CancelJob(Struct, frozen=True, tag="io.contentops.job.cancel.v1"):
    reason: str = ""


class LoseJob(Struct, frozen=True, tag="io.contentops.job.lose.v1"):
    deaths: int


JobCommand: TypeAlias = (
    RequestJob | StartAttempt | CompleteJob | FailJob | CancelJob | LoseJob
)
