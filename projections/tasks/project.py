"""Tasks: one row per job, with its newest attempt."""

from collections.abc import Iterable

from projections.table import Row, Table, Value, row
from schemas.envelope import Record
from schemas.events.job import (
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobLost,
    JobRequested,
    JobStarted,
)
from schemas.registry import Data, wire_name

TASKS = Table("tasks", json=frozenset({"input", "result", "problem"}))


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case JobRequested() as wanted:
            return (_requested(record, wanted),)
        case JobStarted(attempt=attempt, token=token):
            return (_started(record, attempt, token),)
        case JobCompleted() as completed:
            return (_ended(record, "completed", result=completed.result, problem=None),)
        case JobFailed() as failed:
            return (_failed(record, failed),)
        case JobCancelled(reason=reason):
            problem = {"code": "cancelled", "reason": reason}
            return (_ended(record, "cancelled", problem=problem),)
        case JobLost(deaths=deaths):
            problem = {"code": "lost", "reason": f"{deaths} workers died with it"}
            return (_ended(record, "lost", problem=problem),)
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
        status="waiting",
        attempt=0,
        max_attempts=event.max_attempts,
        priority=event.priority,
        not_before=event.not_before,
        requested_event_id=record.envelope.id,
        correlation=record.envelope.correlation,
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


def _ended(record: Record[Data], status: str, **values: Value) -> Row:
    return row(TASKS, record, status=status, ended_at=record.envelope.time, **values)


def _failed(record: Record[Data], event: JobFailed) -> Row:
    problem = {"code": event.code, "reason": event.reason}
    if event.retry_at is None:
        return _ended(record, "failed", problem=problem)
    return row(
        TASKS, record, status="retrying", not_before=event.retry_at, problem=problem
    )
