"""What may have happened to a chain of tools, and to one run of it."""

from typing import TypeAlias

from msgspec import Struct

from schemas.chains import Due, Step, StepResult


class ChainDefined(Struct, frozen=True, tag="io.contentops.chain.defined.v1"):
    name: str
    number: int
    steps: tuple[Step, ...]


class RunStarted(Struct, frozen=True, tag="io.contentops.run.started.v1"):
    chain_id: str
    number: int
    steps: tuple[Step, ...]
    due: Due


class RunStepDone(Struct, frozen=True, tag="io.contentops.run.step_done.v1"):
    """Without a step that is due the run is done."""

    index: int
    result: StepResult
    due: Due | None = None


class RunStepFailed(Struct, frozen=True, tag="io.contentops.run.step_failed.v1"):
    """The run stands still until somebody takes it up again."""

    index: int
    job_id: str
    code: str
    reason: str


class RunResumed(Struct, frozen=True, tag="io.contentops.run.resumed.v1"):
    due: Due


ChainEvent: TypeAlias = ChainDefined
RunEvent: TypeAlias = RunStarted | RunStepDone | RunStepFailed | RunResumed
