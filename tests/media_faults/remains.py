"""What is left on the machine when all is quiet: processes, and folders of jobs."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def running_on(scratch: Path) -> list[str]:
    """Command lines of processes that work in the scratch folder."""
    return [line for line in _command_lines() if f"{scratch}/" in line]


def _command_lines() -> Iterable[str]:
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            with suppress(OSError):
                yield (
                    (each / "cmdline")
                    .read_bytes()
                    .replace(b"\0", b" ")
                    .decode(errors="replace")
                )


def folders_left(scratch: Path) -> list[str]:
    """Of jobs, none of which is at work any more."""
    return [each.name for each in scratch.iterdir() if each.is_dir()]
