"""`make faults`: kill runs over every point, judged after each round; a table and JSON.

python -m tests.faults [--runs N] [--troubles N] [--point P ...] [--seed S]
                       [--json FILE]

Troubles of servers are made twice by default: each takes ten seconds and more.
"""

import argparse
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct, to_builtins

from streams.faults import EXIT, POINTS
from tests.faults import drive, planted, troubles
from tests.faults.drive import Kill
from tests.faults.installation import NotWithin
from tests.faults.oracle import Verdict
from tests.faults.rig import Rig, rigged

ROUNDS_PER_STACK = 20
RUNS = 5
# One round of troubles for so many kills of each point, if nothing else is asked.
KILLS_A_ROUND = 3
MOST_TROUBLES = 20
LAST_WORDS = 20


class Line(Struct):
    """What is printed of one point, trouble or zombie."""

    name: str
    kills: int = 0
    missed: int = 0
    lost: int = 0
    doubled: int = 0
    divergent: int = 0

    @property
    def good(self) -> bool:
        return not (self.missed or self.lost or self.doubled or self.divergent)


class Table:
    """Counts by name; what a verdict finds is put down to all that were killed."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}

    def add(self, kills: Sequence[Kill], verdict: Verdict) -> None:
        for kill in kills:
            line = self.lines.setdefault(kill.point, Line(kill.point))
            line.kills += kill.reached
            line.missed += not kill.reached
        for name in {kill.point for kill in kills}:
            line = self.lines[name]
            line.lost += len(verdict.lost)
            line.doubled += len(verdict.doubled)
            line.divergent += len(verdict.divergent)

    def print(self) -> None:
        head = ("point", "kills", "missed", "lost", "doubled", "divergent")
        say(f"{head[0]:<28}" + "".join(f"{name:>10}" for name in head[1:]))
        for line in self.lines.values():
            counts = (line.kills, line.missed, line.lost, line.doubled, line.divergent)
            say(f"{line.name:<28}" + "".join(f"{count:>10}" for count in counts))


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def families(points: Sequence[str]) -> list[list[str]]:
    """Points that are killed together before the stores are judged."""
    found: dict[str, list[str]] = {}
    for point in points:
        found.setdefault(point.partition(".")[0], []).append(point)
    return list(found.values())


def rounds(rig: Rig, points: Sequence[str], runs: int, table: Table) -> None:
    for number in range(runs):
        kills = drive.run(rig, points)
        verdict = rig.verdict(calm=False)
        table.add(kills, verdict)
        say(f"  round {number + 1}: {len(kills)} kills, {len(verdict.all)} findings")
        for words in verdict.all:
            say(f"    {words}")


def kill_runs(points: Sequence[str], runs: int, seed: str, table: Table) -> None:
    """Each family on installations of its own, so that a finding has an address."""
    for mine in families(points):
        left = runs
        while left > 0:
            some = min(left, ROUNDS_PER_STACK)
            say(f"{mine[0].partition('.')[0]}: {len(mine)} points, {some} rounds")
            with fresh(f"{seed}/{mine[0]}/{left}") as rig:
                rounds(rig, mine, some, table)
            left -= some


def trouble_runs(names: Sequence[str], runs: int, seed: str, table: Table) -> None:
    for number in range(runs if names else 0):
        with fresh(f"{seed}/troubles/{number}", wired=True) as rig:
            for name in names:
                if number and name in troubles.ONCE:
                    continue
                code = troubled(rig, troubles.TROUBLES[name])
                verdict = rig.verdict(calm=False)
                table.add([Kill(name, 1, code, 0)], verdict)
                say(f"  {name}: {'done' if code else 'not brought about'}")
                for words in verdict.all:
                    say(f"    {words}")


def troubled(rig: Rig, work: Callable[[Rig], None]) -> int | None:
    rig.traffic.go()
    troubles.wait(rig, troubles.WAKE_S)
    try:
        work(rig)
    except NotWithin:
        return None
    return EXIT


def plants(seed: str) -> dict[str, int]:
    """Findings per planted bug; 0 where it was missed, or found without it."""
    found = {}
    for name in planted.BUGS:
        with fresh(f"{seed}/{name}") as rig:
            without = tried(rig, planted.control, name)
            found[name] = 0 if without else tried(rig, planted.findings, name)
        say(f"planted bug {name}: {found[name]} findings, {without} without it")
    return found


def tried(rig: Rig, work: Callable[[Rig, str], int], name: str) -> int:
    """Not to settle is a finding, too; what the roles said last tells why."""
    try:
        return work(rig, name)
    except NotWithin as wrong:
        say(f"    {wrong}")
        for role in planted.MENDED:
            said = rig.site.log_of(role).splitlines()[-LAST_WORDS:]
            say("\n".join(f"    {role}: {line}" for line in said))
        return 1


@contextmanager
def fresh(seed: str, *, wired: bool = False) -> Iterator[Rig]:
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        rigged(Path(folder) / "data", seed, say_nothing, wired=wired) as rig,
    ):
        yield rig


def say_nothing(_: str) -> None:
    """The servers' own lines are of no interest here."""


def main() -> int:
    asked = _arguments()
    table = Table()
    began = time.monotonic()
    say(f"seed {asked.seed}, {asked.runs} kills per point")
    names = asked.point or [*POINTS, *troubles.TROUBLES]
    kill_runs([each for each in names if each in POINTS], asked.runs, asked.seed, table)
    others = [each for each in names if each in troubles.TROUBLES]
    trouble_runs(others, _rounds_of_troubles(asked), asked.seed, table)
    table.print()
    bugs = {} if asked.point else plants(asked.seed)
    good = all(line.good for line in table.lines.values()) and all(bugs.values())
    _write(asked, table, bugs, time.monotonic() - began)
    return 0 if good else 1


def _rounds_of_troubles(asked: argparse.Namespace) -> int:
    """From one to twenty, unless a number is given."""
    if asked.troubles is None:
        return min(-(-int(asked.runs) // KILLS_A_ROUND), MOST_TROUBLES)
    return int(asked.troubles)


def _write(
    asked: argparse.Namespace, table: Table, bugs: dict[str, int], seconds: float
) -> None:
    lines = list(table.lines.values())
    told = {
        "seed": asked.seed,
        "seconds": round(seconds),
        "points": len(lines),
        "kills": sum(each.kills for each in lines),
        "missed": sum(each.missed for each in lines),
        "lost": sum(each.lost for each in lines),
        "doubled": sum(each.doubled for each in lines),
        "divergent": sum(each.divergent for each in lines),
        "planted": bugs,
    }
    say(json.dumps(told))
    if asked.json:
        rows = [to_builtins(each) for each in lines]
        asked.json.write_text(json.dumps({**told, "lines": rows}, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--troubles", type=int)
    known = [*POINTS, *troubles.TROUBLES]
    parser.add_argument("--point", action="append", choices=known)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
