"""What may be wished of a job."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import JobInput, JobResult, Spent


class RequestJob(Struct, frozen=True, tag="io.contentops.job.request.v1"):
    """See JobRequested; a higher `priority` counts as time already waited."""

    role: str
    subject: str
    input: JobInput
    digest: str
    priority: int = 0
    not_before: datetime | None = None
    max_attempts: int = 3
    after: tuple[str, ...] = ()
    deadline: datetime | None = None
    reuse_days: int = 0
    needs: tuple[str, ...] = ()
    project_id: str = ""
    requested_by: str = ""


class StartAttempt(Struct, frozen=True, tag="io.contentops.job.start.v1"):
    token: str


class CompleteJob(Struct, frozen=True, tag="io.contentops.job.complete.v1"):
    token: str
    result: JobResult
    seconds: float
    reused: str = ""


class FailJob(Struct, frozen=True, tag="io.contentops.job.fail.v1"):
    """`retry_at` = when a repeat makes sense; None = a repeat would not help.

    `parked`: nothing was tried, so this attempt is not one of those it may have.
    """

    token: str
    code: str
    reason: str
    retry_at: datetime | None = None
    parked: bool = False


class CancelJob(Struct, frozen=True, tag="io.contentops.job.cancel.v1"):
    reason: str = ""


class LoseJob(Struct, frozen=True, tag="io.contentops.job.lose.v1"):
    deaths: int


class ExpireJob(Struct, frozen=True, tag="io.contentops.job.expire.v1"):
    """Sent by the dispatcher once `deadline`, which is the job's own, has passed."""

    deadline: datetime


class AwaitJob(Struct, frozen=True, tag="io.contentops.job.await.v1"):
    """Sent to a parent: tell `dependent` how you end."""

    dependent: str


class ReleaseJob(Struct, frozen=True, tag="io.contentops.job.release.v1"):
    """Sent to a dependent: this parent is completed."""

    parent: str


class AbandonJob(Struct, frozen=True, tag="io.contentops.job.abandon.v1"):
    """Sent to a dependent: this parent came to another end."""

    parent: str
    outcome: str


class AccountAttempt(Struct, frozen=True, tag="io.contentops.job.account.v1"):
    """See JobAccounted; told once for each attempt, also after the job has ended."""

    token: str
    attempt: int
    outcome: str
    seconds: float
    spent: Spent
    reused: str = ""


JobCommand: TypeAlias = (
    RequestJob
    | StartAttempt
    | CompleteJob
    | FailJob
    | CancelJob
    | LoseJob
    | ExpireJob
    | AwaitJob
    | ReleaseJob
    | AbandonJob
    | AccountAttempt
)
