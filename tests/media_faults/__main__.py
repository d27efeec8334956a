"""`make faults-media`: each fault in each phase of a media job; a table and JSON.

python -m tests.media_faults [--rounds N] [--fault NAME ...] [--json FILE]

Exit code 1 for any finding, for a cell that was not reached, and for a planted bug
that was not found.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from msgspec import to_builtins

from tests.fixtures.fix_stack import servers_in
from tests.media_faults import small_disk
from tests.media_faults.faults import FAULTS
from tests.media_faults.matrix import Line, Matrix, matrix

COUNTS = ("runs", "reached", "incomplete", "doubled", "orphans", "folders", "again")
PLANTED = "planted bugs"
HEAD = f"{'fault':<23}{'phase':<9}"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    asked = _arguments()
    names = asked.fault or [*FAULTS, PLANTED]
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="media-faults-") as folder,
        servers_in(Path(folder)) as settings,
        matrix(settings, Path(folder)) as made,
    ):
        calm = made.undisturbed()
        say(f"undisturbed: {len(made.usual)} files, {len(calm)} findings {calm or ''}")
        for number in range(asked.rounds):
            _round(made, [each for each in names if each in FAULTS], number + 1)
        bugs = made.planted() if PLANTED in names else {}
    seconds = round(time.monotonic() - began)
    table(list(made.lines.values()))
    _tell(asked, made, bugs, seconds)
    lines = made.lines.values()
    return 0 if not calm and all(x.good for x in lines) and all(bugs.values()) else 1


def _round(made: Matrix, names: list[str], number: int) -> None:
    for name in names:
        began = time.monotonic()
        lines = made.run(name)
        took = time.monotonic() - began
        said = [f"{line.phase}: {each}" for line in lines for each in line.said]
        reached = sum(each.reached for each in lines)
        say(
            f"  round {number}, {name}: {reached} cells reached, "
            f"{len(said)} findings, {took:.0f} s"
        )
        for each in dict.fromkeys(said):
            say(f"    {each}")


def table(lines: list[Line]) -> None:
    say(HEAD + "".join(f"{name:>11}" for name in (*COUNTS, "reaped s", "other")))
    for line in lines:
        counts = "".join(f"{getattr(line, name):>11}" for name in COUNTS)
        reaped = "-" if line.reaped_s is None else f"{line.reaped_s:.2f}"
        say(f"{line.fault:<23}{line.phase:<9}{counts}{reaped:>11}{line.other:>11}")


def _tell(
    asked: argparse.Namespace, made: Matrix, bugs: dict[str, int], seconds: int
) -> None:
    lines = list(made.lines.values())
    told = {
        "seconds": seconds,
        "cells": len(lines),
        **{name: sum(getattr(each, name) for each in lines) for name in COUNTS[:-1]},
        "findings": sum(len(each.said) for each in lines),
        "pieces_again_most": max((each.again for each in lines), default=0),
        "reaped_s_most": max((each.reaped_s or 0 for each in lines), default=0),
        "small_disk": f"tmpfs by unshare {small_disk.way()}"
        if small_disk.way()
        else "",
        "planted": bugs,
    }
    say(json.dumps(told))
    if asked.json:
        rows = [to_builtins(each) for each in lines]
        asked.json.write_text(json.dumps({**told, "lines": rows}, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.media_faults")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--fault", action="append", choices=[*FAULTS, PLANTED])
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
