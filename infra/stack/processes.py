"""Which process is which: a pid alone is reused, a pid with its start time is not."""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

STATE_DEAD = ("Z", "X")
POLL_S = 0.02


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A process for ever: the boot, the pid and the clock tick it started at."""

    pid: int
    started: int
    boot: str


def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat(pid: int) -> tuple[str, int] | None:
    """State letter and start tick; the name before them may hold any character."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19])


def identify(pid: int) -> Identity | None:
    seen = _stat(pid)
    return seen and Identity(pid=pid, started=seen[1], boot=boot_id())


def alive(who: Identity) -> bool:
    seen = _stat(who.pid)
    if seen is None or who.boot != boot_id():
        return False
    return seen[1] == who.started and seen[0] not in STATE_DEAD


def resident_bytes(pid: int) -> int:
    """Memory of a process and its descendants; a shared page counts once."""
    return sum(_rss(member) for member in family(pid))


def _rss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    sizes = (line.split()[1] for line in lines if line.startswith("Pss:"))
    return sum(int(size) for size in sizes) * 1024


def family(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found = [pid]
    for member in found:
        for path in Path(f"/proc/{member}/task").glob("*/children"):
            try:
                found.extend(int(child) for child in path.read_text().split())
            except OSError:
                continue
    return found


def working_in(folder: Path, program: str) -> list[int]:
    """Living processes of a program whose working directory is that folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            here = (entry / "cwd").readlink() == folder
            if here and (entry / "comm").read_text().strip() == program:
                found.append(int(entry.name))
    return found


def end_group(leader: int) -> None:
    """Kill what is left of a leader's process group; nothing left is fine."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def wait_gone(who: Identity, limit_s: float) -> bool:
    until = time.monotonic() + limit_s
    while alive(who):
        if time.monotonic() > until:
            return False
        time.sleep(POLL_S)
    return True


def end_process(who: Identity, stop: int, limit_s: float) -> None:
    """Ask, then force; a process that only shares the number is left alone."""
    if not alive(who):
        return
    os.kill(who.pid, stop)
    if not wait_gone(who, limit_s):
        os.kill(who.pid, signal.SIGKILL)
        wait_gone(who, 5)
    end_group(who.pid)
