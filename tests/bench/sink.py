"""The ClickHouse sink: beside its own loop without inserts, and inserts alone."""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeAlias

from clickhouse_connect.driver.client import Client
from msgspec import structs

from fixtures.fix_records import Writer
from fixtures.fix_stack import servers_in
from infra import migrate
from infra.catching_up import log_end, positions, reached
from infra.settings import Settings
from infra.sources import sink_source
from projections import facts
from projections.mending import Insert
from projections.plans import Block, Range
from projections.ranges import reading
from projections.registry import ANALYTICS
from projections.sink import LIMIT, Sink
from projections.table import Projection
from schemas.events.content import ProjectCreated
from streams.acceptance import Fence
from streams.garbage import collect_rarely

Figures: TypeAlias = dict[str, float]

TOTAL = 120_000
# A stream has more than one record, so its partition is known from the one before.
A_STREAM = 4
ROUNDS = 2


def measure(settings: Settings, total: int = TOTAL) -> dict[str, object]:
    """Rates in rows a second of one process; `cpu` is its processor time per row."""
    collect_rarely()
    _fill(settings, total)
    whole, loop = (_best(settings, each) for each in (facts.insert, _nothing))
    with _own(settings, "benchbare") as projection:
        bare = _bare(settings, projection)
    ratios = {
        "sink_to_loop": whole["rows_per_s"] / loop["rows_per_s"],
        "sink_to_loop_by_processor": loop["cpu_us_per_row"] / whole["cpu_us_per_row"],
        "sink_to_bare": whole["rows_per_s"] / bare["rows_per_s"],
    }
    return {
        "sink": whole,
        "loop_without_insert": loop,
        "clickhouse_connect_insert": bare,
        "ratio": ratios,
    }


def _best(settings: Settings, insert: Insert) -> Figures:
    """Of some rounds, since others may use the machine, too."""
    found = []
    for number in range(ROUNDS):
        with _own(settings, f"bench{number}") as projection:
            found.append(_run(settings, projection, insert))
    return max(found, key=lambda each: each["rows_per_s"])


def _fill(settings: Settings, total: int) -> None:
    log = Writer(settings.need("kafka"), settings.partitions)
    for start in range(0, total, 5_000):
        log.append(
            log.record(
                ProjectCreated(f"Spring campaign {n}"), "project", f"b{n // A_STREAM}"
            )
            for n in range(start, min(start + 5_000, total))
        )


def _nothing(_client: Client, _own: Projection, _block: Block, _body: bytes) -> None:
    """In the place of an insert."""


@contextmanager
def _own(settings: Settings, label: str) -> Iterator[Projection]:
    projection = structs.replace(ANALYTICS, label=label)
    with (
        closing(migrate.analyst_store(settings)) as store,
        migrate.connect(settings) as connection,
    ):
        facts.create(store, projection)
        migrate.forget_facts(connection, projection.reader)
        try:
            yield projection
        finally:
            facts.drop(store, projection)
            migrate.forget_facts(connection, projection.reader)


def _run(settings: Settings, projection: Projection, insert: Insert) -> Figures:
    """Without the first batch, and without the last one, which waits for more."""
    source = sink_source(settings, group="bench")
    ends = log_end(source.kafka)
    end = sum(ends.values()) - LIMIT
    with (
        migrate.connect(settings) as connection,
        closing(Sink(source, projection, insert=insert)) as sink,
    ):

        def done() -> int:
            there = positions(connection, [projection.reader])
            return reached(there.get(projection.reader, {}), ends)

        while not done():
            sink.step()
        return _timed(lambda: _drain(sink, done, end))


def _drain(sink: Sink, done: Callable[[], int], end: int) -> int:
    """How many records were passed."""
    before = done()
    while done() < end:
        sink.step()
    return done() - before


def _bare(settings: Settings, projection: Projection) -> Figures:
    """The rows are there already; only the client's own inserts are timed."""
    with reading(settings.need("kafka")) as read:
        records = [
            record
            for place, end in log_end(settings.need("kafka")).items()
            if end
            for record in read(Range(*place, 0, end, Fence())).records
        ]
    rows = [
        tuple(row.values.values())
        for record in records
        for row in ANALYTICS.project(record)
        if row.table.name == "events"
    ]
    names = next(
        list(row.values) for record in records for row in ANALYTICS.project(record)
    )
    table = facts.name_of(projection, "events")
    with closing(migrate.analyst_store(settings)) as store:
        store.insert(table, rows[:10], column_names=names)

        def insert() -> int:
            for start in range(0, len(rows), LIMIT):
                part = rows[start : start + LIMIT]
                store.insert(table, part, column_names=names)
            return len(rows)

        return _timed(insert)


def _timed(work: Callable[[], int]) -> Figures:
    """`work` answers how many rows it did."""
    began, cpu = time.perf_counter(), time.process_time()
    rows = work()
    wall, used = time.perf_counter() - began, time.process_time() - cpu
    return {
        "rows_per_s": round(rows / wall),
        "cpu_us_per_row": round(used / rows * 1e6, 2),
    }


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="contentops-bench-") as folder,
        servers_in(Path(folder)) as settings,
    ):
        sys.stdout.write(json.dumps(measure(settings), indent=2) + "\n")


if __name__ == "__main__":
    main()
