"""`make bench`: every figure beside its peer or floor, in one JSON.

`python -m tests.bench [NAME…]` runs only these. Each is a process of its own with
servers of its own, one after the other, so none disturbs the next. What the table at
the end says is in the JSON under `rows`, beside the machine it was measured on.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.rows import Report, rows

ROOT = Path(__file__).parents[2]
BENCHES = {
    "installation": "infra.bench",
    "projector": "tests.bench.projector",
    "sink": "tests.bench.sink",
    "decider": "tests.bench.decider",
    "edge": "tests.bench.edge",
    "watch": "tests.bench.watch",
    "jobs": "tests.bench.jobs",
    "timers": "tests.bench.timers",
}
LIMIT_S = 900


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("names", nargs="*", choices=[[], *BENCHES], metavar="NAME")
    names = given.parse_args().names or list(BENCHES)
    reports = {name: measured(name) for name in names}
    found = rows(reports)
    report = {"machine": machine(), "rows": found, "reports": reports}
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    Console(stderr=True).print(_table(found))
    return 0 if all("error" not in each for each in reports.values()) else 1


def measured(name: str) -> Report:
    """Its JSON; one that fails says so and does not keep the others from running."""
    sys.stderr.write(f"measuring: {name}\n")
    began, load = time.monotonic(), os.getloadavg()[0]
    try:
        done = subprocess.run(
            [sys.executable, "-m", BENCHES[name]],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=LIMIT_S,
        )
        found: Report = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as wrong:
        found = {"error": f"{type(wrong).__name__}: {wrong}"}
    return {**found, "load_before": load, "took_s": round(time.monotonic() - began, 1)}


def machine() -> dict[str, object]:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1e9, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def _table(found: list[dict[str, object]]) -> Table:
    table = Table("what", "bar", "measured", "reached", box=None)
    for row in found:
        well = "[green]yes" if row["reached"] else "[red]no"
        table.add_row(str(row["what"]), str(row["bar"]), str(row["measured"]), well)
    return table


if __name__ == "__main__":
    sys.exit(main())
