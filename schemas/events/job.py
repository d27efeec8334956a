"""What may have happened to a job: asked for, tried, ended."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from schemas.jobs import JobInput, JobResult, Spent


class JobRequested(Struct, frozen=True, tag="io.contentops.job.requested.v1"):
    """`subject` is `<aggregate>/<id>` of the stream that wants the work done.

    Role `direct` is run by whoever asked (the API's AI path); nobody is called for it.
    `after` are jobs of the same tenant that must be completed first. At `deadline` it
    ends, whatever it has come to. `reuse_days` > 0: a result of the same digest that is
    no older may be its answer. `needs` are labels that a worker must have.
    """

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


class JobStarted(Struct, frozen=True, tag="io.contentops.job.started.v1"):
    attempt: int
    token: str


class JobCompleted(Struct, frozen=True, tag="io.contentops.job.completed.v1"):
    """`reused` is the job whose result this is, if no work was done for it.

    An end carries `dependents`: the jobs that waited for this one.
    """

    role: str
    subject: str
    token: str
    attempt: int
    result: JobResult
    seconds: float
    reused: str = ""
    dependents: tuple[str, ...] = ()


class JobFailed(Struct, frozen=True, tag="io.contentops.job.failed.v1"):
    """`retry_at` set = another attempt follows then; None = this was the end.

    `parked`: nothing was tried, and the attempt is not counted.
    """

    role: str
    subject: str
    input: JobInput
    token: str
    attempt: int
    code: str
    reason: str
    retry_at: datetime | None = None
    dependents: tuple[str, ...] = ()
    parked: bool = False


class JobCancelled(Struct, frozen=True, tag="io.contentops.job.cancelled.v1"):
    subject: str
    input: JobInput
    reason: str
    dependents: tuple[str, ...] = ()


class JobLost(Struct, frozen=True, tag="io.contentops.job.lost.v1"):
    """Its workers died; a person has to look at it."""

    subject: str
    input: JobInput
    deaths: int
    dependents: tuple[str, ...] = ()


class JobAwaited(Struct, frozen=True, tag="io.contentops.job.awaited.v1"):
    """Another job waits for this one, which is `open`, ended somehow, or "" = unknown.

    A job may be waited for before it is asked for: the log orders one stream only.
    """

    dependent: str
    status: str = ""


class JobReleased(Struct, frozen=True, tag="io.contentops.job.released.v1"):
    """One of its parents is completed; `waiting_for` are those still to come."""

    parent: str
    waiting_for: tuple[str, ...] = ()


class JobAbandoned(Struct, frozen=True, tag="io.contentops.job.abandoned.v1"):
    """It will never start: a parent came to another end, which `outcome` names."""

    subject: str
    input: JobInput
    parent: str
    outcome: str
    dependents: tuple[str, ...] = ()


class JobAccounted(Struct, frozen=True, tag="io.contentops.job.accounted.v1"):
    """What an attempt cost, however it ended: `completed`, `failed` or `stopped`.

    `requested_by` is who wished for what the job is part of.
    """

    role: str
    subject: str
    attempt: int
    token: str
    outcome: str
    seconds: float
    spent: Spent
    project_id: str = ""
    requested_by: str = ""
    reused: str = ""


JobEvent: TypeAlias = (
    JobRequested
    | JobStarted
    | JobCompleted
    | JobFailed
    | JobCancelled
    | JobLost
    | JobAwaited
    | JobReleased
    | JobAbandoned
    | JobAccounted
)
