"""Answers of models: those objected to, and a share of the others, go to the queue."""

from collections.abc import Iterable, Iterator

from ai_adapter.moderation.words import objections, versions
from schemas.commands.moderation import RecordJudgement
from schemas.envelope import Record
from schemas.events.job import JobCompleted
from schemas.generation import Generated
from schemas.ids import derived, moderation_id
from schemas.moderation import Flag
from schemas.registry import Data
from streams.reactions.reaction import Reaction

SHARE = 100
"""One harmless answer in so many is looked at by a person."""
_LONGEST = 16_000


def react(record: Record[Data]) -> Iterable[Reaction]:
    match record.data:
        case JobCompleted(result=Generated() as made, reused=""):
            yield from _judged(record, made)
        case _:
            return


def _judged(record: Record[Data], made: Generated) -> Iterator[Reaction]:
    text = "\n\n".join(made.output)[:_LONGEST]
    flags = tuple(_flags(text, made))
    drawn = int(derived("sample", record.envelope.id)[:8], 16) % SHARE == 0
    if not text or not (flags or drawn):
        return
    wish = RecordJudgement(
        what="output",
        subject=f"job/{record.subject_id}",
        text=text,
        ruling="flag" if flags else "allow",
        flags=flags,
        by=(*versions(""), "guard"),
        sampled=drawn,
    )
    yield Reaction(wish, moderation_id(record.tenant, "", text))


def _flags(text: str, made: Generated) -> Iterator[Flag]:
    """A draft goes nowhere by itself, so nothing here blocks."""
    for each in objections(text):
        if each.severity == "block":
            yield Flag(each.word, each.category, "flag", each.source)
    for rule in made.verdict_rules if made.verdict == "mark" else ():
        yield Flag("", rule, "flag", "guard")
