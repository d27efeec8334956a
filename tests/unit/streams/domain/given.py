"""Given events, when a command, then an event, nothing or a refusal."""

from functools import reduce

import pytest
from msgspec import Struct

from streams.domain.registry import RULES
from streams.domain.rejected import Rejected


def after(aggregate: str, *events: Struct) -> Struct:
    rules = RULES[aggregate]
    return reduce(rules.evolve, events, rules.initial)


def when(aggregate: str, command: Struct, *events: Struct) -> Struct | None:
    return RULES[aggregate].decide(command, after(aggregate, *events))


def refused(aggregate: str, command: Struct, *events: Struct) -> Rejected:
    with pytest.raises(Rejected) as found:
        when(aggregate, command, *events)
    return found.value
