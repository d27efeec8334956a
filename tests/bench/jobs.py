"""From due to held by a Faust agent, at a steady rate, and what one lease costs.

`python -m tests.bench.jobs`: 50 jobs a second for twenty seconds, each due one second
after it was asked for; then leases with 10 000 jobs of one tenant waiting.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import monotonic, sleep
from typing import TypeAlias
from uuid import uuid4

from infra.settings import Settings
from schemas.clock import utc_now
from schemas.commands.job import RequestJob
from schemas.jobs import ProbeInput
from streams.leases import Leases
from streams.pools import open_pool
from tests.fixtures.fix_stack import servers_in
from tests.integration.rolling import Site, site, until

Figures: TypeAlias = dict[str, float]

WORKER = str(Path(__file__).with_name("lease_worker.py"))
DUE_IN = timedelta(seconds=1)
WAITING = """
INSERT INTO read.tasks (tenant, id, version, event_id, created_at, updated_at, role,
  kind, subject, input, status, attempt, max_attempts, priority)
SELECT 'greedy', gen_random_uuid(), 1, 'e', now() - n * interval '1 second', now(),
  'bench', 'probe', 'asset/1', '{"type":"probe","object_key":"k","sha256":"0"}',
  'waiting', 0, 3, 0
FROM generate_series(1, %s) n
"""


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="contentops-jobs-") as folder,
        servers_in(Path(folder)) as settings,
    ):
        report = {
            "due_to_leased": measure(settings, Path(folder)),
            "one_lease": lease_cost(settings),
        }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0


def measure(
    settings: Settings, folder: Path, *, rate: int = 50, seconds: int = 20
) -> Figures:
    """Milliseconds from `not_before` to the lease in the worker's hands."""
    notes = folder / "leases"
    notes.touch()
    with site(settings, "decider", "projector", "dispatcher") as town:
        town.start("worker", WORKER, str(notes))
        warm = _requested(town, rate, 1)
        until(lambda: warm.keys() <= _noted(notes).keys(), 60)
        wanted = _requested(town, rate, seconds)
        until(lambda: wanted.keys() <= _noted(notes).keys(), 60)
    noted = _noted(notes)
    late = sorted((noted[job] - due) * 1000 for job, due in wanted.items())
    return {
        "jobs": len(late),
        "rate_per_s": rate,
        "p50_ms": round(median(late), 1),
        "p99_ms": round(late[int(len(late) * 0.99)], 1),
        "max_ms": round(late[-1], 1),
    }


def _requested(town: Site, rate: int, seconds: int) -> dict[str, float]:
    """Jobs with the instant each is due, asked for at a steady rate."""
    due: dict[str, float] = {}
    began = monotonic()
    for number in range(rate * seconds):
        ahead = max(0.0, began + number / rate - monotonic())
        sleep(ahead)  # house: sleep: the rate is what is asked for
        job_id, at = str(uuid4()), utc_now() + DUE_IN
        wish = RequestJob(
            role="media",
            subject=f"asset/{job_id}",
            input=ProbeInput(f"{town.tenant}/a", "0" * 64),
            digest=job_id,
            not_before=at,
        )
        town.send(wish, job_id)
        due[job_id] = at.timestamp()
    return due


def _noted(notes: Path) -> dict[str, float]:
    """The first time each job was leased."""
    found: dict[str, float] = {}
    for line in notes.read_text().splitlines():
        job_id, _, at = line.partition(" ")
        found.setdefault(job_id, float(at))
    return found


def lease_cost(settings: Settings, waiting: int = 10_000, leases: int = 100) -> Figures:
    """Milliseconds of one lease while one tenant has this many jobs waiting."""
    with site(settings) as town, _line(town, waiting):
        times = sorted(asyncio.run(_leased(settings, leases)))
    return {
        "waiting": waiting,
        "p50_ms": round(median(times) * 1000, 2),
        "p99_ms": round(times[int(len(times) * 0.99)] * 1000, 2),
    }


@contextmanager
def _line(town: Site, waiting: int) -> Iterator[None]:
    town.owner.execute(WAITING, (waiting,))
    town.owner.execute("ANALYZE")
    try:
        yield
    finally:
        town.owner.execute("DELETE FROM read.tasks WHERE role = 'bench'")


async def _leased(settings: Settings, count: int) -> list[float]:
    times = []
    async with open_pool(settings.dsn("worker"), smallest=1, largest=2) as pool:
        leases = Leases(pool)
        for _ in range(count):
            began = monotonic()
            assert await leases.lease("bench", "bench", uuid4().hex)
            times.append(monotonic() - began)
    return times


if __name__ == "__main__":
    sys.exit(main())
