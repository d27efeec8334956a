"""Rules of a run: one step after the other, each once, and on again after a failure.

A result counts for the step and the attempt that are due; any other is an echo of
something that was told before, and changes nothing.
"""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from schemas.chains import Due, Step
from schemas.commands.chain import (
    FailStep,
    RecordStep,
    ResumeRun,
    RunCommand,
    StartRun,
)
from schemas.events.chain import (
    RunEvent,
    RunResumed,
    RunStarted,
    RunStepDone,
    RunStepFailed,
)
from streams.domain.rejected import Rejected, exists, missing


class Run(Struct, frozen=True):
    """`due` is the step under way, or the one that failed; None = done."""

    started: RunStarted | None = None
    due: Due | None = None
    failed: bool = False

    @property
    def steps(self) -> tuple[Step, ...]:
        if self.started is None:
            raise missing("run")
        return self.started.steps


initial = Run()


def decide(command: RunCommand, run: Run) -> RunEvent | None:
    match command:
        case StartRun():
            return _start(command, run)
        case RecordStep():
            return _record(command, run)
        case FailStep():
            return _fail(command, run)
        case ResumeRun():
            return _resume(run)
        case _:
            assert_never(command)


def _start(command: StartRun, run: Run) -> RunStarted | None:
    if not command.steps:
        detail = "This chain has no steps."
        raise Rejected("invalid", "steps_count", detail, pointer="/steps")
    due = Due(
        0,
        command.steps[0],
        input=command.input,
        input_key=command.input_key,
        project_id=command.project_id,
        requested_by=command.requested_by,
    )
    event = RunStarted(command.chain_id, command.number, command.steps, due)
    if run.started not in (None, event):
        raise exists("run")
    return None if run.started else event


def _awaited(index: int, attempt: int, run: Run) -> Due | None:
    """What is due, where that is what the worker speaks of."""
    due = run.due if run.steps and not run.failed else None
    return due if due and (due.index, due.attempt) == (index, attempt) else None


def _record(command: RecordStep, run: Run) -> RunStepDone | None:
    due = _awaited(command.index, command.attempt, run)
    if due is None:
        return None
    return RunStepDone(command.index, command.result, _next(command, due, run))


def _next(command: RecordStep, due: Due, run: Run) -> Due | None:
    index = command.index + 1
    if index == len(run.steps):
        return None
    return replace(
        due,
        index=index,
        step=run.steps[index],
        attempt=1,
        last=command.result.output,
        last_key=command.result.output_key,
    )


def _fail(command: FailStep, run: Run) -> RunStepFailed | None:
    if _awaited(command.index, command.attempt, run) is None:
        return None
    return RunStepFailed(command.index, command.job_id, command.code, command.reason)


def _resume(run: Run) -> RunResumed | None:
    if not run.steps or not run.failed or run.due is None:
        return None
    return RunResumed(replace(run.due, attempt=run.due.attempt + 1))


def evolve(run: Run, event: RunEvent) -> Run:
    match event:
        case RunStarted(due=due):
            return Run(event, due)
        case RunStepDone(due=due):
            return replace(run, due=due)
        case RunStepFailed():
            return replace(run, failed=True)
        case RunResumed(due=due):
            return replace(run, due=due, failed=False)
        case _:
            assert_never(event)
