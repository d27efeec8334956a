"""A job that comes after others is told of their ends, by way of the log alone.

child: JobRequested(after) ──► AwaitJob ──► parent: JobAwaited, kept as a dependent
parent: its end(dependents) ──► ReleaseJob | AbandonJob ──► each child
parent ended already ──► JobAwaited says how ──► the same answer at once
"""

from collections.abc import Iterable

from schemas.commands.job import AbandonJob, AwaitJob, ReleaseJob
from schemas.envelope import Record
from schemas.events.job import (
    JobAbandoned,
    JobAwaited,
    JobCancelled,
    JobCompleted,
    JobFailed,
    JobLost,
    JobRequested,
)
from schemas.registry import Data
from streams.reactions.reaction import Reaction


def react(record: Record[Data]) -> Iterable[Reaction]:
    match record.data:
        case JobRequested(after=parents):
            child = record.subject_id
            for parent in parents:
                yield Reaction(data=AwaitJob(dependent=child), aggregate_id=parent)
        case JobAwaited(dependent=dependent, status=status):
            if status not in ("", "open"):
                yield _told(record.subject_id, status, dependent)
        case _:
            outcome = _outcome(record.data)
            for dependent in _dependents(record.data) if outcome else ():
                yield _told(record.subject_id, outcome, dependent)


def _told(parent: str, outcome: str, dependent: str) -> Reaction:
    if outcome == "completed":
        return Reaction(data=ReleaseJob(parent=parent), aggregate_id=dependent)
    abandon = AbandonJob(parent=parent, outcome=outcome)
    return Reaction(data=abandon, aggregate_id=dependent)


def _outcome(event: Data) -> str:
    """How this event ends its job; empty where it does not."""
    match event:
        case JobCompleted():
            return "completed"
        case JobFailed(retry_at=None):
            return "failed"
        case JobCancelled():
            return "cancelled"
        case JobLost():
            return "lost"
        case JobAbandoned():
            return "parent_failed"
        case _:
            return ""


def _dependents(event: Data) -> tuple[str, ...]:
    match event:
        case (
            JobCompleted(dependents=found)
            | JobFailed(dependents=found)
            | JobCancelled(dependents=found)
            | JobLost(dependents=found)
            | JobAbandoned(dependents=found)
        ):
            return found
        case _:
            return ()
