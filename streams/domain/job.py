"""Rules of a job: attempts are numbered here, and only the newest one counts.

A job that comes `after` others waits until each of them is completed. A parent keeps
the names of those that wait for it and its end carries them, so that a reaction can
tell each; nobody looks at another stream.
"""

from datetime import datetime
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.job import (
    AbandonJob,
    AccountAttempt,
    AwaitJob,
    CancelJob,
    CompleteJob,
    ExpireJob,
    FailJob,
    JobCommand,
    LoseJob,
    ReleaseJob,
    RequestJob,
    StartAttempt,
)
from schemas.events.job import (
    JobAbandoned,
    JobAccounted,
    JobAwaited,
    JobCancelled,
    JobCompleted,
    JobEvent,
    JobFailed,
    JobLost,
    JobReleased,
    JobRequested,
    JobStarted,
)
from streams.domain.rejected import Rejected, exists, missing

HIGHEST = 10
"""Priorities go from -HIGHEST to HIGHEST, which bounds how long one may be passed."""
MOST_PARENTS = 100
MOST_PARKS = 500
"""At five minutes each nearly two days: then a person has to look."""
OVERDUE = "deadline_passed"


class Job(Struct, frozen=True):
    """`token` is the newest attempt's; `ended` names how the job came to its end.

    `accounted` are the tokens of attempts that told what they cost, `parks` how many
    tried nothing.
    """

    requested: JobRequested | None = None
    attempt: int = 0
    token: str = ""
    open: bool = False
    ended: str = ""
    result: JobCompleted | None = None
    waiting_for: tuple[str, ...] = ()
    dependents: tuple[str, ...] = ()
    accounted: tuple[str, ...] = ()
    parks: int = 0

    @property
    def wish(self) -> JobRequested:
        if self.requested is None:
            raise missing("job")
        return self.requested

    @property
    def status(self) -> str:
        """As a dependent needs to know it: unknown (""), `open`, or how it ended."""
        return self.ended or ("open" if self.requested else "")


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
        case CancelJob() | LoseJob() | ExpireJob():
            return _give_up(command, job)
        case AwaitJob() | ReleaseJob() | AbandonJob():
            return _depend(command, job)
        case AccountAttempt():
            return _account(command, job)
        case _:
            assert_never(command)


def _request(command: RequestJob, job: Job) -> JobEvent | None:
    if job.requested is not None:
        if job.requested.digest == command.digest:
            return None
        raise exists("job")
    _refuse_terms(command)
    return JobRequested(
        role=command.role,
        subject=command.subject,
        input=command.input,
        digest=command.digest,
        priority=command.priority,
        not_before=command.not_before,
        max_attempts=command.max_attempts,
        after=tuple(dict.fromkeys(command.after)),
        deadline=command.deadline,
        reuse_days=command.reuse_days,
        needs=command.needs,
        project_id=command.project_id,
        requested_by=command.requested_by,
    )


def _refuse_terms(command: RequestJob) -> None:
    if abs(command.priority) > HIGHEST:
        raise Rejected(
            "invalid",
            "priority_range",
            f"A priority is a number from {-HIGHEST} to {HIGHEST}.",
            pointer="/priority",
        )
    begin, end = command.not_before, command.deadline
    if begin and end and end <= begin:
        raise Rejected(
            "invalid",
            "deadline_early",
            "The deadline must come after notBefore.",
            pointer="/deadline",
        )
    if len(command.after) > MOST_PARENTS:
        raise Rejected(
            "invalid",
            "parents_many",
            f"Wait for {MOST_PARENTS} jobs at most.",
            pointer="/after",
        )


def _start(token: str, job: Job) -> JobEvent | None:
    _refuse_ended(job)
    if job.waiting_for:
        raise Rejected(
            "conflict", "waiting_for_parent", "It comes after jobs not yet completed."
        )
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
        reused=command.reused,
        dependents=job.dependents,
    )


def _fail(command: FailJob, job: Job) -> JobEvent | None:
    _refuse_stranger(command.token, job)
    parked = command.parked and job.parks < MOST_PARKS
    more = parked or job.attempt - job.parks < job.wish.max_attempts
    retry_at = command.retry_at if more else None
    failed = _failed(job, command.code, command.reason, retry_at=retry_at)
    return replace(failed, parked=parked and more)


