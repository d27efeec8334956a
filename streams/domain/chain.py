"""Rules of a chain: its steps have versions; runs keep the version they began with."""

from msgspec import Struct

from schemas.chains import Step
from schemas.commands.chain import ChainCommand
from schemas.events.chain import ChainDefined, ChainEvent
from streams.domain.rejected import Rejected

MOST_STEPS = 10


class Chain(Struct, frozen=True):
    """`number` is 0 before the first version."""

    name: str = ""
    steps: tuple[Step, ...] = ()
    number: int = 0


initial = Chain()


def decide(command: ChainCommand, chain: Chain) -> ChainEvent | None:
    if not 1 <= len(command.steps) <= MOST_STEPS:
        detail = f"A chain has 1 to {MOST_STEPS} steps."
        raise Rejected("invalid", "steps_count", detail, pointer="/steps")
    if (command.name, command.steps) == (chain.name, chain.steps):
        return None
    return ChainDefined(command.name, chain.number + 1, command.steps)


def evolve(_chain: Chain, event: ChainEvent) -> Chain:
    return Chain(event.name, event.steps, event.number)
