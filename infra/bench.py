"""Measures speed and size of one installation and prints them as JSON.

Times of ours stand beside a floor taken in the same run on the same servers, so that
a slow machine shows in both and the ratio stays comparable.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import httpx
import psycopg

from infra import keys
from infra.demo.hosting import ROOT, hosted
from infra.settings import Settings
from infra.stack import processes
from infra.stack.children import read_state
from schemas.clock import utc_now
from schemas.commands.content import CreateProject
from schemas.envelope import Record, command
from schemas.registry import Command
from schemas.topics import PROGRESS
from streams.decisions import Decisions
from streams.log import Log, producer
from streams.pools import open_pool

Figures: TypeAlias = dict[str, float]
Report: TypeAlias = "dict[str, float | Figures | Report]"

ROUNDS = 200
WARM = 20
SETTLE_S, IDLE_WATCH_S = 5.0, 15.0
TICKS = 100
TENANT = "bench"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="contentops-bench-") as folder:
        report = measure(Settings(data=Path(folder) / "data"))
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0


def measure(settings: Settings) -> Report:
    began = time.monotonic()
    with hosted(settings, _say) as running:
        report: Report = {"up_to_ready_s": round(time.monotonic() - began, 2)}
        key = keys.create(running, TENANT, "admin")
        report["demo_s"] = _demo(running)
        report["idle"] = _idle(running)
        floor = _floors(running)
        ours = asyncio.run(_commands(running)) | _http(running, key)
        report |= {"floor_ms": floor, "ours_ms": ours, "ratio": _ratios(floor, ours)}
    return report


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _demo(settings: Settings) -> float:
    """From ready to end, as a person would run it."""
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "infra.cli", "demo", "--data", str(settings.data)],
        cwd=ROOT,
        check=True,
        stdout=sys.stderr,
    )
    return round(time.monotonic() - began, 2)


def _idle(settings: Settings) -> Report:
    """Memory (shared pages once) and share of one core, with nothing to do."""
    time.sleep(SETTLE_S)
    members = {name: processes.family(pid) for name, pid in _children(settings).items()}
    before = {name: _ticks(pids) for name, pids in members.items()}
    time.sleep(IDLE_WATCH_S)
    cpu = {
        name: round((_ticks(pids) - before[name]) / TICKS * 100 / IDLE_WATCH_S, 1)
        for name, pids in members.items()
    }
    resident = {
        name: round(processes.resident_bytes(pids[0]) / 1e6, 1)
        for name, pids in members.items()
    }
    return {
        "resident_mb": round(sum(resident.values()), 1),
        "cpu_percent_of_one_core": round(sum(cpu.values()), 1),
        "resident_mb_of": resident,
        "cpu_percent_of": cpu,
    }


def _children(settings: Settings) -> dict[str, int]:
    state = read_state(settings.data / "run" / "children.json")
    return {name: who.pid for name, (who, _) in state.items() if processes.alive(who)}


def _ticks(pids: Iterable[int]) -> int:
    """Processor ticks these processes have used so far."""
    found = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()
        found += int(fields[11]) + int(fields[12])
    return found


def _floors(settings: Settings) -> Figures:
    """What one acknowledged record and one committed row cost by themselves."""
    kafka = settings.need("kafka")
    bare = producer(kafka)  # house: producers: the floor to compare with

    def append() -> None:
        bare.produce(PROGRESS.name, key=b"bench", value=b"{}")
        bare.flush()

    with _scratch_table(settings) as insert:
        return _spread("kafka_ack", _times(append)) | _spread(
            "postgres_commit", _times(insert)
        )


@contextmanager
def _scratch_table(settings: Settings) -> Iterator[Callable[[], None]]:
    with psycopg.connect(settings.dsn("owner"), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA bench")
        connection.execute("CREATE TABLE bench.rows (id text PRIMARY KEY, body text)")
        try:
            yield lambda: _insert(connection)
        finally:
            connection.execute("DROP SCHEMA bench CASCADE")


def _insert(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    connection.execute("INSERT INTO bench.rows VALUES (%s, 'x')", (str(uuid4()),))


def _times(step: Callable[[], None]) -> list[float]:
    """Milliseconds of each round after the warm ones."""
    found = []
    for _ in range(WARM + ROUNDS):
        began = time.perf_counter()
        step()
        found.append(1000 * (time.perf_counter() - began))
    return found[WARM:]


async def _commands(settings: Settings) -> Figures:
    """Inside one process: a command acknowledged, and a command to its visible row.

    One at a time, so that no round waits for the work of the one before.
    """
    log = Log(settings.need("kafka"))
    conninfo = settings.dsn("worker")
    acknowledged: list[float] = []
    visible: list[float] = []
    async with open_pool(conninfo, smallest=1, largest=2) as pool:
        decisions = Decisions(pool, conninfo)
        await decisions.open()
        for _ in range(WARM + ROUNDS):
            wish, began = _wish(), time.perf_counter()
            await log.append(wish)
            acknowledged.append(1000 * (time.perf_counter() - began))
            await decisions.decision(TENANT, wish.envelope.id, 10)
            visible.append(1000 * (time.perf_counter() - began))
        await decisions.close()
    await log.close()
    return _spread("command_ack", acknowledged[WARM:]) | _spread(
        "command_to_row", visible[WARM:]
    )


def _wish() -> Record[Command]:
    return command(
        CreateProject(name="bench"),
        tenant=TENANT,
        aggregate_id=str(uuid4()),
        id=str(uuid4()),
        time=utc_now(),
        auth_id="machine",
    )


def _http(settings: Settings, key: str) -> Figures:
    """From outside: a project asked for and its resource in the answer."""
    with httpx.Client(
        base_url=settings.api_url,
        headers={"Authorization": f"Bearer {key}"},
        trust_env=False,
    ) as client:

        def post(prefer: str) -> None:
            body = {"name": "bench"}
            headers = {"Prefer": prefer}
            client.post(
                "/api/v1/projects", json=body, headers=headers
            ).raise_for_status()

        found = _spread("http_respond_async", _times(lambda: post("respond-async")))
        return found | _spread("http_wait", _times(lambda: post("wait=5")))


def _spread(name: str, times: list[float]) -> Figures:
    ordered = sorted(times)
    return {
        f"{name}_p50": round(statistics.median(ordered), 2),
        f"{name}_p95": round(ordered[int(len(ordered) * 0.95)], 2),
    }


def _ratios(floor: Figures, ours: Figures) -> Figures:
    """A visible row costs two acknowledged records and one commit at the least."""
    row = 2 * floor["kafka_ack_p50"] + floor["postgres_commit_p50"]
    return {
        "command_ack_to_kafka_ack": round(
            ours["command_ack_p50"] / floor["kafka_ack_p50"], 2
        ),
        "command_to_row_to_its_floor": round(ours["command_to_row_p50"] / row, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