def _failed(
    job: Job, code: str, reason: str, *, retry_at: datetime | None = None
) -> JobFailed:
    return JobFailed(
        role=job.wish.role,
        subject=job.wish.subject,
        input=job.wish.input,
        token=job.token,
        attempt=job.attempt,
        code=code,
        reason=reason,
        retry_at=retry_at,
        dependents=() if retry_at else job.dependents,
    )


def _give_up(
    command: CancelJob | LoseJob | ExpireJob, job: Job
) -> JobCancelled | JobFailed | JobLost | None:
    match command:
        case CancelJob(reason=reason):
            if job.wish and job.ended == "cancelled":
                return None
            _refuse_ended(job)
            return _cancelled(job, reason)
        case LoseJob(deaths=deaths):
            if job.wish and job.ended:
                return None
            return JobLost(
                subject=job.wish.subject,
                input=job.wish.input,
                deaths=deaths,
                dependents=job.dependents,
            )
        case ExpireJob(deadline=deadline):
            return _expire(deadline, job)
        case _:
            assert_never(command)


def _cancelled(job: Job, reason: str) -> JobCancelled:
    wish = job.wish
    return JobCancelled(wish.subject, wish.input, reason, job.dependents)


def _expire(deadline: datetime, job: Job) -> JobCancelled | JobFailed | None:
    """What runs is called off; what never came to run has failed."""
    if job.wish.deadline != deadline or job.ended:
        return None
    if job.open:
        return _cancelled(job, OVERDUE)
    return _failed(job, OVERDUE, "Its deadline came before it could be done.")


def _account(command: AccountAttempt, job: Job) -> JobAccounted | None:
    """Also of an attempt that lost its lease, and after the end: it was paid for."""
    wish = job.wish
    if command.token in job.accounted:
        return None
    return JobAccounted(
        role=wish.role,
        subject=wish.subject,
        attempt=command.attempt,
        token=command.token,
        outcome=command.outcome,
        seconds=command.seconds,
        spent=command.spent,
        project_id=wish.project_id,
        requested_by=wish.requested_by,
        reused=command.reused,
    )


def _depend(
    command: AwaitJob | ReleaseJob | AbandonJob, job: Job
) -> JobAwaited | JobReleased | JobAbandoned | None:
    match command:
        case AwaitJob(dependent=dependent):
            if dependent in job.dependents:
                return None
            return JobAwaited(dependent=dependent, status=job.status)
        case ReleaseJob(parent=parent):
            if not _waits_for(parent, job):
                return None
            left = tuple(each for each in job.waiting_for if each != parent)
            return JobReleased(parent=parent, waiting_for=left)
        case AbandonJob(parent=parent, outcome=outcome):
            if not _waits_for(parent, job):
                return None
            wish = job.wish
            return JobAbandoned(
                wish.subject, wish.input, parent, outcome, job.dependents
            )
        case _:
            assert_never(command)


def _waits_for(parent: str, job: Job) -> bool:
    return bool(job.wish) and not job.ended and parent in job.waiting_for


def evolve(job: Job, event: JobEvent) -> Job:
    match event:
        case JobRequested(after=after):
            return replace(job, requested=event, waiting_for=after)
        case JobStarted(attempt=attempt, token=token):
            return replace(job, attempt=attempt, token=token, open=True)
        case JobAwaited(dependent=dependent):
            return replace(job, dependents=(*job.dependents, dependent))
        case JobReleased(waiting_for=waiting_for):
            return replace(job, waiting_for=waiting_for)
        case JobAccounted(token=token):
            return replace(job, accounted=(*job.accounted, token))
        case _:
            return _ended(job, event)


def _ended(
    job: Job, event: JobCompleted | JobFailed | JobCancelled | JobLost | JobAbandoned
) -> Job:
    match event:
        case JobCompleted():
            return replace(job, open=False, ended="completed", result=event)
        case JobFailed(retry_at=retry_at, parked=parked):
            parks = job.parks + parked
            ended = "" if retry_at else "failed"
            return replace(job, open=False, ended=ended, parks=parks)
        case JobCancelled():
            return replace(job, open=False, ended="cancelled")
        case JobLost():
            return replace(job, open=False, ended="lost")
        case JobAbandoned():
            return replace(job, open=False, ended="parent_failed")
        case _:
            assert_never(event)
