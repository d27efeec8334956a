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


def folders_left(scratch: Path, workers: Iterable[int]) -> list[str]:
    """All but the empty folders that living workers hold."""
    held = {name for pid in workers for name in _held(pid)}
    found = [each for each in scratch.iterdir() if each.is_dir()]
    within = [job for each in found if each.name in held for job in each.iterdir()]
    return [
        str(each.relative_to(scratch))
        for each in (*(f for f in found if f.name not in held), *within)
    ]


def _held(pid: int) -> Iterable[str]:
    with suppress(OSError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = each.readlink()
                if target.parent.name == "scratch":
                    yield target.name
