"""Every example of every version through every projection, decider and reaction.

A registry in which each event has an older version shows that what an older build wrote
gets there too, through its upcast.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import reduce

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct, structs

from fixtures.fix_examples import EXAMPLES, drawn, of_events, text, wire_of
from fixtures.fix_records import Chronicle
from projections.registry import ANALYTICS, PROJECTIONS
from projections.table import Row
from schemas.envelope import Record
from schemas.observations import AnswersGiven, MetricsObserved
from schemas.registry import (
    CURRENT,
    EVENTS_OF,
    REGISTRY,
    Data,
    Registry,
    wire_name,
)
from schemas.upcasts import UPCASTS, Upcast, upcast
from streams.domain.registry import RULES
from streams.reactions.registry import REACTIONS
from streams.reactor import commands

EVENTS = {kind: aggregate for aggregate, kinds in EVENTS_OF.items() for kind in kinds}
FILES = [(file, aggregate) for file, aggregate, _ in of_events()]
FILES += [
    (file, "publication")
    for file in EXAMPLES
    if wire_of(file) in {wire_name(MetricsObserved), wire_name(AnswersGiven)}
]
# They take whatever happens; being in these alone is being nowhere.
EVERYTHING = {"history", "changes", "operations"}
# Of the installation and not of a tenant: metrics and alerts show how models are doing.
NOT_SHOWN = {
    "io.contentops.model.health_changed.v1",
    "io.contentops.model.ending_announced.v1",
    "io.contentops.model.unpriced.v1",
}
EVERY = pytest.mark.parametrize(("file", "aggregate"), FILES)
DECIDED = pytest.mark.parametrize(
    ("file", "aggregate"), [(file, name) for file, name, _ in of_events()]
)


def earlier(name: str) -> str:
    """As if there had been a version before the first."""
    return name.replace(".v1", ".v0")


def step(kind: type[Struct]) -> Upcast:
    """An older version in which everything lay one level deeper."""
    fields = [("body", kind)]
    tag = earlier(wire_name(kind))
    old = msgspec.defstruct(f"{kind.__name__}V0", fields, tag=tag, frozen=True)

    def change(found: Struct) -> Struct:
        body: Struct = found.body  # type: ignore[attr-defined]
        return body

    return upcast(old, change)


AGED = Registry(CURRENT, (*UPCASTS, *(step(kind) for kind in EVENTS)))


def aged(file: str) -> Data:
    """The same fact, read from what an older build would have written."""
    return AGED.decode(earlier(wire_of(file)), b'{"body":' + text(file) + b"}")


def record(file: str, aggregate: str) -> Record[Data]:
    return Chronicle().record(
        REGISTRY.decode(wire_of(file), text(file)), aggregate, "it"
    )


def rows(found: Record[Data]) -> list[Row]:
    return [
        row
        for projection in (*PROJECTIONS, ANALYTICS)
        for row in projection.project(found)
    ]


def test_there_is_an_example_of_every_event_for_everyone() -> None:
    shown = {type(data) for _, _, data in of_events()}

    assert shown == set(EVENTS)


@EVERY
def test_every_projection_takes_every_example(file: str, aggregate: str) -> None:
    found = record(file, aggregate)
    made = rows(found)

    assert rows(found) == made
    for projection in (*PROJECTIONS, ANALYTICS):
        for row in projection.project(found):
            assert row.table in projection.tables
            assert None not in row.key


def test_no_event_is_forgotten_by_everyone() -> None:
    """A new type has a row of its own somewhere, or a reason to be named here."""
    shown = {
        wire_name(type(data))
        for file, aggregate, data in of_events()
        for projection in PROJECTIONS
        if projection.name not in EVERYTHING
        for _ in projection.project(record(file, aggregate))
    }

    assert {wire_name(kind) for kind in EVENTS} - shown == NOT_SHOWN


@DECIDED
def test_an_old_version_gives_the_same_rows_through_its_upcast(
    file: str, aggregate: str
) -> None:
    today = record(file, aggregate)

    assert aged(file) == today.data
    assert rows(structs.replace(today, data=aged(file))) == rows(today)


@DECIDED
def test_every_decider_takes_every_example_in_every_version(
    file: str, aggregate: str
) -> None:
    rules = RULES[aggregate]
    told = (data for _, name, data in of_events() if name == aggregate)
    for before in (rules.initial, reduce(rules.evolve, told, rules.initial)):
        today = rules.evolve(before, REGISTRY.decode(wire_of(file), text(file)))

        assert type(today) is type(rules.initial)
        assert rules.evolve(before, aged(file)) == today


@DECIDED
def test_every_reaction_to_every_example_is_the_same_twice(
    file: str, aggregate: str
) -> None:
    found = record(file, aggregate)
    once, again = wishes(found, 1), wishes(found, 2)

    assert [each.envelope.id for each in once] == [each.envelope.id for each in again]
    assert [each.data for each in once] == [each.data for each in again]
    assert len({each.envelope.id for each in once}) == len(once)
    for wish in once:
        assert wish.envelope.cause == found.envelope.id
        assert REGISTRY.checked(wish.data)


def wishes(found: Record[Data], day: int) -> list[Record[Data]]:
    """On another day a reaction asks for the same, under the same ids."""
    clock: Callable[[], datetime] = lambda: datetime(2026, 3, day, tzinfo=UTC)  # noqa: E731
    return list(commands(found, REACTIONS, clock))


@pytest.mark.parametrize("kind", EVENTS, ids=wire_name)
@given(draw=st.data())
@settings(max_examples=5, deadline=None)
def test_whatever_an_event_says_is_projected_evolved_and_reacted_to(
    kind: type[Struct], draw: st.DataObject
) -> None:
    data = draw.draw(drawn(kind))
    aggregate = EVENTS[kind]
    found = Chronicle().record(data, aggregate, "it")

    rows(found)
    RULES[aggregate].evolve(RULES[aggregate].initial, data)
    for wish in wishes(found, 1):
        assert REGISTRY.checked(wish.data)
