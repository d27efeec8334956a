"""Tasks: one row per job, with its newest attempt."""

from collections.abc import Iterable
from typing import assert_never

from projections.table import Row, Table, Value, row
from schemas.envelope import Record
from schemas.events.job import (
    JobAbandoned,
    JobAccounted,
    JobAwaited,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobLost,
    JobReleased,
    JobRequested,
    JobStarted,
)
from schemas.registry import Data, wire_name

TASKS = Table("tasks", json=frozenset({"input", "result", "problem", "spent"}))


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case JobRequested() as wanted:
            return (_requested(record, wanted),)
        case JobStarted(attempt=attempt, token=token):
            return (_started(record, attempt, token),)
        case JobAwaited(status=status):
            # Without a request there is no task yet; else only the version moves.
            return (row(TASKS, record),) if status else ()
        case JobReleased(waiting_for=parents):
            return (_released(record, parents),)
        case JobCompleted() | JobFailed():
            return (_answered(record, record.data),)
        case JobAccounted(spent=spent, seconds=seconds):
            return (row(TASKS, record, spent=spent, worked_s=seconds),)
        case JobCancelled() | JobLost() | JobAbandoned():
            return (_given_up(record, record.data),)
        case _:
            return ()


def _requested(record: Record[Data], event: JobRequested) -> Row:
    return row(
        TASKS,
        record,
        role=event.role,
        kind=wire_name(type(event.input)),
        subject=event.subject,
        input=event.input,
        digest=event.digest,
        reuse_days=event.reuse_days,
        status="waiting_for_parent" if event.after else "waiting",
        parents=event.after,
        waiting_for=event.after,
        attempt=0,
        max_attempts=event.max_attempts,
        priority=event.priority,
        not_before=event.not_before,
        deadline=event.deadline,
        needs=event.needs,
        project_id=event.project_id,
        requested_by=event.requested_by,
        requested_event_id=record.envelope.id,
        correlation=record.envelope.correlation,
        traceparent=record.envelope.traceparent,
    )


def _started(record: Record[Data], attempt: int, token: str) -> Row:
    return row(
        TASKS,
        record,
        status="running",
        attempt=attempt,
        token=token,
        started_at=record.envelope.time,
    )


def _released(record: Record[Data], parents: tuple[str, ...]) -> Row:
    status = "waiting_for_parent" if parents else "waiting"
    return row(TASKS, record, status=status, waiting_for=parents)


def _answered(record: Record[Data], event: JobCompleted | JobFailed) -> Row:
    if isinstance(event, JobCompleted):
        reused = event.reused or None
        return _ended(
            record, "completed", result=event.result, reused=reused, problem=None
        )
    problem = {"code": event.code, "reason": event.reason}
    if event.retry_at is None:
        return _ended(record, "failed", problem=problem)
    return row(
        TASKS, record, status="retrying", not_before=event.retry_at, problem=problem
    )


def _given_up(
    record: Record[Data], event: JobCancelled | JobLost | JobAbandoned
) -> Row:
    match event:
        case JobCancelled(reason=reason):
            return _without_result(record, "cancelled", reason)
        case JobLost(deaths=deaths):
            return _without_result(record, "lost", f"{deaths} workers died with it")
        case JobAbandoned(parent=parent, outcome=outcome):
            return _without_result(
                record, "parent_failed", f"job {parent} is {outcome}"
            )
        case _:
            assert_never(event)


def _without_result(record: Record[Data], status: str, reason: str) -> Row:
    return _ended(record, status, problem={"code": status, "reason": reason})


def _ended(record: Record[Data], status: str, **values: Value) -> Row:
    return row(TASKS, record, status=status, ended_at=record.envelope.time, **values)
