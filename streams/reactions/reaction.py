"""What a reaction answers: a command and the stream it is meant for."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from msgspec import Struct

from schemas.envelope import Record
from schemas.registry import Command, Data


class Reaction(Struct, frozen=True):
    """`mark` comes from the event and tells two like commands to one stream apart."""

    data: Command
    aggregate_id: str
    mark: str = ""


React: TypeAlias = Callable[[Record[Data]], Iterable[Reaction]]
