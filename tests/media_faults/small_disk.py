"""A scratch disk that can be full: a file system in memory that one worker alone sees.

It is mounted in a mount namespace of the worker (`unshare`), as root or, where the
kernel lets them, as any user in a user namespace; it goes away with the worker.
"""

import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

MEGABYTES = 48
BALLAST = "ballast"
MOUNT = 'mount -t tmpfs -o mode=700,size="$0"m tmpfs "$1" && shift && exec "$@"'


@cache
def way() -> str:
    """How this machine lets us make one: options of unshare; empty if it does not."""
    for options in ("-m", "-Urm"):
        probe = ["unshare", options, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        if shutil.which("unshare") is None:
            return ""
        if not subprocess.run(probe, capture_output=True, check=False).returncode:
            return options
    return ""


def on_it(folder: Path, line: Sequence[str]) -> list[str]:
    """The command that runs `line` with the small disk in the place of the folder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return ["unshare", way(), "sh", "-c", MOUNT, str(MEGABYTES), str(folder), *line]


def seen_by(pid: int, folder: Path) -> Path:
    """The folder as that process has it."""
    return Path("/proc", str(pid), "root", *folder.parts[1:])


def fill(disk: Path) -> int:
    """Until not a byte more goes in; how many are in it now."""
    with suppress(OSError), (disk / BALLAST).open("ab", buffering=0) as file:
        while True:
            file.write(b"\0" * 65_536)
    with suppress(OSError), (disk / BALLAST).open("ab", buffering=0) as file:
        while file.write(b"\0"):
            pass
    return (disk / BALLAST).stat().st_size


def free(disk: Path) -> None:
    (disk / BALLAST).unlink(missing_ok=True)
