"""Where jobs keep their files: a folder per process, and none of those that died."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

# A lock lasts as long as its file is open, and no child inherits it.
_HELD: list[int] = []


def own(scratch: Path) -> Path:
    """A new folder for this process; what dead processes left is removed.

    The kernel lets go of a lock with its holder, however that one died.
    """
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    sweep(scratch)
    while True:
        folder = Path(tempfile.mkdtemp(dir=scratch))
        # Somebody who sweeps may have been here before the lock was.
        if (held := _locked(folder)) is not None and folder.exists():
            _HELD.append(held)
            return folder


def sweep(scratch: Path) -> list[str]:
    """Remove every folder that nobody holds; their names."""
    gone = []
    for folder in scratch.iterdir():
        held = _locked(folder)
        if held is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(held)
            gone.append(folder.name)
    return gone


def _locked(folder: Path) -> int | None:
    """The descriptor that holds the lock; None where another process has it."""
    with suppress(OSError):
        found = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(found)
        else:
            return found
    return None
