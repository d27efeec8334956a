"""Every example of every event is a row that Postgres and ClickHouse take."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from fixtures.fix_examples import EXAMPLES, of_events, text, wire_of
from fixtures.fix_read_side import projector_source, running
from fixtures.fix_records import Writer, eventually
from infra import migrate
from infra.settings import Settings
from infra.sources import sink_source
from projections import feeding, runner
from schemas.envelope import Record
from schemas.ids import derived
from schemas.observations import MetricsObserved
from schemas.registry import Data, decode, wire_name

PARKED = (
    "SELECT event_id, reader, reason FROM coordination.parked WHERE event_id = ANY(%s)"
)
SHOWN = "SELECT count(DISTINCT id) FROM read.history WHERE id = ANY(%s)"
FACTS = "SELECT count() FROM contentops.events WHERE event_id IN {ids:Array(String)}"
METRICS = (
    "SELECT count() FROM contentops.publication_metrics "
    "WHERE event_id IN {ids:Array(String)}"
)


def told(writer: Writer, mark: str) -> Iterator[Record[Data]]:
    """Each example in a stream of its own, as if nothing had been before."""
    for file, aggregate, data in of_events():
        yield writer.record(data, aggregate, derived("example", mark, file))
    for file in EXAMPLES:
        if wire_of(file) == wire_name(MetricsObserved):
            data = decode(wire_of(file), text(file))
            yield writer.record(data, "publication", derived("example", mark, file))


@pytest.fixture
def written(written_stack: Settings) -> list[Record[Data]]:
    writer = Writer(written_stack.need("kafka"))
    return writer.append(told(writer, str(written_stack.data)))


def test_every_example_is_stored_and_none_is_parked(
    written_stack: Settings, written: list[Record[Data]]
) -> None:
    seen = [r.envelope.id for r in written if isinstance(r.data, MetricsObserved)]
    ids = [r.envelope.id for r in written if r.envelope.id not in seen]
    with (
        running(lambda stop: runner.run(projector_source(written_stack), stop)),
        running(lambda stop: feeding.run(sink_source(written_stack), stop)),
        psycopg.connect(written_stack.dsn("owner"), autocommit=True) as rows,
        closing(migrate.analyst_store(written_stack)) as store,
    ):

        def all_there() -> bool:
            shown = rows.execute(SHOWN, (ids,)).fetchone()
            facts = store.query(FACTS, {"ids": [*ids, *seen]}).first_row[0]
            metrics = store.query(METRICS, {"ids": seen}).first_row[0]
            return (shown, facts, metrics) == ((len(ids),), len(written), len(seen))

        eventually(all_there)
        assert rows.execute(PARKED, ([*ids, *seen],)).fetchall() == []
