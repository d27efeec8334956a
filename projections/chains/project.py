"""Chains, runs of them, and a row for each step that came to an end."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.chain import (
    ChainDefined,
    RunResumed,
    RunStarted,
    RunStepDone,
    RunStepFailed,
)
from schemas.registry import Data

CHAINS = Table("chains", json=frozenset({"steps"}))
RUNS = Table("runs", json=frozenset({"problem"}))
STEPS = Table("run_steps", json=frozenset({"result"}))


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case ChainDefined(name=name, number=number, steps=steps):
            return (row(CHAINS, record, name=name, number=number, steps=steps),)
        case RunStarted() as started:
            return (_started(record, started),)
        case RunStepDone() as done:
            return (_on(record, done), _step(record, done))
        case RunStepFailed(index=index, code=code, reason=reason):
            problem = {"code": code, "reason": reason}
            return (row(RUNS, record, status="failed", step=index, problem=problem),)
        case RunResumed(due=due):
            return (row(RUNS, record, status="running", step=due.index, problem=None),)
        case _:
            return ()


def _started(record: Record[Data], event: RunStarted) -> Row:
    return row(
        RUNS,
        record,
        chain_id=event.chain_id,
        number=event.number,
        status="running",
        step=0,
        steps=len(event.steps),
        project_id=event.due.project_id,
    )


def _on(record: Record[Data], event: RunStepDone) -> Row:
    if event.due is None:
        return row(RUNS, record, status="completed", step=event.index + 1)
    return row(RUNS, record, status="running", step=event.due.index)


def _step(record: Record[Data], event: RunStepDone) -> Row:
    return row(
        STEPS,
        record,
        id=f"{record.subject_id}:{event.index}",
        run_id=record.subject_id,
        index=event.index,
        tool=event.result.tool,
        job_id=event.result.job_id,
        result=event.result,
    )
