"""What every registered projection promises; a new one is tested by being registered.

`FakeTables` keeps the rules that Postgres keeps (see `projections/writer.py`); an
integration test compares the two on the same history.
"""

import random
from collections import defaultdict
from collections.abc import Iterable

import pytest

from fixtures.fix_ai_story import ai_story
from fixtures.fix_read_side import FakeTables
from fixtures.fix_records import Chronicle, example, story
from projections.registry import ANALYTICS, PROJECTIONS
from projections.table import Projection, Table, row
from schemas.envelope import Record
from schemas.observations import AnswersGiven, MetricsObserved
from schemas.registry import EVENTS_OF, Data

EVERY = pytest.mark.parametrize(
    "projection", [*PROJECTIONS, ANALYTICS], ids=lambda each: each.name
)
KINDS = [(name, kind) for name, kinds in EVENTS_OF.items() for kind in kinds]
KINDS += [("publication", MetricsObserved), ("answers", AnswersGiven)]


def history() -> list[Record[Data]]:
    chronicle = Chronicle()
    return [
        record
        for tenant in ("acme", "globex")
        for mark in "123"
        for tell in (story, ai_story)
        for record in tell(chronicle, tenant, mark)
    ]


def state(projection: Projection, *histories: Iterable[Record[Data]]) -> bytes:
    tables = FakeTables()
    for each in histories:
        tables.apply(projection, each)
    return tables.state()


def shuffled(records: list[Record[Data]], seed: int) -> list[Record[Data]]:
    """Any order that keeps each partition's own, as many partitions are read."""
    places: dict[tuple[str, int], list[Record[Data]]] = defaultdict(list)
    for record in records:
        places[record.topic, record.partition].append(record)
    draw = random.Random(seed)
    queues = [list(reversed(queue)) for queue in places.values()]
    mixed = []
    while queues:
        queue = draw.choice(queues)
        mixed.append(queue.pop())
        queues = [each for each in queues if each]
    return mixed


@EVERY
def test_the_history_twice_is_the_history_once(projection: Projection) -> None:
    records = history()

    assert state(projection, records, records) == state(projection, records)


@EVERY
@pytest.mark.parametrize("seed", range(5))
def test_any_interleaving_of_families_gives_the_same_rows(
    projection: Projection, seed: int
) -> None:
    records = history()

    assert state(projection, shuffled(records, seed)) == state(projection, records)


def test_a_row_written_from_two_streams_would_be_noticed() -> None:
    """The same check refuses a projection that breaks the rule."""
    latest = Table("latest", key=("tenant",))

    def project(record: Record[Data]) -> Iterable[object]:
        return [row(latest, record, text=record.envelope.type)]

    broken = Projection("broken", (latest,), project)
    records = history()

    assert any(
        state(broken, shuffled(records, seed)) != state(broken, records)
        for seed in range(5)
    )


@EVERY
@pytest.mark.parametrize(
    ("aggregate", "kind"), KINDS, ids=[kind.__name__ for _, kind in KINDS]
)
def test_every_event_type_is_taken(
    projection: Projection, aggregate: str, kind: type
) -> None:
    record = Chronicle().record(example(kind), aggregate, "one")

    for each in projection.project(record):
        assert each.table in projection.tables
        assert each.values["tenant"] == "acme"
        assert all(name in each.values for name in each.table.key)


@EVERY
def test_a_projection_is_a_folder_with_its_tables(projection: Projection) -> None:
    text = (projection.folder / "table.sql").read_text()

    assert (projection.folder / "project.py").exists()
    for table in projection.tables:
        assert f" {table.name}\n" in text or f" {table.name} (" in text


def test_names_and_tables_are_used_once() -> None:
    names = [each.name for each in (*PROJECTIONS, ANALYTICS)]
    tables = [table.name for each in PROJECTIONS for table in each.tables]

    assert len(names) == len(set(names))
    assert len(tables) == len(set(tables))


@EVERY
def test_something_in_the_business_is_shown(projection: Projection) -> None:
    tables = FakeTables()
    tables.apply(projection, history())

    assert set(tables.rows) == {table.name for table in projection.tables} - {"users"}
