"""How many processors this process may use: of the machine, and of its cgroup.

A container with two processors of sixty-four sees all of them in `os.cpu_count()`.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

GROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


def cores(groups: Path = GROUPS, own: Path = OWN) -> int:
    """Whole ones, at least one."""
    return max(1, int(min([float(_allowed()), *_quotas(groups, own)])))


def _allowed() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS has none
        return os.cpu_count() or 1


def _quotas(groups: Path, own: Path) -> Iterator[float]:
    """Of the own group and of all above it; those without a limit say nothing."""
    for folder in _folders(groups, _read(own).splitlines()):
        whole, _, period = _read(folder / "cpu.max").partition(" ")
        if not whole:
            whole = _read(folder / "cpu.cfs_quota_us")
            period = _read(folder / "cpu.cfs_period_us")
        if whole.strip().isdigit() and period.strip().isdigit() and int(period):
            yield int(whole) / int(period)


def _folders(groups: Path, lines: Iterable[str]) -> Iterator[Path]:
    """Version 2 has one tree, version 1 one for each controller."""
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        inner = PurePosixPath(path.lstrip("/"))
        for name in (controllers, *controllers.split(","), "unified"):
            for each in (inner, *inner.parents):
                yield groups / name / each


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
