"""Growth: is the ten-millionth event handled as fast as the first, in the same memory?

`python -m tests.bench.soak [--events 10000000]` fills one log and lets projector, sink
and decider work it off one after the other. Each tells its rate at the beginning and
the end and how much its memory grew a minute. A decider sees one partition, so it gets
a tenth of the events, each a command. It takes about half an hour.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from fixtures.fix_records import Writer
from fixtures.fix_stack import servers_in
from infra.catching_up import log_end
from infra.settings import Settings
from infra.sources import sink_source
from infra.stack.processes import resident_bytes
from projections.runner import Projector
from projections.runner import Source as ProjectorSource
from projections.sink import Sink
from schemas.events.content import ProjectCreated
from streams.garbage import collect_rarely
from tests.bench import decider, projector, sink

Figures: TypeAlias = dict[str, float]

EVENTS = 10_000_000
EARLY = 100_000
EARLY_COMMANDS = 200_000
# So much of them passes before the clock starts: after a take-over keys are read.
WARM_UP = 0.5
AT_ONCE = 5_000
# The same mix at the beginning and at the end: so many streams at a time, each of
# which gets so many events; then the next ones.
ACTIVE = 1_000
EVENTS_EACH = 10
SAMPLES = 200


class Sample(Struct, frozen=True):
    """How much was done at a moment, and the processor time and memory it had taken.

    Times in seconds, memory in bytes, all of this process alone.
    """

    at: float
    done: int
    cpu: float
    memory: int


def watched(step: Callable[[], int], total: int) -> Iterator[Sample]:
    """One sample per half a percent; `step` works a moment and tells what is done."""
    following = 0
    while (done := step()) < total:
        if done >= following:
            following = done + total // SAMPLES
            yield _sample(done)
    yield _sample(done)


def _sample(done: int) -> Sample:
    memory = resident_bytes(os.getpid())
    return Sample(time.monotonic(), done, time.process_time(), memory)


def figures(samples: list[Sample], early: int) -> Figures:
    """Rates of a stretch at the beginning and at the end, and of each tenth.

    The very first records do not count: the client had fetched them before.
    """
    total = samples[-1].done
    first = between(samples, early, 2 * early)
    last = between(samples, total - early, total)
    tenths = [
        between(samples, total * n // 10, total * (n + 1) // 10) for n in range(10)
    ]
    half = samples[len(samples) // 2 :]
    return {
        "first_per_s": round(first.per_s),
        "last_per_s": round(last.per_s),
        "last_to_first": round(last.per_s / first.per_s, 3),
        "first_cpu_us": round(first.cpu_us, 1),
        "last_cpu_us": round(last.cpu_us, 1),
        **{f"tenth_{n}_per_s": round(each.per_s) for n, each in enumerate(tenths, 1)},
        "minutes": round((samples[-1].at - samples[0].at) / 60, 2),
        "memory_mb": round(samples[-1].memory / 1e6, 1),
        "memory_slope_mb_per_minute": round(_slope(half), 3),
    }


class Stretch(Struct, frozen=True):
    """From one sample to a later one."""

    begin: Sample
    end: Sample

    @property
    def per_s(self) -> float:
        return self._done / (self.end.at - self.begin.at)

    @property
    def cpu_us(self) -> float:
        return 1e6 * (self.end.cpu - self.begin.cpu) / self._done

    @property
    def _done(self) -> int:
        return self.end.done - self.begin.done


def between(samples: list[Sample], begin: int, end: int) -> Stretch:
    """From the last sample before `begin`, or the first, to the first after `end`."""
    first = max(0, sum(each.done <= begin for each in samples) - 1)
    last = sum(each.done < end for each in samples)
    return Stretch(samples[first], samples[min(max(last, first + 1), len(samples) - 1)])


def _slope(samples: list[Sample]) -> float:
    if len(samples) < 2:
        return 0.0
    minutes = [each.at / 60 for each in samples]
    found = statistics.linear_regression(
        minutes, [each.memory / 1e6 for each in samples]
    )
    return float(found.slope)


def stream_of(event: int) -> str:
    return f"p{event // (ACTIVE * EVENTS_EACH) * ACTIVE + event % ACTIVE}"


def fill(settings: Settings, total: int) -> None:
    log = Writer(settings.need("kafka"), settings.partitions)
    for start in range(0, total, AT_ONCE):
        log.append(
            log.record(ProjectCreated(f"Spring {n}"), "project", stream_of(n))
            for n in range(start, min(start + AT_ONCE, total))
        )
        if start % (total // 20 or 1) < AT_ONCE:
            _say(f"filled {start} of {total}")


def soak_projector(settings: Settings, total: int, early: int) -> Figures:
    source = ProjectorSource(
        settings.need("kafka"), settings.dsn("projector"), group="soak"
    )
    with (
        projector.own_table(settings, "soak") as projection,
        closing(Projector(source, [projection])) as role,
    ):
        passed = projector._passed(settings, projection)
        return figures(list(watched(_stepping(role.read, passed), total)), early)


def soak_sink(settings: Settings, total: int, early: int) -> Figures:
    source = sink_source(settings, group="soak")
    with (
        sink._own(settings, "soak") as projection,
        closing(Sink(source, projection)) as role,
    ):
        passed = projector._passed(settings, projection)
        return figures(list(watched(_stepping(role.step, passed), total)), early)


def _stepping(step: Callable[[], None], passed: Callable[[], int]) -> Callable[[], int]:
    def one() -> int:
        step()
        return passed()

    return one


def soak_decider(settings: Settings, total: int) -> Figures:
    """The same partition with a short history, then with a long one behind it."""
    early = min(EARLY_COMMANDS, total // 4)
    before = decider.measure(settings, partition=1, commands=early, warm_up=WARM_UP)
    left = total - 2 * early
    _say(f"deciding {left} commands in between")
    decider.measure(settings, partition=1, commands=left)
    after = decider.measure(settings, partition=1, commands=early, warm_up=WARM_UP)
    return {
        "first_per_s": before["per_s"],
        "last_per_s": after["per_s"],
        "last_to_first": round(after["per_s"] / before["per_s"], 3),
        "first_cpu_us": before["cpu_us"],
        "last_cpu_us": after["cpu_us"],
        "memory_mb": round(resident_bytes(os.getpid()) / 1e6, 1),
    }


def measure(settings: Settings, total: int = EVENTS) -> dict[str, Figures]:
    """Each in a process of its own, so that its memory is its own."""
    early = min(EARLY, total // 10)
    with ProcessPoolExecutor(
        1, get_context("spawn"), collect_rarely, max_tasks_per_child=1
    ) as alone:
        deciding = alone.submit(soak_decider, settings, total // 10).result()
        alone.submit(fill, settings, total).result()
        there = sum(log_end(settings.need("kafka")).values())
        projecting = alone.submit(soak_projector, settings, there, early).result()
        sinking = alone.submit(soak_sink, settings, there, early).result()
    return {"decider": deciding, "projector": projecting, "sink": sinking}


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--events", type=int, default=EVENTS)
    options = given.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="contentops-soak-") as folder,
        servers_in(Path(folder)) as settings,
    ):
        report = measure(settings, options.events)
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
