"""FFmpeg as a child: cancelled, stalled, too slow, too big, or left by its parent."""

import asyncio
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from media_agents.engines.child import DEFAULT_LIMITS, Limits, start
from media_agents.engines.ffmpeg import Engine, Progress, ask, encode, judge
from media_agents.engines.ffmpeg import find_engine as find
from media_agents.errors import EngineMissing, MediaRefused, TryLater

ENDLESS = ["-re", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=30"]

PARENT = """
import asyncio, sys
from media_agents.engines.ffmpeg import ask
asyncio.run(ask(sys.executable, ["-c", *sys.argv[1:]]))
"""
CHILD = """
import os, pathlib, sys, time
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(600)
"""


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def children() -> set[int]:
    return {
        pid
        for pid in own_children()
        if "ffmpeg" in Path(f"/proc/{pid}/cmdline").read_text()
    }


def own_children() -> set[int]:
    tasks = Path(f"/proc/{os.getpid()}/task")
    return {
        int(pid)
        for task in tasks.iterdir()
        for pid in (task / "children").read_text().split()
    }


async def until(seen: asyncio.Event) -> None:
    async with asyncio.timeout(20):
        await seen.wait()


async def test_a_cancelled_job_leaves_no_child(engine: Engine, tmp_path):
    started = asyncio.Event()
    job = asyncio.create_task(
        encode(
            engine,
            [*ENDLESS, str(tmp_path / "out.mp4")],
            progress=Progress(10_000, lambda _percent: started.set()),
        )
    )
    await until(started)
    running = children()
    assert running
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert not any(alive(pid) for pid in running)


async def test_who_is_cancelled_while_it_starts_leaves_no_child(engine: Engine):
    others = own_children()
    starting = asyncio.create_task(start([engine.ffmpeg, *ENDLESS], DEFAULT_LIMITS))
    # One turn of the loop: the process is there, its pipes are not yet read.
    await asyncio.sleep(0)
    running = own_children() - others
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert running
    assert not any(alive(pid) for pid in running)


async def test_patience_with_a_program_can_be_shorter(engine: Engine, tmp_path):
    pipe = tmp_path / "silent.ts"
    os.mkfifo(pipe)
    holder = os.open(pipe, os.O_RDWR)
    try:
        with pytest.raises(TryLater, match="no progress for 1 s"):
            await encode(
                replace(engine, stall_seconds=1),
                ["-i", f"file:{pipe}", str(tmp_path / "out.mp4")],
                progress=Progress(1000, None),
            )
    finally:
        os.close(holder)


@pytest.mark.parametrize("code", [0, 1, 255])
def test_a_full_disk_is_no_result_whatever_the_exit_code_says(code):
    with pytest.raises(TryLater) as later:
        judge(code, deque(["av_interleaved_write_frame(): No space left on device"]))
    assert later.value.code == "disk_full"


async def test_work_that_stops_growing_is_tried_again_later(engine: Engine, tmp_path):
    pipe = tmp_path / "silent.ts"
    os.mkfifo(pipe)
    holder = os.open(pipe, os.O_RDWR)
    try:
        with pytest.raises(TryLater) as later:
            await encode(
                engine,
                ["-i", f"file:{pipe}", str(tmp_path / "out.mp4")],
                progress=Progress(1000, None),
                limits=Limits(seconds=30, stall_seconds=1),
            )
    finally:
        os.close(holder)
    assert later.value.code == "stalled"


async def test_work_beyond_its_time_is_tried_again_later(engine: Engine, tmp_path):
    with pytest.raises(TryLater) as later:
        await encode(
            engine,
            [*ENDLESS, str(tmp_path / "out.mp4")],
            progress=Progress(1000, None),
            limits=Limits(seconds=1),
        )
    assert later.value.code == "too_slow"


async def test_a_result_beyond_its_size_is_refused(engine: Engine, tmp_path):
    source = ["-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=20"]
    with pytest.raises(MediaRefused) as refused:
        await encode(
            engine,
            [*source, "-c:v", "rawvideo", str(tmp_path / "out.nut")],
            progress=Progress(20_000, None),
            limits=Limits(file_bytes=1 << 20),
        )
    assert refused.value.code in {"output_too_large", "not_decodable"}
    assert (tmp_path / "out.nut").stat().st_size <= 1 << 20


async def test_a_spinning_child_is_stopped_by_its_processor_limit():
    with pytest.raises((MediaRefused, TryLater)) as stopped:
        await ask(
            sys.executable,
            ["-c", "while True: pass"],
            limits=Limits(seconds=60, cpu_seconds=1),
        )
    assert stopped.value.code in {"too_costly", "killed"}


async def test_the_last_message_is_the_reason(engine: Engine, tmp_path):
    path = tmp_path / "nonsense"
    path.write_text("nonsense")
    with pytest.raises(MediaRefused) as refused:
        await encode(
            engine,
            ["-i", f"file:{path}", str(tmp_path / "out.mp4")],
            progress=Progress(1000, None),
        )
    assert "Invalid data" in refused.value.reason


def test_a_child_dies_with_its_parent(tmp_path):
    told = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD, str(told)])
    try:
        wait_for(lambda: told.exists() and told.read_text())
        child = int(told.read_text())
        assert alive(child)
    finally:
        parent.kill()
        parent.wait()
    wait_for(lambda: not alive(child))


def wait_for(effect: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not effect():
        assert time.monotonic() < end
        os.sched_yield()


def test_a_path_that_is_no_engine_says_what_to_do(tmp_path):
    with pytest.raises(EngineMissing, match="install FFmpeg"):
        find(str(tmp_path / "ffmpeg"))


def test_an_engine_names_its_version(engine: Engine):
    assert engine.version.startswith("ffmpeg version")
