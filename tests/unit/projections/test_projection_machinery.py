"""Folding rows, joining batches, and a loop that outlives what it depends on."""

import threading

import psycopg
import pytest
from msgspec import structs

from fixtures.fix_records import Chronicle
from projections import serving, sink, writer
from projections.parking import Unprojectable
from projections.plans import Range, Refused, planned
from projections.registry import ANALYTICS
from projections.table import Row, Table, Value, row
from schemas.envelope import Record
from schemas.events.content import ProjectCreated
from schemas.registry import Data
from streams.acceptance import Fence
from streams.positions import Fenced
from streams.reading import Batch
from streams.vitals import Vitals

THINGS = Table("things")
FACTS = Table("facts", once=True)


def named(table: Table, *names: str) -> list[Row]:
    chronicle = Chronicle()
    return [
        row(table, chronicle.record(ProjectCreated(n), "project", "p"), name=n)
        for n in names
    ]


def last(rows: list[Row]) -> dict[str, Value]:
    """The one state that is left of them."""
    (fold,) = writer.folded((("rm",), each) for each in rows)
    (values,) = fold.rows.values()
    return values


def test_the_last_state_of_a_key_counts_and_its_birth_stays() -> None:
    first, second = named(THINGS, "old", "new")
    folded = last([first, second])

    assert folded["name"] == "new"
    assert folded["version"] == 2
    assert folded["created_at"] == first.values["created_at"]


def test_a_column_that_is_not_named_keeps_its_value() -> None:
    first, second = named(THINGS, "kept", "gone")
    values = {k: v for k, v in second.values.items() if k != "name"}

    assert last([first, Row(THINGS, values)])["name"] == "kept"


def test_a_fact_is_never_changed() -> None:
    assert last(named(FACTS, "first", "second"))["name"] == "first"


def batch(start: int, end: int) -> Batch:
    return Batch("t", 0, start, end, (), 0, Fence(), 0)


def test_neighbouring_batches_are_put_in_as_one() -> None:
    joined = sink._joined({}, [batch(0, 3), batch(3, 9)])

    assert [(each.start, each.end) for each in joined.values()] == [(0, 9)]


def test_batches_with_a_gap_are_dropped_and_claimed_again() -> None:
    with pytest.raises(Fenced):
        sink._joined({}, [batch(0, 3), batch(4, 9)])


def test_the_same_range_has_another_token_under_another_claim() -> None:
    first, _ = planned(ANALYTICS.project, batch(0, 3), Fence(), "one")
    again, _ = planned(ANALYTICS.project, batch(0, 3), Fence(), "one")
    other, _ = planned(ANALYTICS.project, batch(0, 3), Fence(), "two")

    assert first.token == again.token != other.token
    assert first.range == Range("t", 0, 0, 3, Fence())


def test_the_hash_of_a_plan_follows_its_rows() -> None:
    chronicle = Chronicle()
    records = tuple(
        chronicle.record(ProjectCreated(name), "project", "p") for name in "ab"
    )
    both = structs.replace(batch(0, 2), records=records)
    one = structs.replace(both, records=records[:1])

    whole, _ = planned(ANALYTICS.project, both, Fence(), "")
    half, _ = planned(ANALYTICS.project, one, Fence(), "")
    but, _ = planned(ANALYTICS.project, both, Fence(), "", {1})

    assert whole.blocks[0].sha256 != half.blocks[0].sha256
    assert whole.rows == 2
    assert but.blocks == half.blocks


def test_a_record_that_the_rules_fail_on_gives_no_rows_and_a_reason() -> None:
    def project(record: Record[Data]) -> list[Row]:
        raise ZeroDivisionError("by a mistake")

    record = Chronicle().record(ProjectCreated("a"), "project", "p")
    one = structs.replace(batch(0, 1), records=(record,))
    plan, (refused,) = planned(project, one, Fence(), "")

    assert not plan.blocks
    assert refused == Refused(record, "ZeroDivisionError: by a mistake")


def test_rows_are_counted_per_bucket_of_offsets() -> None:
    record = Chronicle().record(ProjectCreated("a"), "project", "p")
    records = tuple(
        structs.replace(record, offset=offset) for offset in (9_999, 10_000, 10_001)
    )
    both = structs.replace(batch(9_999, 10_002), records=records)
    plan, _ = planned(ANALYTICS.project, both, Fence(), "")

    parts = plan.blocks[0].parts
    assert [(part.bucket, part.rows) for part in parts] == [(0, 1), (1, 2)]
    assert parts[1].checksum == 2 * parts[0].checksum


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


def test_what_a_loop_waits_for_is_told_until_it_turns_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving, "PAUSE_S", 0.0)
    stop, vitals = threading.Event(), Vitals()
    worker = Stubborn(stop, [serving.NeedsPerson("Do this.")])
    seen = []

    def make() -> Stubborn:
        seen.append(vitals.troubles())
        return worker.make()

    serving.serve(make, stop, vitals)

    assert seen == [{"loop": "has not turned yet"}, {"NeedsPerson": "Do this."}]
    assert vitals.troubles() == {}


def test_an_unknown_error_ends_the_loop() -> None:
    worker = Stubborn(threading.Event(), [Unprojectable("never seen")])

    with pytest.raises(Unprojectable):
        serving.serve(worker.make, worker.stop)
    assert worker.closed == 1
