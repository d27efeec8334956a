"""Watches what workers start: every child, whose it is, and how it ended.

A trap freezes the first child of a job in a given phase (SIGSTOP), so that a fault
meets it in the middle of its work and not by luck.
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

from tests.media_faults.small_disk import seen_by

POLL_S = 0.004
# An encoder that has used this much is in its work, not in its preparations.
BUSY_TICKS = 2
NAME_BYTES = 36
PIECE = re.compile(r"piece-(\d{4})-")
PHASES = ("probe", "encode", "package", "upload")


@dataclass
class Child:
    """`job` names the clip that is its source; `reaped` is when it was no more."""

    pid: int
    argv: list[str]
    job: str
    phase: str
    piece: int = -1
    held: bool = False
    reaped: float = 0.0


def phase_of(argv: list[str]) -> str:
    """In which part of its job a child works; nothing for those between the parts.

    No child runs during an upload: there it is the last one before, which looks at
    what is going to be sent.
    """
    target = argv[-1].rpartition("/")[2]
    if argv[0].endswith("ffprobe"):
        return {"source": "probe"}.get(
            target, "upload" if target[:6] == "video-" else ""
        )
    if PIECE.match(target):
        return "encode"
    return "package" if target.startswith("fragmented-") else ""


def piece_of(argv: list[str]) -> int:
    found = PIECE.match(argv[-1].rpartition("/")[2])
    return int(found[1]) if found else -1


@dataclass
class Watch:
    """`traps` by job: the phase, and from which piece on."""

    workers: set[int] = field(default_factory=set)
    children: dict[int, Child] = field(default_factory=dict)
    traps: dict[str, tuple[str, int]] = field(default_factory=dict)
    caught: dict[str, Child] = field(default_factory=dict)
    _unnamed: set[int] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._over.is_set():
            for worker in tuple(self.workers):
                for pid in _children(worker):
                    self._look_at(pid)
            for child in tuple(self.children.values()):
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

    def of(self, job: str) -> list[Child]:
        return [each for each in tuple(self.children.values()) if each.job == job]

    def left(self) -> list[Child]:
        """Those that still run."""
        return [each for each in tuple(self.children.values()) if not each.reaped]

    def _look_at(self, pid: int) -> None:
        if pid in self.children:
            return
        argv = _argv(pid)
        # Before it becomes the program it is Python, which sets its limits.
        if not argv or "python" in argv[0].rpartition("/")[2]:
            return
        folder = _folder(argv)
        job = _named(pid, folder) if folder else ""
        self.children[pid] = Child(pid, argv, job, phase_of(argv), piece_of(argv))

    def _follow(self, child: Child) -> None:
        if child.reaped:
            return
        if not Path(f"/proc/{child.pid}").exists():
            child.reaped = time.monotonic()
            return
        trap = self.traps.get(child.job)
        if not child.job or trap is None or child.job in self.caught:
            return
        if (child.phase, child.piece >= trap[1]) == (trap[0], True):
            self._freeze(child)

    def _freeze(self, child: Child) -> None:
        if child.phase == "encode" and _ticks(child.pid) < BUSY_TICKS:
            return
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGSTOP)
            end = time.monotonic() + 1
            while (state := _state(child.pid)) not in "TZ" and time.monotonic() < end:
                time.sleep(POLL_S)
            if state == "T":
                child.held = True
                self.caught[child.job] = child


def thaw(child: Child) -> None:
    with suppress(ProcessLookupError):
        os.kill(child.pid, signal.SIGCONT)


def _children(worker: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{worker}/task").iterdir():
            with suppress(OSError):
                text = (task / "children").read_text()
                found += [int(each) for each in text.split()]
    return found


def _argv(pid: int) -> list[str]:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
    return [each.decode(errors="replace") for each in words[:-1]]


def _folder(argv: list[str]) -> str:
    """The job's own folder: `…/scratch/<worker>/<job>`, wherever it stands."""
    found = re.search(r"file:(\S*/scratch/[^/\s]+/[^/\s]+)/", " ".join(argv))
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
    return (_stat(pid) or ["Z"])[0]


def _ticks(pid: int) -> int:
    found = _stat(pid)
    return int(found[11]) + int(found[12]) if found else 0


@contextmanager
def watching() -> Iterator[Watch]:
    watch = Watch()
    thread = threading.Thread(target=watch.run, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.close()
        thread.join(10)
