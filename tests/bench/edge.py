"""The edge: acknowledged commands beside a FastAPI application that does nothing.

`python -m tests.bench.edge` starts servers, decider, projector and one API process.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import httpx
import msgspec

from infra import keys
from infra.settings import Settings
from schemas.topics import JOBS
from streams.log import LINGER_MS, producer
from tests.bench.callers import Plan, spread
from tests.fixtures.fix_edge import free_port
from tests.fixtures.fix_stack import servers_in
from tests.integration.rolling import ROOT, site, until

Figures: TypeAlias = dict[str, object]

RATE = 1000
SECONDS = 8.0
WAITS = 300
CALLERS = 128
PROJECTS = tuple(json.dumps({"name": f"夜骑 {n}"}) for n in range(100))
ACCOUNTS = tuple(
    json.dumps(
        {"platform": "douyin", "openId": f"o{n}", "credential": {"access_token": "t"}}
    )
    for n in range(500)
)


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="contentops-edge-") as folder,
        servers_in(Path(folder)) as settings,
    ):
        sys.stdout.write(json.dumps(measure(settings), indent=2) + "\n")
    return 0


def measure(settings: Settings) -> Figures:
    """Milliseconds and requests a second; each ratio is of this run.

    `alone`: decider and projector stand still, so that two cores are enough for
    client, API and broker; what they would have done waits on the log.
    """
    given = settings.replace(
        {
            "api_port": free_port(),
            "api_rate_max": 1_000_000,
            "api_lag_max_s": 600,
            "api_undecided_max": 10_000_000,
            "douyin_client_key": "k",
            "douyin_client_secret": "s",
        }
    )
    with site(given, "decider", "projector", "api") as town, _noop() as floor:
        until(lambda: answers(f"{given.api_url}/readyz"))
        key = keys.create(given, "bench", "admin")
        asked = {"Authorization": f"Bearer {key}", "Prefer": "respond-async"}
        url = f"{given.api_url}/api/v1"
        acks = _acks(given)
        _run(Plan(f"{url}/projects", PROJECTS, asked, RATE, 2.0))
        opened = _run(Plan(f"{url}/projects", PROJECTS, asked, RATE, SECONDS))
        sealed = _run(Plan(f"{url}/accounts", ACCOUNTS, asked, RATE, SECONDS))
        nothing = _run(Plan(f"{floor}/noop", PROJECTS, {}, 0, SECONDS, CALLERS))
        closed = _run(Plan(f"{url}/projects", PROJECTS, asked, 0, SECONDS, CALLERS))
        waited = _waits(given, key)
        town.stop("decider")
        town.stop("projector")
        opened_alone = _run(Plan(f"{url}/projects", PROJECTS, asked, RATE, SECONDS))
        closed_alone = _run(
            Plan(f"{url}/projects", PROJECTS, asked, 0, SECONDS, CALLERS)
        )
    floor_ms = _p99(acks) + LINGER_MS
    return {
        "broker_ack_ms": acks,
        "linger_ms": LINGER_MS,
        "open_loop_ms": opened,
        "open_loop_sealed_ms": sealed,
        "open_loop_over_floor_ms": round(_p99(opened) - floor_ms, 2),
        "noop": nothing,
        "closed": closed,
        "closed_to_noop": round(_per_s(closed) / _per_s(nothing), 2),
        "wait_ms": waited,
        "alone": {
            "open_loop_ms": opened_alone,
            "open_loop_over_floor_ms": round(_p99(opened_alone) - floor_ms, 2),
            "closed": closed_alone,
            "closed_to_noop": round(_per_s(closed_alone) / _per_s(nothing), 2),
        },
    }


def _p99(figures: Figures) -> float:
    return float(str(figures["p99"]))


def _per_s(figures: Figures) -> float:
    return float(str(figures["per_s"]))


def _run(plan: Plan) -> Figures:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.callers"],
        input=msgspec.json.encode(plan),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        check=True,
    )
    found: Figures = json.loads(done.stdout)
    return found


def _acks(settings: Settings) -> Figures:
    """A lone record, produced and acknowledged."""
    bare = producer(settings.need("kafka"))
    times = []
    for _ in range(300):
        began = time.perf_counter()
        bare.produce(JOBS["media"].name, key=b"bench", value=b"{}")
        bare.flush()
        times.append(1000 * (time.perf_counter() - began))
    return dict(spread(times[50:]))


def _waits(settings: Settings, key: str) -> Figures:
    """One at a time on a system that has nothing else to do."""
    drained = {"Authorization": f"Bearer {key}", "Prefer": "wait=10"}
    base = f"{settings.api_url}/api/v1"
    times = []
    with httpx.Client(base_url=base, headers=drained, timeout=60) as client:

        def quiet() -> bool:
            return client.post("/projects", json={"name": "q"}).status_code == 201

        until(quiet, 60)
        for _ in range(WAITS):
            began = time.perf_counter()
            answer = client.post("/projects", json={"name": "w"})
            assert answer.status_code == 201, answer.text
            times.append(1000 * (time.perf_counter() - began))
    return dict(spread(times))


@contextmanager
def _noop() -> Iterator[str]:
    port = free_port()
    line = [sys.executable, "-m", "tests.bench.noop", str(port)]
    process = subprocess.Popen(line, cwd=ROOT)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/openapi.json"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10).status_code == 200
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    sys.exit(main())
