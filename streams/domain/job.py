"""Rules of a job: attempts are numbered here, and only the newest one counts."""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.job import (
    CancelJob,
    CompleteJob,
    FailJob,
    JobCommand,
    LoseJob,
    RequestJob,
    StartAttempt,
)
from schemas.events.job import (
    JobCancelled,
    JobCompleted,
    JobEvent,
    JobFailed,
    JobLost,
    JobRequested,
    JobStarted,
)
from streams.domain.rejected import Rejected, exists, missing


class Job(Struct, frozen=True):
    """`token` is the newest attempt's; `ended` names how the job came to its end."""

    requested: JobRequested | None = None
    attempt: int = 0
    token: str = ""
    open: bool = False
    ended: str = ""
    result: JobCompleted | None = None

    @property
    def wish(self) -> JobRequested:
        if self.requested is None:
            raise missing("job")
        return self.requested


initial = Job()


def decide(command: JobCommand, job: Job) -> JobEvent | None:
    match command:
        case RequestJob():
            return _request(command, job)
        case StartAttempt(token=token):
            return _start(token, job)
        case CompleteJob():
            return _complete(command, job)
        case FailJob():
            return _fail(command, job)
        case CancelJob(reason=reason):
            return _cancel(reason, job)
        case LoseJob(deaths=deaths):
            return _lose(deaths, job)
        case _:
            assert_never(command)


def _request(command: RequestJob, job: Job) -> JobEvent | None:
    if job.requested is not None:
        if job.requested.digest == command.digest:
            return None
        raise exists("job")
    return JobRequested(
        role=command.role,
        subject=command.subject,
        input=command.input,
        digest=command.digest,
        priority=command.priority,
        not_before=command.not_before,
        max_attempts=command.max_attempts,
    )


def _start(token: str, job: Job) -> JobEvent | None:
    _refuse_ended(job)
    if token == job.token:
        return None
    return JobStarted(attempt=job.attempt + 1, token=token)


def _refuse_ended(job: Job) -> None:
    if job.wish and job.ended:
        raise Rejected("conflict", "job_ended", f"This job is {job.ended}.")


def _refuse_stranger(token: str, job: Job) -> None:
    """Only the newest token may speak; an older one is told so."""
    _refuse_ended(job)
    if token != job.token or not job.open:
        raise Rejected("conflict", "attempt_fenced", "A newer attempt has this job.")


def _complete(command: CompleteJob, job: Job) -> JobEvent | None:
    if job.result is not None and job.result.token == command.token:
        return None
    _refuse_stranger(command.token, job)
    return JobCompleted(
        role=job.wish.role,
        subject=job.wish.subject,
        token=command.token,
        attempt=job.attempt,
        result=command.result,
        seconds=command.seconds,
    )


def _fail(command: FailJob, job: Job) -> JobEvent | None:
    _refuse_stranger(command.token, job)
    more = job.attempt < job.wish.max_attempts
    return JobFailed(
        role=job.wish.role,
        subject=job.wish.subject,
        input=job.wish.input,
        token=command.token,
        attempt=job.attempt,
        code=command.code,
        reason=command.reason,
        retry_at=command.retry_at if more else None,
    )


def _cancel(reason: str, job: Job) -> JobEvent | None:
    if job.wish and job.ended == "cancelled":
        return None
    _refuse_ended(job)
    return JobCancelled(subject=job.wish.subject, input=job.wish.input, reason=reason)


def _lose(deaths: int, job: Job) -> JobEvent | None:
    if job.wish and job.ended:
        return None
    return JobLost(subject=job.wish.subject, input=job.wish.input, deaths=deaths)


def evolve(job: Job, event: JobEvent) -> Job:
    match event:
        case JobRequested():
            return Job(requested=event)
        case JobStarted(attempt=attempt, token=token):
            return replace(job, attempt=attempt, token=token, open=True)
        case JobCompleted():
            return replace(job, open=False, ended="completed", result=event)
        case JobFailed(retry_at=retry_at):
            return replace(job, open=False, ended="" if retry_at else "failed")
        case JobCancelled():
            return replace(job, open=False, ended="cancelled")
        case JobLost():
            return replace(job, open=False, ended="lost")
        case _:
            assert_never(event)
