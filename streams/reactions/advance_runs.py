"""A chain's run asks for the job of each step, and hears what became of it.

RunStarted | RunStepDone | RunResumed ──► RequestJob (subject run/id/index/attempt)
JobCompleted ──► RecordStep ──► RunStepDone … · JobFailed, lost … ──► FailStep
"""

from collections.abc import Iterable

from schemas.chains import Due, StepResult
from schemas.commands.chain import FailStep, RecordStep
from schemas.commands.job import RequestJob
from schemas.envelope import Record
from schemas.events.chain import RunResumed, RunStarted, RunStepDone
from schemas.events.job import JobCompleted
from schemas.generation import Generated, GenerateInput
from schemas.ids import derived
from schemas.registry import Data, encode
from streams.reactions.reaction import Reaction
from streams.reactions.record_results import Unfinished, ended, why

_KIND = "run"


def react(record: Record[Data]) -> Iterable[Reaction]:
    match record.data:
        case RunStarted(due=due) | RunResumed(due=due) | RunStepDone(due=Due() as due):
            job_id = derived("job", record.envelope.id)
            yield Reaction(data=_request(record, due), aggregate_id=job_id)
        case JobCompleted(subject=subject, result=Generated() as made):
            yield from _told(subject, record.subject_id, made)
        case _ if (event := ended(record.data)) is not None:
            yield from _failed(event, record.subject_id)
        case _:
            return


def _request(record: Record[Data], due: Due) -> RequestJob:
    given = GenerateInput(
        task="copy",
        model="auto",
        input=(due.step.fixed, due.input, due.last),
        tool=due.step.tool,
        take=due.step.take,
        input_key=due.input_key,
        last_key=due.last_key,
    )
    return RequestJob(
        role="ai",
        subject=f"{_KIND}/{record.subject_id}/{due.index}/{due.attempt}",
        input=given,
        digest=derived("digest", record.envelope.id, encode(given).decode()),
        project_id=due.project_id,
        requested_by=due.requested_by,
    )


def _told(subject: str, job_id: str, made: Generated) -> Iterable[Reaction]:
    kind, run_id, index, attempt = _parts(subject)
    if kind != _KIND:
        return
    result = StepResult(
        job_id=job_id,
        tool=made.tool,
        output=made.output[0] if made.output else "",
        output_key=made.output_key,
        degraded=made.degraded,
        cost=made.usage.cost,
        currency=made.usage.currency,
    )
    record = RecordStep(int(index), int(attempt), result)
    yield Reaction(data=record, aggregate_id=run_id)


def _failed(event: Unfinished, job_id: str) -> Iterable[Reaction]:
    kind, run_id, index, attempt = _parts(event.subject)
    if kind == _KIND:
        code, reason = why(event)
        fail = FailStep(int(index), int(attempt), job_id, code, reason)
        yield Reaction(data=fail, aggregate_id=run_id)


def _parts(subject: str) -> tuple[str, str, str, str]:
    """Of no run where there are not four."""
    parts = subject.split("/")
    return (parts[0], parts[1], parts[2], parts[3]) if len(parts) == 4 else ("",) * 4
