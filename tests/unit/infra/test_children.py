"""Children: real processes, started, ended, and found again."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.problem import Stop
from infra.stack import processes
from infra.stack.children import Children, Program, exited, read_state
from infra.stack.supervisor import keep_running, pause_after
from infra.stack.waiting import until

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
IGNORE = "import signal, time; signal.signal(15, signal.SIG_IGN)"
DEAF = [sys.executable, "-c", f"{IGNORE}; print('on', flush=True); time.sleep(60)"]


def program(command: list[str], name: str = "one", patience_s: float = 5) -> Program:
    env = {"PATH": os.defpath}
    return Program(
        name=name, command=command, env=env, cwd=Path("/"), patience_s=patience_s
    )


async def eventually(happened: Callable[[], bool]) -> None:
    def wait() -> None:
        until = time.monotonic() + 5
        while not happened():
            assert time.monotonic() < until
            time.sleep(0.02)

    await asyncio.to_thread(wait)


async def test_a_child_ends_when_asked(tmp_path: Path) -> None:
    children = Children(tmp_path)
    child = children.spawn(program(SLEEP))
    assert processes.alive(child.identity)
    await children.end_all()
    assert not processes.alive(child.identity)
    assert read_state(tmp_path / "run" / "children.json") == {}


async def test_a_deaf_child_is_forced(tmp_path: Path) -> None:
    children = Children(tmp_path)
    child = children.spawn(program(DEAF, patience_s=0.2))
    await until(child, lambda: child.log.read_bytes() == b"on\n", limit_s=10)
    await children.end("one")
    assert child.process.returncode == -signal.SIGKILL


async def test_grandchildren_end_with_the_child(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(p.pid, flush=True); p.wait()"
    )
    children = Children(tmp_path)
    child = children.spawn(program([sys.executable, "-c", code]))
    await until(child, lambda: child.log.read_bytes().endswith(b"\n"), limit_s=10)
    grandchild = processes.identify(int(child.log.read_text()))
    assert grandchild is not None
    await children.end_all()
    assert await asyncio.to_thread(processes.wait_gone, grandchild, 5)


def test_a_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from infra.stack.children import Children, Program\n"
        "c = Children(Path(sys.argv[1])).spawn(Program(name='one', env={},\n"
        "  command=[sys.executable, '-c', 'import time; time.sleep(60)'],"
        " cwd=Path('/')))\n"
        "print(c.identity.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = processes.identify(int(parent.stdout.readline()))
    assert child is not None
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert processes.wait_gone(child, 5)


def test_what_an_earlier_run_left_is_ended(tmp_path: Path) -> None:
    left = subprocess.Popen(SLEEP, start_new_session=True)
    identity = processes.identify(left.pid)
    assert identity is not None
    children = Children(tmp_path)
    state = {"kafka": {**vars(identity), "stop": 15}}
    (tmp_path / "run" / "children.json").write_text(json.dumps(state))
    assert children.end_stale() == ["kafka"]
    assert left.wait(5) == -signal.SIGTERM


def test_a_stranger_with_a_reused_pid_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen(SLEEP)
    identity = processes.identify(stranger.pid)
    assert identity is not None
    children = Children(tmp_path)
    row = {**vars(identity), "started": identity.started - 1, "stop": 9}
    (tmp_path / "run" / "children.json").write_text(json.dumps({"kafka": row}))
    assert children.end_stale() == []
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": 1}', '{"a": {"pid": 1}}'])
def test_a_torn_state_file_means_nothing_is_known(tmp_path: Path, text: str) -> None:
    file = tmp_path / "children.json"
    file.write_text(text)
    assert read_state(file) == {}


async def test_a_child_that_ends_at_once_is_one_sentence(tmp_path: Path) -> None:
    children = Children(tmp_path)
    code = "import sys; sys.exit('no such disk')"
    child = children.spawn(program([sys.executable, "-c", code]))
    with pytest.raises(Stop, match=r"one ended at once \(no such disk\)"):
        await until(child, lambda: False, limit_s=10)


async def test_a_child_that_never_answers_is_one_sentence(tmp_path: Path) -> None:
    children = Children(tmp_path)
    child = children.spawn(program(SLEEP))
    with pytest.raises(Stop, match="did not answer in 0 s"):
        await until(child, lambda: False, limit_s=0.1)
    await children.end_all()


def test_the_pause_grows_to_five_seconds() -> None:
    assert [pause_after(n) for n in range(1, 8)] == [0, 0.25, 0.5, 1, 2, 4, 5]


async def test_a_killed_role_is_started_again_at_once(tmp_path: Path) -> None:
    children = Children(tmp_path)
    lines: list[str] = []
    watch = asyncio.ensure_future(
        keep_running(children, [program(SLEEP)], lines.append)
    )
    await eventually(lambda: "one" in children.running)
    first = children.running["one"]
    first.process.kill()
    assert await exited(first, 5)
    await eventually(lambda: children.running.get("one", first) is not first)
    assert children.running["one"].running
    assert "one ended (-9), starting again in 0.0 s" in lines[0]
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    await children.end_all()
