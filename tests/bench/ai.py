"""`make bench-ai`: the AI adapter beside the bare SDK and LiteLLM, against bars.

python -m tests.bench.ai [--rounds N] [--calls N] [--minutes N] [--only PART ...]

The model server is on this machine and answers in fixed time, so all that differs is
what a client does with its processor. Exits 1 when a bar is not reached.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from tests.bench import ai_api, ai_door, ai_failover, ai_kept, ai_overhead, ai_streams
from tests.bench.__main__ import machine
from tests.bench.rows import LEAST, MOST, Bar, Report, rows

# A page here and there is the allocator's: 3 MiB in half an hour are called nothing.
SLOPE = 100.0
BARS = (
    Bar(
        "a call over the bare SDK, CPU p50",
        ("overhead", "over_ms", "adapter"),
        1.0,
        MOST,
        " ms",
    ),
    Bar(
        "that to what LiteLLM's call adds",
        ("overhead", "over_to_litellm"),
        0.333,
        MOST,
        "×",
    ),
    Bar(
        "that to what LiteLLM's Router adds",
        ("overhead", "over_to_router"),
        0.333,
        MOST,
        "×",
    ),
    Bar("a chunk over the bare SDK, CPU", ("overhead", "chunk_us"), 20, MOST, " µs"),
    Bar("1 000 streams: lost usage", ("streams", "lost_usage"), 0, MOST),
    Bar(
        "1 000 streams: memory of each", ("streams", "kb_per_stream"), 100, MOST, " kB"
    ),
    Bar("soak: lost usage", ("soak", "lost_usage"), 0, MOST),
    Bar(
        "soak: memory grows by",
        ("soak", "slope_kb_per_minute"),
        SLOPE,
        MOST,
        " kB/min",
    ),
    Bar(
        "fail-over after the failing answer, p95",
        ("failover", "p95_ms"),
        50,
        MOST,
        " ms",
    ),
    Bar("a kept answer inside the adapter, p50", ("hit", "p50_ms"), 0.3, MOST, " ms"),
    Bar("a kept answer over the API, p95", ("kept", "alone", "p95"), 10, MOST, " ms"),
    Bar(
        "kept: 2 000 connections, 500 requests/s, p99",
        ("kept", "crowd", "p99"),
        500,
        MOST,
        " ms",
    ),
    Bar("of these refused", ("kept", "refused"), 0, MOST),
    Bar("a template over the API, p95", ("api", "alone", "p95"), 10, MOST, " ms"),
    Bar(
        "templates: 2 000 connections, 500 requests/s, p99",
        ("api", "crowd", "p99"),
        500,
        MOST,
        " ms",
    ),
    Bar("of these refused", ("api", "refused"), 0, MOST),
    Bar("clients of OpenAI's that stream through", ("door", "clients"), 2, LEAST),
    Bar("free answers that never reached the log", ("api", "lost"), 0, MOST),
)


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--rounds", type=int, default=7)
    given.add_argument("--calls", type=int, default=300)
    given.add_argument("--minutes", type=float, default=0.0, help="soak so long")
    given.add_argument("--only", nargs="*", default=[])
    asked = given.parse_args()
    parts: dict[str, Callable[[], Report]] = {
        "overhead": lambda: ai_overhead.measure(asked.rounds, asked.calls),
        "streams": ai_streams.measure,
        "failover": ai_failover.measure,
        "hit": ai_kept.inside,
        "kept": ai_kept.over_api,
        "api": _api,
        "door": ai_door.measured,
    }
    if asked.minutes:
        parts["soak"] = lambda: ai_streams.soak(asked.minutes)
    wanted = asked.only or list(parts)
    load = os.getloadavg()[0]
    found = {name: _measured(parts[name]) for name in wanted}
    told = rows(found, BARS)
    report = {"machine": machine(), "load_before": load, "rows": told, **found}
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    Console(stderr=True).print(table(told))
    return 0 if all(row["reached"] for row in told) else 1


def _measured(part: Callable[[], Report]) -> Report:
    """One that fails reaches no bar and keeps no other from being measured."""
    try:
        return part()
    except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as wrong:
        return {"error": f"{type(wrong).__name__}: {wrong}"}


def _api() -> Report:
    with ai_api.serving() as settings:
        return ai_api.measure(settings)


def table(found: list[dict[str, object]]) -> Table:
    made = Table("what", "bar", "measured", "reached", box=None)
    for row in found:
        well = "[green]yes" if row["reached"] else "[red]no"
        made.add_row(str(row["what"]), str(row["bar"]), str(row["measured"]), well)
    return made


if __name__ == "__main__":
    sys.exit(main())
