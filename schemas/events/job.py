"""What may have happened to a job: asked for, tried, ended."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import JobInput, JobResult


class JobRequested(Struct, frozen=True, tag="io.contentops.job.requested.v1"):
    """`subject` is `<aggregate>/<id>` of the stream that wants the work done.

    Role `direct` is run by whoever asked (the API's AI path); nobody is called for it.
    """

    role: str
    subject: str
    input: JobInput
    digest: str
    priority: int = 0
    not_before: datetime | None = None
    max_attempts: int = 3


class JobStarted(Struct, frozen=True, tag="io.contentops.job.started.v1"):
    attempt: int
    token: str


class JobCompleted(Struct, frozen=True, tag="io.contentops.job.completed.v1"):
    role: str
    subject: str
    token: str
    attempt: int
    result: JobResult
    seconds: float


class JobFailed(Struct, frozen=True, tag="io.contentops.job.failed.v1"):
    """`retry_at` set = another attempt follows then; None = this was the end."""

    role: str
    subject: str
    input: JobInput
    token: str
    attempt: int
    code: str
    reason: str
    retry_at: datetime | None = None


class JobCancelled(Struct, frozen=True, tag="io.contentops.job.cancelled.v1"):
    subject: str
    input: JobInput
    reason: str


class JobLost(Struct, frozen=True, tag="io.contentops.job.lost.v1"):
    """Its workers died; a person has to look at it."""

    subject: str
    input: JobInput
    deaths: int


JobEvent: TypeAlias = (
    JobRequested | JobStarted | JobCompleted | JobFailed | JobCancelled | JobLost
)
