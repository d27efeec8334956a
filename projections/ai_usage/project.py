"""Usage of AI: one row for each job that asked a model, with what it cost as billed."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.job import JobCompleted, JobFailed, JobRequested
from schemas.generation import Generated, Usage
from schemas.jobs import GenerateInput, Subtitled, TranslateInput
from schemas.registry import Data

AI_USAGE = Table("ai_usage")
LOST = "outcome_unknown"


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case JobRequested(input=GenerateInput() | TranslateInput()) as wanted:
            return (_wanted(record, wanted),)
        case JobCompleted(result=Generated() as made):
            return (_made(record, made, made.calls),)
        case JobCompleted(result=Subtitled() as made) if made.provider:
            return (_made(record, made, 1),)
        case JobFailed(input=GenerateInput() | TranslateInput(), retry_at=None) as no:
            return (_failed(record, no.code),)
        case _:
            return ()


def _wanted(record: Record[Data], event: JobRequested) -> Row:
    given = event.input
    return row(
        AI_USAGE,
        record,
        status="asked",
        project_id=event.project_id,
        person_id=event.requested_by.removeprefix("user/"),
        task=given.task if isinstance(given, GenerateInput) else "translate",
        tool=given.tool if isinstance(given, GenerateInput) else "",
        scene=given.scene if isinstance(given, GenerateInput) else "",
    )


def _made(record: Record[Data], made: Generated | Subtitled, calls: int) -> Row:
    usage = made.usage
    return row(
        AI_USAGE,
        record,
        status="answered",
        ended_at=record.envelope.time,
        provider=made.provider,
        model=made.model_name,
        calls=calls,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        cost=_cost(usage),
        currency=usage.currency,
    )


def _failed(record: Record[Data], code: str) -> Row:
    """A lost answer may have cost something; other failures are not worth a row."""
    status = "unknown" if code == LOST else "failed"
    return row(AI_USAGE, record, status=status, ended_at=record.envelope.time)


def _cost(usage: Usage) -> Decimal | None:
    """None for a call without a price; what is no number was never a price."""
    try:
        return None if usage.cost is None else Decimal(usage.cost)
    except InvalidOperation:
        return None
