"""A soft limit that a call has passed is told of once, as a fact of its own."""

from collections.abc import Iterable

from schemas.commands.budget import WarnBudget
from schemas.envelope import Record
from schemas.events.budget import BudgetReserved
from schemas.registry import Data
from streams.reactions.reaction import Reaction


def react(record: Record[Data]) -> Iterable[Reaction]:
    match record.data:
        case BudgetReserved(reached=reached):
            for place, each in enumerate(reached):
                wish = WarnBudget(reached=each)
                yield Reaction(wish, record.subject_id, mark=str(place))
        case _:
            return
