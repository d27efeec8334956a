"""What is downloaded or built once for all data directories of a user."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from infra.problem import Stop


@contextlib.contextmanager
def held(cache: Path, name: str) -> Iterator[Path]:
    """A folder of the cache that one process at a time may fill."""
    folder = cache / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("a")
    except OSError as error:
        raise Stop(
            f"Cannot write {folder} ({error.strerror}): set CONTENTOPS_CACHE to a "
            "folder that you own."
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
