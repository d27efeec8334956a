"""Watches what workers start: every child, whose it is, and how it ended.

FFmpeg and ffprobe are started by a line of shell that says its number and stops; the
watch looks at what it is to become and lets it go on, or not: a trap holds the first
child of a job in a given phase, so that a fault meets it there and not by luck.
"""

import os
import re
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from media_agents.engines.ffmpeg import Engine
from tests.media_faults.small_disk import seen_by

POLL_S = 0.003
# An encoder that has used this much is in its work, not in its preparations.
BUSY_TICKS = 2
NAME_BYTES = 36
PIECE = re.compile(r"piece-(\d{4})-")
PHASES = ("probe", "encode", "package", "upload")
START = """#!/bin/sh
echo "$$" >> "{log}"
kill -STOP "$$"
exec "{program}" "$@"
"""


@dataclass
class Child:
    """`job` names the clip that is its source; `dead` and `reaped` say when."""

    pid: int
    argv: list[str]
    job: str
    phase: str
    piece: int = -1
    going: bool = False
    dead: float = 0.0
    reaped: float = 0.0


def phase_of(argv: list[str]) -> str:
    """In which part of its job a child works; nothing for those between the parts.

    No child runs during an upload: there it is the last one before, which looks at
    what is going to be sent.
    """
    target = argv[-1].rpartition("/")[2]
    if "ffprobe" in argv[0].rpartition("/")[2]:
        sent = "upload" if target.startswith("video-") else ""
        return "probe" if target == "source" else sent
    if PIECE.match(target):
        return "encode"
    return "package" if target.startswith("fragmented-") else ""


def piece_of(argv: list[str]) -> int:
    """Which piece it makes, if it makes one."""
    found = PIECE.match(argv[-1].rpartition("/")[2])
    return int(found[1]) if found and phase_of(argv) == "encode" else -1


@dataclass
class Watch:
    """`traps` by job: the phase, and from which piece on."""

    log: Path
    children: dict[int, Child] = field(default_factory=dict)
    traps: dict[str, tuple[str, int]] = field(default_factory=dict)
    caught: dict[str, Child] = field(default_factory=dict)
    _read: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._over.is_set():
            self._meet()
            for child in tuple(self.children.values()):
                if not child.reaped:
                    self._follow(child)
            time.sleep(POLL_S)

    def close(self) -> None:
        self._over.set()

    def starts(self, job: str) -> dict[int, int]:
        """How often each piece was begun."""
        found: dict[int, int] = defaultdict(int)
        for child in tuple(self.children.values()):
            if child.job == job and child.piece >= 0:
                found[child.piece] += 1
        return dict(found)

    def _meet(self) -> None:
        with suppress(FileNotFoundError), self.log.open() as log:
            log.seek(self._read)
            text = log.read()
            whole = text[: text.rfind("\n") + 1]
            self._read += len(whole)
            for pid in map(int, whole.split()):
                self._know(pid)

    def _know(self, pid: int) -> None:
        # Of the line of shell only what follows its own name.
        argv = _line(pid)[1:] or ["", ""]
        folder = _folder(argv)
        job = _named(pid, folder) if folder else ""
        self.children[pid] = Child(pid, argv, job, phase_of(argv), piece_of(argv))

    def _follow(self, child: Child) -> None:
        state = _state(child.pid)
        if state in {"", "Z"}:
            child.dead = child.dead or time.monotonic()
        if not state:
            child.reaped = time.monotonic()
        elif not child.going and state == "T":
            child.going = True
            self._hold(child) if self._wanted(child) else thaw(child)

    def _wanted(self, child: Child) -> bool:
        phase, piece = self.traps.get(child.job, ("", 0))
        mine = child.phase == phase and child.piece >= piece
        return bool(phase) and mine and child.job not in self.caught

    def _hold(self, child: Child) -> None:
        """An encoder in its work; others are too short, and wait where they begin."""
        if child.phase == "encode":
            _into_its_work(child)
        # Whoever was faster than that is none that can be met; the next one may be.
        if _state(child.pid) == "T":
            self.caught[child.job] = child


def _into_its_work(child: Child) -> None:
    least = _ticks(child.pid) + BUSY_TICKS
    thaw(child)
    while 0 <= _ticks(child.pid) < least:
        time.sleep(0)
    with suppress(ProcessLookupError):
        os.kill(child.pid, signal.SIGSTOP)
    while _state(child.pid) in {"R", "S", "D"}:
        time.sleep(0)


def thaw(child: Child) -> None:
    with suppress(ProcessLookupError):
        os.kill(child.pid, signal.SIGCONT)


def starters(folder: Path, engine: Engine, log: Path) -> Path:
    """A folder with an `ffmpeg` and an `ffprobe` that stop before they are these."""
    folder.mkdir(exist_ok=True)
    for name, program in (("ffmpeg", engine.ffmpeg), ("ffprobe", engine.ffprobe)):
        path = folder / name
        path.write_text(START.format(log=log, program=program))
        path.chmod(0o755)
    return folder


def _line(pid: int) -> list[str]:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
    return [each.decode(errors="replace") for each in words[:-1]]


def _folder(argv: list[str]) -> str:
    """The job's own folder, wherever it stands."""
    found = re.search(r"file:(\S*/scratch/[^/\s]+)/", " ".join(argv))
    return found[1] if found else ""


def _named(pid: int, folder: str) -> str:
    """What the clip says it is, read as its child sees it; see `clips.named`."""
    source = seen_by(pid, Path(folder)) / "source"
    with suppress(OSError), source.open("rb") as file:
        file.seek(-NAME_BYTES, os.SEEK_END)
        return file.read().decode(errors="replace")
    return ""


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _state(pid: int) -> str:
    """One letter of the kernel's; nothing for a process that was reaped."""
    return (_stat(pid) or [""])[0]


def _ticks(pid: int) -> int:
    """Of processor time; -1 for a process that has ended."""
    found = _stat(pid)
    return -1 if not found or found[0] == "Z" else int(found[11]) + int(found[12])


@contextmanager
def watching(log: Path) -> Iterator[Watch]:
    log.unlink(missing_ok=True)
    watch = Watch(log)
    thread = threading.Thread(target=watch.run, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.close()
        thread.join(10)
