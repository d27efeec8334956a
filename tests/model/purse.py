"""Rules in which order and repetition show: a purse that may not go below zero.

They travel in the records of a project, so nothing of the real decider is replaced
but the rules, and two owners can run different ones, as in a rolling deploy.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

from msgspec import Struct

from schemas.commands.content import CreateProject
from schemas.events.content import ProjectCreated
from streams.domain.registry import Rules
from streams.domain.rejected import Rejected


class Purse(Struct, frozen=True):
    balance: int = 5


def rules(build: int) -> Rules:
    """`build` 1 counts every amount twice; both read the events alike."""
    return cast(
        Rules,
        SimpleNamespace(initial=Purse(), decide=_decide(build), evolve=evolve),
    )


def evolve(purse: Struct, event: Struct) -> Purse:
    assert isinstance(purse, Purse)
    assert isinstance(event, ProjectCreated)
    return Purse(purse.balance + int(event.name))


def _decide(build: int) -> Callable[[Struct, Struct], Struct | None]:
    def decide(command: Struct, purse: Struct) -> Struct | None:
        assert isinstance(command, CreateProject)
        assert isinstance(purse, Purse)
        amount = int(command.name) * (1 + build)
        if not amount:
            return None
        if purse.balance + amount < 0:
            raise Rejected("conflict", "purse_empty")
        return ProjectCreated(str(amount))

    return decide
