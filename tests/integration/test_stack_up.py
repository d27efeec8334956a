"""`contentops up` as a person runs it: a process of its own, ended by Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.stack import processes
from infra.stack.children import read_state
from infra.stack.processes import Identity
from infra.up import ROLES

SERVERS = {"kafka", "postgres", "clickhouse", "s3"}


@contextmanager
def up(data: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "infra.cli", "up", "--no-sandbox", "--data"]
    process = subprocess.Popen(
        [*command, str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def children(data: Path) -> dict[str, Identity]:
    found = read_state(data / "run" / "children.json")
    return {name: who for name, (who, _) in found.items()}


def wait_for(happened: Callable[[], bool], limit_s: float = 120) -> None:
    until = time.monotonic() + limit_s
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_all_is_started_restarted_and_ended(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(data) as process:
        wait_for(lambda: set(children(data)) >= SERVERS | set(ROLES))
        before = children(data)
        os.kill(before["s3"].pid, signal.SIGKILL)
        wait_for(lambda: children(data).get("s3") not in (None, before["s3"]))
        seen = [*before.values(), *children(data).values()]
        process.send_signal(signal.SIGINT)
        text, _ = process.communicate(timeout=60)
    assert process.returncode == 0, text
    assert "s3 ended (-9), starting again in 0.0 s" in text
    assert not any(map(processes.alive, seen))
    assert children(data) == {}


def test_a_second_up_is_one_sentence(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(data) as first:
        wait_for((data / "run").exists)
        with up(data) as second:
            text, _ = second.communicate(timeout=30)
        assert second.returncode == 1
        assert text.count("\n") == 1
        assert "A stack already runs on" in text
        first.send_signal(signal.SIGTERM)
        first.wait(timeout=60)
    assert children(data) == {}


def test_an_early_stop_leaves_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(data) as process:
        wait_for(lambda: bool(children(data)))
        seen = children(data)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    assert process.returncode == 0
    assert not any(map(processes.alive, seen.values()))
