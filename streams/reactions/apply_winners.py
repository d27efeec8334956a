"""The version of an arm that a person let win becomes the live one of its prompt."""

from collections.abc import Iterable

from schemas.commands.prompt import LabelPrompt
from schemas.envelope import Record
from schemas.events.experiment import ExperimentDecided
from schemas.registry import Data
from streams.reactions.reaction import Reaction


def react(record: Record[Data]) -> Iterable[Reaction]:
    match record.data:
        case ExperimentDecided(prompt_id=prompt_id, number=number) if number:
            yield Reaction(LabelPrompt("live", number), prompt_id)
        case _:
            return
