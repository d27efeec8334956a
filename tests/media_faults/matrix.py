"""The matrix: every fault in every phase, judged; what a cell of it has seen."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

from msgspec import Struct, field

from infra.settings import Settings
from tests.media_faults import faults, remains, small_disk
from tests.media_faults.cells import UPLOADS, Cell, Floor
from tests.media_faults.faults import CARELESS, FAULTS
from tests.media_faults.judge import Findings, folders, orphans
from tests.media_faults.town import Town, town
from tests.media_faults.watch import PHASES, watching

SETTLED_S = 8.0
NOT_POSSIBLE = "this machine lets nobody make a small disk"


class Line(Struct):
    """One cell over all its runs; `again` and `reaped_s` are the most of any run."""

    fault: str
    phase: str
    runs: int = 0
    reached: int = 0
    incomplete: int = 0
    doubled: int = 0
    orphans: int = 0
    folders: int = 0
    again: int = 0
    reaped_s: float | None = None
    other: int = 0
    said: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return self.reached == self.runs > 0 and not self.said

    def add(self, cell: Cell, found: Findings, starts: dict[int, int]) -> None:
        self.runs += 1
        self.reached += cell.reached
        self.incomplete += len(found.incomplete)
        self.doubled += len(found.doubled)
        self.orphans += len(found.orphans)
        self.folders += len(found.folders)
        self.other += len(found.again) + len(found.late) + len(found.other)
        self.again = max(self.again, sum(many - 1 for many in starts.values()))
        self.said += found.all


class Matrix:
    """Runs faults on one town; `usual` are the files of an undisturbed run."""

    def __init__(self, place: Town) -> None:
        self.town = place
        self.usual: frozenset[str] = frozenset()
        self.lines: dict[tuple[str, str], Line] = {}
        self._uploads = cycle(UPLOADS)

    def undisturbed(self) -> list[str]:
        """One video in peace, before any fault; findings, of which there are none."""
        with watching(self.town.started) as watch:
            floor = Floor(self.town, watch)
            self.town.work()
            floor.open("none", ["upload"])
            floor.begin(floor.cells[0])
            floor.settled()
            found = floor.judged(floor.cells[0], self._ends(floor))
            self.usual = frozenset(
                self.town.bodies(self.town.prefix(floor.cells[0].video))
            )
            self.town.stop()
        return found.all

    def run(
        self, name: str, phases: Sequence[str] = PHASES, *, careless: bool = False
    ) -> list[Line]:
        """One round of a fault; its lines with what was found this time."""
        fault = FAULTS[name]
        mine = [Line(name, phase) for phase in phases]
        if fault.small_disk and not small_disk.way():
            for line in mine:
                line.runs, line.said = 1, [NOT_POSSIBLE]
            return self._kept(mine)
        with watching(self.town.started) as watch:
            floor = Floor(self.town, watch, self.usual)
            floor.upload_at = UPLOADS[0] if careless else next(self._uploads)
            floor.line = CARELESS if careless else floor.line
            try:
                self._bring_about(floor, name, phases)
                self._judge(floor, mine)
            finally:
                self.town.gate.rules.clear()
                self.town.stop()
        return self._kept(mine)

    def _bring_about(self, floor: Floor, name: str, phases: Sequence[str]) -> None:
        fault = FAULTS[name]
        faults.start(floor, fault)
        floor.open(name, phases, wanted=fault.wanted)
        fault.traps(floor)
        floor.met()
        fault.strike(floor)
        floor.settled()

    def _judge(self, floor: Floor, lines: Sequence[Line]) -> None:
        fault = FAULTS[lines[0].fault]
        ends = self._ends(floor)
        left, on_disk = self._remains(floor, in_memory=fault.small_disk)
        for cell, line in zip(floor.cells, lines, strict=True):
            found = floor.judged(cell, ends, stops=fault.stops)
            found.orphans += left
            found.folders += on_disk
            if odd := cell.codes - fault.codes:
                found.other.append(f"attempts said {sorted(odd)}")
            if not cell.reached:
                found.other.append(f"it was not reached: {cell.state}")
            line.add(cell, found, floor.watch.starts(cell.asset))
            line.reaped_s = floor.reaped_s(cell) if fault.stops else None

    def _ends(self, floor: Floor) -> dict[str, int]:
        """Of each job as the log has it, once it has one for all that came to one."""
        cells = [each for each in floor.cells if each.wanted == "ready"]
        jobs = {str(self.town.task(c.kind, c.asset).get("id")) for c in cells}
        floor.wait(lambda: jobs <= set(self.town.count_ends()), SETTLED_S)
        return self.town.count_ends()

    def _remains(self, floor: Floor, *, in_memory: bool) -> tuple[list[str], list[str]]:
        """Once the worker has had a moment to tidy up."""
        scratch = self.town.scratch
        pid = self.town.workers["worker"].pid
        disk = small_disk.seen_by(pid, scratch) if in_memory else scratch
        floor.wait(
            lambda: not remains.running_on(scratch) and not remains.folders_left(disk),
            SETTLED_S,
        )
        running = orphans(remains.running_on(scratch))
        return running, folders(remains.folders_left(disk))

    def _kept(self, lines: Sequence[Line]) -> list[Line]:
        for line in lines:
            known = self.lines.setdefault((line.fault, line.phase), line)
            if known is not line:
                _together(known, line)
        return list(lines)

    def planted(self) -> dict[str, int]:
        """Findings by kind with a worker that keeps none of its promises."""
        kept, self.lines = self.lines, {}
        try:
            lines = self.run("SIGKILL of the worker", careless=True)
        finally:
            self.lines = kept
        return {
            "master published first": sum(each.incomplete for each in lines),
            "folder left": sum(each.folders for each in lines),
            "child left": sum((each.reaped_s or 0) > 2 for each in lines),
        }


def _together(known: Line, line: Line) -> None:
    for name in ("runs", "reached", "incomplete", "doubled", "orphans", "folders"):
        setattr(known, name, getattr(known, name) + getattr(line, name))
    known.other += line.other
    known.again = max(known.again, line.again)
    seconds = [each for each in (known.reaped_s, line.reaped_s) if each is not None]
    known.reaped_s = max(seconds, default=None)
    known.said += line.said


@contextmanager
def matrix(settings: Settings, folder: Path) -> Iterator[Matrix]:
    with town(settings, folder) as place:
        yield Matrix(place)
