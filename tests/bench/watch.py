"""Two thousand open streams: how long an event takes to the last browser, and memory.

`python -m tests.bench.watch` starts servers, decider, projector and one API process.
Both processes read the monotonic clock of one machine.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import msgspec

from infra import keys
from infra.settings import Settings
from infra.stack import processes
from schemas.commands.content import CreateProject
from tests.bench.callers import spread
from tests.bench.watchers import Crowd
from tests.fixtures.fix_edge import free_port, start_api
from tests.fixtures.fix_stack import servers_in
from tests.integration.rolling import ROOT, Site, site

Figures: TypeAlias = dict[str, object]
Came: TypeAlias = list[dict[str, float]]

STREAMS = 2000
EVENTS = 60
PAUSE_S = 0.25


def main() -> int:
    with (
        tempfile.TemporaryDirectory(prefix="contentops-watch-") as folder,
        servers_in(Path(folder)) as settings,
    ):
        report = {
            "one_tenant": measure(settings, tenants=1),
            "twenty_tenants": measure(settings, tenants=20),
        }
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    return 0


def measure(settings: Settings, tenants: int = 1, streams: int = STREAMS) -> Figures:
    """Milliseconds from the moment the row was committed and from the command."""
    given = settings.replace({"api_port": free_port()})
    with site(given, "decider", "projector") as town:
        start_api(town)
        names = [f"watch-{uuid4().hex[:6]}" for _ in range(tenants)]
        made = tuple(keys.create(given, name, "admin") for name in names)
        before = processes.resident_bytes(town.pid("api"))
        crowd = _open(Crowd(given.api_url, made, streams))
        try:
            after = processes.resident_bytes(town.pid("api"))
            sent, committed = _send(town, names)
            came = _close(crowd)
        finally:
            crowd.kill()
        return {
            "streams": streams,
            "told": _told(sent, came),
            "command_to_browser_ms": _times(sent, came),
            "row_to_browser_ms": _times(committed, came),
            "kb_per_stream": round((after - before) / streams / 1024, 1),
        }


def _open(crowd: Crowd) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.watchers"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(msgspec.json.encode(crowd) + b"\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"ready\n"
    return process


def _close(crowd: "subprocess.Popen[bytes]") -> Came:
    out, _ = crowd.communicate(b"end\n", timeout=60)
    return msgspec.json.decode(out, type=Came)


def _send(town: Site, names: list[str]) -> tuple[dict[str, float], dict[str, float]]:
    """When each command was sent, and when its row could first be seen."""
    sent: dict[str, float] = {}
    committed: dict[str, float] = {}
    for number in range(EVENTS):
        each = str(uuid4())
        town.tenant = names[number % len(names)]
        sent[each] = time.monotonic()
        town.send(CreateProject(name="w"), each)
        committed[each] = _visible(town, each)
        threading.Event().wait(PAUSE_S)
    return sent, committed


def _visible(town: Site, each: str) -> float:
    asked = "SELECT 1 FROM read.projects WHERE id = %s"
    while town.row(asked, each) is None:
        continue
    return time.monotonic()


def _told(sent: dict[str, float], came: Came) -> int:
    return sum(len(each.keys() & sent.keys()) for each in came)


def _times(since: dict[str, float], came: Came) -> Figures:
    times = [
        1000 * max(0.0, when - since[each])
        for stream in came
        for each, when in stream.items()
        if each in since
    ]
    return dict(spread(times)) | {"mean": round(statistics.mean(times), 2)}


if __name__ == "__main__":
    sys.exit(main())
