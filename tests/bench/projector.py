"""The Postgres projector: beside a peer, beside its own loop without the writes.

One topic into one table: the columns and indexes of `projects`, every key twice.
"""

import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import psycopg
from msgspec import structs

from fixtures.fix_records import Writer
from fixtures.fix_stack import servers_in
from infra import migrate
from infra.catching_up import log_end
from infra.settings import Settings
from projections import install
from projections.building import Builder
from projections.registry import PROJECTIONS
from projections.runner import Projector, Source
from projections.table import Projection
from projections.writer import Folded
from schemas.events.content import ProjectCreated
from schemas.topics import CONTENT
from streams.garbage import collect_rarely
from tests.bench import peers

Figures: TypeAlias = dict[str, float]

TOTAL = 40_000
PROJECTS = next(each for each in PROJECTIONS if each.name == "projects")


def measure(settings: Settings, cache: Path, total: int = TOTAL) -> dict[str, object]:
    """Rates in records a second; `cpu` is processor time of the client per event."""
    collect_rarely()
    fill(settings, total)
    with own_table(settings, "benchlive") as projection:
        live = _live(settings, projection, total)
    with own_table(settings, "benchbuild") as projection:
        built = _built(settings, projection, total, written=True)
    with own_table(settings, "benchloop") as projection:
        loop = _built(settings, projection, total, written=False)
    peer = _peer(settings, cache, total)
    copied = _copied(settings, total)
    return {
        "live": live,
        "quix": peer,
        "rebuild": built,
        "rebuild_without_writes": loop,
        "bare_copy": copied,
        "ratio": {
            "live_to_quix": live["rows_per_s"] / peer["rows_per_s"],
            "cpu_to_quix": live["cpu_us_per_event"] / peer["cpu_us_per_event"],
            "rebuild_to_loop": built["rows_per_s"] / loop["rows_per_s"],
        },
    }


def fill(settings: Settings, total: int) -> None:
    log = Writer(settings.need("kafka"), settings.partitions)
    for start in range(0, total, 5_000):
        log.append(
            log.record(
                ProjectCreated(f"Spring campaign {n}"),
                "project",
                f"p{n % (total // 2)}",
            )
            for n in range(start, min(start + 5_000, total))
        )


@contextmanager
def own_table(settings: Settings, label: str) -> Iterator[Projection]:
    """The table of projects in a schema of its own, unknown to the registry."""
    projection = structs.replace(PROJECTS, label=label)
    with migrate.connect(settings) as owner:
        with owner.transaction():
            install.create(owner, projection)
        try:
            yield projection
        finally:
            with owner.transaction():
                install.drop(owner, projection)


def _live(settings: Settings, projection: Projection, total: int) -> Figures:
    source = Source(settings.need("kafka"), settings.dsn("projector"), group="bench")
    with closing(Projector(source, [projection])) as projector:
        end = sum(log_end(settings.need("kafka")).values())
        done = _passed(settings, projection)
        while not done():
            projector.read()
        began, cpu = time.perf_counter(), time.process_time()
        while done() < end:
            projector.read()
        return _figures(total, began, cpu)


def _passed(settings: Settings, projection: Projection) -> Callable[[], int]:
    connection = psycopg.connect(settings.dsn("projector"), autocommit=True)
    query = (
        "SELECT coalesce(sum(next_offset), 0) FROM coordination.positions"
        " WHERE reader = %s"
    )

    def passed() -> int:
        row = connection.execute(query, (projection.reader,)).fetchone()
        return int(row[0]) if row else 0

    return passed


def _built(
    settings: Settings, projection: Projection, total: int, *, written: bool
) -> Figures:
    """From the first read on; the consumer's start is not charged."""
    options = "-c synchronous_commit=off"
    with psycopg.connect(
        settings.dsn("projector"), autocommit=True, options=options, prepare_threshold=0
    ) as connection:
        kafka = settings.need("kafka")
        builder = (Builder if written else Loop)(
            kafka, connection, [projection], lambda *_: False, (CONTENT.events.name,)
        )
        with closing(builder):
            ends = {
                place: end
                for place, end in log_end(kafka).items()
                if place[0] == CONTENT.events.name
            }
            began, cpu = time.perf_counter(), time.process_time()
            builder.run(ends)
            return _figures(total, began, cpu)


class Loop(Builder):
    """Reads, decodes, folds and makes rows plain; Postgres is left out."""

    def _commit(self, batches: object, found: list[Folded]) -> None:
        for fold in found:
            self._writer._shapes(fold)


def _figures(total: int, began: float, cpu: float) -> Figures:
    return {
        "rows_per_s": round(total / (time.perf_counter() - began)),
        "cpu_us_per_event": round(1e6 * (time.process_time() - cpu) / total, 2),
    }


def _peer(settings: Settings, cache: Path, total: int) -> Figures:
    python = peers.environment(cache, "quix", peers.QUIX)
    with own_table(settings, "benchquix") as projection:
        return peers.quix(
            python,
            settings.need("kafka"),
            CONTENT.events.name,
            settings.dsn("owner"),
            (projection.schema, "projects"),
            total,
        )


def _copied(settings: Settings, total: int) -> Figures:
    """What Postgres takes when a file is all there is to read."""
    moment = datetime.now(UTC).isoformat()
    text = io.StringIO()
    for n in range(total):
        text.write(f"acme\tp{n}\t1\te{n}\t{moment}\t{moment}\tSpring {n}\n")
    with (
        own_table(settings, "benchcopy") as projection,
        psycopg.connect(settings.dsn("owner")) as connection,
        connection.cursor() as cursor,
    ):
        began, cpu = time.perf_counter(), time.process_time()
        with cursor.copy(f"COPY {projection.schema}.projects FROM STDIN") as copy:
            copy.write(text.getvalue())
        connection.commit()
        return _figures(total, began, cpu)


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="contentops-bench-") as folder,
        servers_in(Path(folder)) as settings,
    ):
        found = measure(settings, Path(tempfile.gettempdir()) / "contentops-bench")
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
