"""Every read model rebuilt, verified, switched and switched back while it is read.

`python -m tests.bench.bluegreen [--rate 500] [--before 20000]` starts servers of its
own and prints what a reader that polls every ten milliseconds saw.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from rich.console import Console

from fixtures.fix_read_side import projector_source, running
from fixtures.fix_records import Writer, story
from fixtures.fix_stack import servers_in
from infra import migrate, rebuild, switching
from infra.settings import Settings
from projections import runner
from projections.registry import PROJECTIONS

POLL_S = 0.01
# Tables with a version, whose rows are never pruned.
TABLES = tuple(
    table.name for each in PROJECTIONS for table in each.tables if not table.keep_days
)
LOOK = """
SELECT count(*), coalesce(sum(version), 0), coalesce(max(version), 0) FROM read.{}
WHERE tenant = %s
"""


@dataclass
class Watch:
    """What a reader saw: rows and versions may only ever grow."""

    looks: int = 0
    slowest_ms: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def follow(self, settings: Settings, tenant: str, stop: threading.Event) -> None:
        seen: dict[str, tuple[int, ...]] = {}
        with psycopg.connect(
            settings.dsn("owner"), autocommit=True, prepare_threshold=None
        ) as connection:
            while not stop.is_set():
                for table in TABLES:
                    self._look(connection, table, tenant, seen)
                    stop.wait(POLL_S / len(TABLES))

    def _look(
        self,
        connection: psycopg.Connection[tuple[object, ...]],
        table: str,
        tenant: str,
        seen: dict[str, tuple[int, ...]],
    ) -> None:
        began = time.perf_counter()
        try:
            row = connection.execute(LOOK.format(table), (tenant,)).fetchone()
        except psycopg.Error as failed:
            self.wrong.append(f"{table}: {failed}")
            return
        self.slowest_ms = max(self.slowest_ms, 1000 * (time.perf_counter() - began))
        now = tuple(int(str(each)) for each in row or ())
        before = seen.get(table, (0, 0, 0))
        if any(new < old for new, old in zip(now, before, strict=True)):
            self.wrong.append(f"{table}: {before} became {now}")
        seen[table] = now
        self.looks += 1


class Load:
    """Whole businesses, told at a rate of records a second, until stopped."""

    def __init__(self, log: Writer, tenant: str, rate: int) -> None:
        self._log, self._tenant, self._rate = log, tenant, rate
        self.records = 0
        self.seconds = 0.0

    def run(self, stop: threading.Event) -> None:
        began = time.monotonic()
        while not stop.is_set():
            sent = self._log.append(
                story(self._log, self._tenant, f"load {self.records}")
            )
            self.records += len(sent)
            ahead = self.records / self._rate - (time.monotonic() - began)
            stop.wait(max(ahead, 0))
        self.seconds = time.monotonic() - began


def switch_all(settings: Settings, say: Callable[[str], None]) -> dict[str, float]:
    """Rebuild, verify, switch, switch back; seconds of each."""
    took: dict[str, float] = {}

    def timed(name: str, step: Callable[[], object]) -> None:
        began = time.monotonic()
        step()
        took[name] = round(time.monotonic() - began, 2)

    def each(step: Callable[[str], object]) -> None:
        for projection in PROJECTIONS:
            step(projection.name)

    with migrate.connect(settings) as connection:
        timed("rebuild", lambda: rebuild.beside(settings, connection, PROJECTIONS, say))
    timed("verify", lambda: each(lambda name: _equal(settings, name, say)))
    timed("switch", lambda: each(lambda name: switching.switch(settings, name, say)))
    back = {each.name: _retiring(settings, each.name) for each in PROJECTIONS}
    timed(
        "back",
        lambda: each(lambda name: switching.switch(settings, name, say, to=back[name])),
    )
    return took


def _equal(settings: Settings, name: str, say: Callable[[str], None]) -> None:
    said: list[str] = []
    aside = Console(file=sys.stderr)
    assert switching.verify(settings, name, said.append, aside), "\n".join(said)
    say(said[-1])


def _retiring(settings: Settings, name: str) -> int:
    return next(
        each.version.number
        for each in switching.standings(settings)
        if each.version.name == name and each.version.state == "retiring"
    )


def under_load(
    settings: Settings,
    log: Writer,
    tenant: str,
    rate: int,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, object]:
    """The projector runs, records come, a reader looks; all versions change twice."""
    watch, load, stop = Watch(), Load(log, tenant, rate), threading.Event()
    source = projector_source(settings)
    threads = [
        threading.Thread(target=watch.follow, args=(settings, tenant, stop)),
        threading.Thread(target=load.run, args=(stop,)),
    ]
    with running(lambda halt: runner.run(source, halt)):
        for thread in threads:
            thread.start()
        try:
            took = switch_all(settings, say)
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)
    return {
        "read_models": len(PROJECTIONS),
        "records": load.records,
        "records_per_s": round(load.records / max(load.seconds, 0.001)),
        "seconds": took,
        "looks": watch.looks,
        "slowest_look_ms": round(watch.slowest_ms, 1),
        "wrong": watch.wrong,
    }


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--rate", type=int, default=500, help="records a second")
    given.add_argument("--before", type=int, default=20_000, help="records at start")
    options = given.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="contentops-bluegreen-") as folder,
        servers_in(Path(folder)) as settings,
    ):
        log = Writer(settings.need("kafka"), settings.partitions)
        for number in range(options.before // 25):
            log.append(story(log, "acme", f"before {number}"))
        found = under_load(settings, log, "acme", options.rate, _say)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return 1 if found["wrong"] else 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
