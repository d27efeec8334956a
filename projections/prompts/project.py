"""Prompts: each with its labels, and every version with its words."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.prompt import PromptCreated, PromptLabelled, PromptVersionAdded
from schemas.prompts import PromptText
from schemas.registry import Data

PROMPTS = Table("prompts")
VERSIONS = Table("prompt_versions", json=frozenset({"text"}))


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case PromptCreated() as made:
            return (_created(record, made), _version(record, 1, made.text, made.note))
        case PromptVersionAdded(number=number, text=text, note=note):
            head = row(PROMPTS, record, newest=number, draft=number)
            return (head, _version(record, number, text, note))
        case PromptLabelled(label="live", number=number):
            return (row(PROMPTS, record, live=number),)
        case PromptLabelled(number=number):
            return (row(PROMPTS, record, draft=number),)
        case _:
            return ()


def _created(record: Record[Data], event: PromptCreated) -> Row:
    return row(
        PROMPTS,
        record,
        name=event.name,
        project_id=event.project_id,
        newest=1,
        draft=1,
        live=0,
    )


def _version(record: Record[Data], number: int, text: PromptText, note: str) -> Row:
    return row(
        VERSIONS,
        record,
        id=f"{record.subject_id}:{number}",
        prompt_id=record.subject_id,
        number=number,
        text=text,
        note=note,
        by=record.envelope.auth_id,
    )
