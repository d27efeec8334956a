"""One confined child process: started, read, ended, and paid for."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from streams.agents.spending import spend

_CONFINE = Path(__file__).with_name("confine.py")


@dataclass(frozen=True, slots=True)
class Limits:
    seconds: float = 600.0
    stall_seconds: float = 60.0
    memory_bytes: int = 4 << 30
    cpu_seconds: int = 7200
    file_bytes: int = 16 << 30


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Child:
    """`ended` is its exit code, negative for a signal; it is awaited by `end`."""

    pid: int
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader
    ended: asyncio.Future[int]

    async def wait(self) -> int:
        return await asyncio.shield(self.ended)

    async def end(self) -> None:
        """Returns once it is reaped, with all that it started.

        No gentle signal first: what an encoder then writes is a playable, shorter file.
        """
        await _end(self.pid, self.ended)


async def start(argv: Sequence[str], limits: Limits) -> Child:
    """Without a shell, an environment, an input and a network."""
    process = _spawned(argv, limits)
    ended = asyncio.ensure_future(_reaped(process))
    try:
        out, told = await _reader(process.stdout), await _reader(process.stderr)
    except BaseException:
        # Nobody has it yet, so nobody else would end it.
        await _end(process.pid, ended)
        raise
    return Child(process.pid, out, told, ended)


async def _end(pid: int, ended: asyncio.Future[int]) -> None:
    if not ended.done():
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        await asyncio.shield(ended)


def _spawned(argv: Sequence[str], limits: Limits) -> subprocess.Popen[bytes]:
    bounds = (limits.memory_bytes, limits.cpu_seconds, limits.file_bytes)
    confined = [sys.executable, "-I", "-S", str(_CONFINE), str(os.getpid())]
    return subprocess.Popen(
        [*confined, *map(str, bounds), *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A group of its own, so that a stop reaches whatever the child starts.
        start_new_session=True,
        env={"LC_ALL": "C"},
    )


async def _reaped(process: subprocess.Popen[bytes]) -> int:
    """Not by asyncio, whose way to wait does not tell what the child has used."""
    code, cpu_seconds = await asyncio.to_thread(_wait, process)
    spend(cpu_seconds=cpu_seconds)
    return code


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, float]:
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_utime + used.ru_stime


async def _reader(pipe: IO[bytes] | None) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    return reader
