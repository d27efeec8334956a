"""Folding rows, joining batches, and a loop that outlives what it depends on."""

import threading

import psycopg
import pytest
from msgspec import structs

from fixtures.fix_records import Chronicle
from projections import serving, sink, writer
from projections.parking import Unprojectable
from projections.plans import Range, planned
from projections.registry import ANALYTICS
from projections.table import Row, Table, row
from schemas.events.content import ProjectCreated
from streams.acceptance import Fence
from streams.positions import Fenced
from streams.reading import Batch

THINGS = Table("things")
FACTS = Table("facts", once=True)


def named(table: Table, *names: str) -> list[tuple[str, Row]]:
    chronicle = Chronicle()
    return [
        ("rm", row(table, chronicle.record(ProjectCreated(n), "project", "p"), name=n))
        for n in names
    ]


def test_the_last_state_of_a_key_counts_and_its_birth_stays() -> None:
    first, second = named(THINGS, "old", "new")
    ((_, folded),) = writer._folded([first, second])

    assert folded.values["name"] == "new"
    assert folded.values["version"] == 2
    assert folded.values["created_at"] == first[1].values["created_at"]


def test_a_column_that_is_not_named_keeps_its_value() -> None:
    first, second = named(THINGS, "kept", "gone")
    values = {k: v for k, v in second[1].values.items() if k != "name"}
    ((_, folded),) = writer._folded([first, ("rm", Row(THINGS, values))])

    assert folded.values["name"] == "kept"


def test_a_fact_is_never_changed() -> None:
    ((_, folded),) = writer._folded(named(FACTS, "first", "second"))

    assert folded.values["name"] == "first"


def batch(start: int, end: int) -> Batch:
    return Batch("t", 0, start, end, (), 0, Fence(), 0)


def test_neighbouring_batches_are_put_in_as_one() -> None:
    joined = sink._joined({}, [batch(0, 3), batch(3, 9)])

    assert [(each.start, each.end) for each in joined.values()] == [(0, 9)]


def test_batches_with_a_gap_are_dropped_and_claimed_again() -> None:
    with pytest.raises(Fenced):
        sink._joined({}, [batch(0, 3), batch(4, 9)])


def test_the_same_range_has_another_token_under_another_claim() -> None:
    first = planned(ANALYTICS, batch(0, 3), Fence(), "one")
    again = planned(ANALYTICS, batch(0, 3), Fence(), "one")
    other = planned(ANALYTICS, batch(0, 3), Fence(), "two")

    assert first.token == again.token != other.token
    assert first.range == Range("t", 0, 0, 3, Fence())


def test_the_hash_of_a_plan_follows_its_rows() -> None:
    chronicle = Chronicle()
    records = tuple(
        chronicle.record(ProjectCreated(name), "project", "p") for name in "ab"
    )
    both = structs.replace(batch(0, 2), records=records)
    one = structs.replace(both, records=records[:1])

    assert (
        planned(ANALYTICS, both, Fence(), "").sha256
        != planned(ANALYTICS, one, Fence(), "").sha256
    )
    assert planned(ANALYTICS, both, Fence(), "").counts == {"events": 2}


class Stubborn:
    """Fails as told, then stops the loop."""

    def __init__(self, stop: threading.Event, failures: list[Exception]) -> None:
        self.stop = stop
        self.failures = failures
        self.made = 0
        self.closed = 0

    def make(self) -> "Stubborn":
        self.made += 1
        return self

    def step(self) -> None:
        if self.failures:
            raise self.failures.pop()
        self.stop.set()

    def close(self) -> None:
        self.closed += 1


def test_a_loop_outlives_missing_tables_and_servers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "PAUSE_S", 0.0)
    stop = threading.Event()
    worker = Stubborn(
        stop, [psycopg.errors.UndefinedTable("x"), psycopg.OperationalError("y")]
    )
    serving.serve(worker.make, stop)

    assert (worker.made, worker.closed) == (3, 3)


def test_an_unknown_error_ends_the_loop() -> None:
    worker = Stubborn(threading.Event(), [Unprojectable("never seen")])

    with pytest.raises(Unprojectable):
        serving.serve(worker.make, worker.stop)
    assert worker.closed == 1
