"""Private folders of jobs, and the end of those whose job died with its process."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def folder(scratch: Path) -> Iterator[Path]:
    """For one job alone; it is locked as long as it is used, and then it goes.

    The kernel lets go of a lock with its holder, however that one died.
    """
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    made, lock = _made(scratch)
    try:
        yield made
    finally:
        # A thread that outlives its job may still write there: `sweep` has the rest.
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


def sweep(scratch: Path) -> list[str]:
    """Remove every folder that nobody holds; their names."""
    gone = []
    for each in scratch.iterdir() if scratch.exists() else ():
        lock = _locked(each)
        if lock is not None:
            shutil.rmtree(each, ignore_errors=True)
            os.close(lock)
            gone.append(each.name)
    return gone


def _made(scratch: Path) -> tuple[Path, int]:
    while True:
        made = Path(tempfile.mkdtemp(dir=scratch))
        lock = _locked(made)
        # Somebody who sweeps may have been here before the lock was.
        if lock is not None and made.exists():
            return made, lock
        if lock is not None:
            os.close(lock)


def _locked(path: Path) -> int | None:
    """What holds the lock, for no child; None where another process has it."""
    try:
        found = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(found)
        return None
    return found
