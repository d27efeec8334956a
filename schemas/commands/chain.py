"""What may be wished of a chain of tools, and of one run of it."""

from typing import TypeAlias

from msgspec import Struct

from schemas.chains import Step, StepResult


class DefineChain(Struct, frozen=True, tag="io.contentops.chain.define.v1"):
    """The same steps again change nothing; other steps are the next version."""

    name: str
    steps: tuple[Step, ...]


class StartRun(Struct, frozen=True, tag="io.contentops.run.start.v1"):
    """`steps` are those of the chain's version `number`: a run keeps its own."""

    chain_id: str
    number: int
    steps: tuple[Step, ...]
    input: str = ""
    input_key: str = ""
    project_id: str = ""
    requested_by: str = ""


class RecordStep(Struct, frozen=True, tag="io.contentops.run.record_step.v1"):
    index: int
    attempt: int
    result: StepResult


class FailStep(Struct, frozen=True, tag="io.contentops.run.fail_step.v1"):
    index: int
    attempt: int
    job_id: str
    code: str
    reason: str


class ResumeRun(Struct, frozen=True, tag="io.contentops.run.resume.v1"):
    """Goes on at the first step that is missing."""


ChainCommand: TypeAlias = DefineChain
RunCommand: TypeAlias = StartRun | RecordStep | FailStep | ResumeRun
