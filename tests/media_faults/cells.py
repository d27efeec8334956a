"""Cells of the matrix: one fault in one phase of one job, held until all are there.

All four cells of a fault run side by side on one worker; each waits in its phase, with
a frozen child or a request that the gate holds, until the fault is brought about.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tests.media_faults.gate import Rule
from tests.media_faults.judge import Findings, Seen, judge, unfinished
from tests.media_faults.town import ROLE, WORKER, Town
from tests.media_faults.watch import PHASES, Child, Watch

HOLD_S = 40.0
SETTLE_S = 90.0
SAMPLE_S = 0.2
LOOK_S = 0.02
# Interrupted in its second piece, a job has one that need not be made again.
PIECE = 1
# Where an upload is held: at the first of its files, or at the master, the last.
UPLOADS = ("/video-", "/master-")


@dataclass
class Cell:
    """`reached`: the fault met it in its phase; `codes`: what attempts said of it."""

    fault: str
    phase: str
    wanted: str = "ready"
    asset: str = ""
    video: str = ""
    rule: Rule | None = None
    child: Child | None = None
    reached: bool = False
    stopped: float = 0.0
    codes: set[str] = field(default_factory=set)
    early: set[str] = field(default_factory=set)

    @property
    def state(self) -> str:
        """For whoever wonders why it was not reached."""
        met = self.rule.met if self.rule else None
        return f"requests {met}, child {self.child}, said {sorted(self.codes)}"

    @property
    def held(self) -> bool:
        if self.rule is not None:
            return self.rule.met > 0
        return self.child is not None and not self.child.reaped

    @property
    def kind(self) -> str:
        return "probe" if self.phase == "probe" else "transcode"


class Floor:
    """One fault's cells on the town's worker, with everything that is seen of them."""

    def __init__(self, town: Town, watch: Watch, usual: Iterable[str] = ()) -> None:
        self.town = town
        self.watch = watch
        self.usual = frozenset(usual)
        self.cells: list[Cell] = []
        self.line: Sequence[str] = (*ROLE, *WORKER)
        self.upload_at = UPLOADS[0]
        self.orphaned = False
        self._sampled = 0.0

    # Until all are in their phases

    def open(
        self, fault: str, phases: Iterable[str] = PHASES, *, wanted: str = "ready"
    ) -> None:
        """Assets for all of them; what is transcoded has been probed."""
        self.cells = [Cell(fault, each, wanted, self.town.upload()) for each in phases]
        for cell in self.of("probe"):
            cell.wanted = "refused" if wanted == "failed" else wanted
        for cell in self.of("encode", "package", "upload"):
            self.town.arrived(cell.asset)
        self.wait(
            lambda: all(self._probed(c) for c in self.of("encode", "package", "upload"))
        )

    def of(self, *phases: str) -> list[Cell]:
        return [each for each in self.cells if each.phase in phases]

    def _probed(self, cell: Cell) -> bool:
        return self.town.asset(cell.asset).get("status") == "ready"

    def trap(self, cell: Cell) -> None:
        """Its next child in this phase is frozen."""
        at = PIECE if cell.phase == "encode" else -1
        self.watch.traps[cell.asset] = (cell.phase, at)

    def hold(self, cell: Cell, verb: str, part: str, but: str = "\0") -> None:
        """A request of its job waits at the gate."""
        whose = cell.video or cell.asset
        cell.rule = self.town.gate.rule(verb, f"{whose}{part}", but=but)

    def begin(self, cell: Cell) -> None:
        if cell.phase == "probe":
            self.town.arrived(cell.asset)
        else:
            cell.video = self.town.transcode(cell.asset)

    def met(self) -> bool:
        """Waits until each is held; what is not will be told as not reached."""
        return self.wait(self._all_held, HOLD_S)

    def _all_held(self) -> bool:
        for cell in self.cells:
            cell.child = cell.child or self.watch.caught.get(cell.asset)
        return all(each.held for each in self.cells)

    # While the fault is on

    def wait(self, look: Callable[[], bool], limit_s: float = SETTLE_S) -> bool:
        """Looks again until it is so; meanwhile whoever publishes early is seen."""
        end = time.monotonic() + limit_s
        while not look():
            if time.monotonic() > end:
                return False
            self.sample()
            time.sleep(LOOK_S)
        return True

    def sample(self) -> None:
        """What a viewer would find now: a row first, then what lies in the store."""
        if time.monotonic() - self._sampled < SAMPLE_S:
            return
        self._sampled = time.monotonic()
        for cell in self.cells:
            if cell.video:
                row, prefix = self.town.video(cell.video), self.town.prefix(cell.video)
                there = self.town.bodies(prefix, playlists=True)
                cell.early |= set(unfinished(there, row, prefix, self.usual))
            self.failed(cell)

    def failed(self, cell: Cell) -> bool:
        """Whether an attempt at its job has failed until now; notes why."""
        problem = self.town.task(cell.kind, cell.asset).get("problem")
        cell.codes |= {str(problem["code"])} if isinstance(problem, dict) else set()
        return bool(cell.codes)

    def settled(self) -> bool:
        return self.wait(
            lambda: self.town.quiet() and all(map(self.at_rest, self.cells))
        )

    def at_rest(self, cell: Cell) -> bool:
        status = self._row(cell).get("status")
        return status in {"ready", "failed", "refused"}

    def _row(self, cell: Cell) -> dict[str, object]:
        if cell.phase == "probe":
            return self.town.asset(cell.asset)
        return self.town.video(cell.video)

    # When all is over

    def judged(
        self, cell: Cell, ends: dict[str, int], *, stops: bool = False
    ) -> Findings:
        """`stops`: the fault was to end its child at once."""
        prefix = self.town.prefix(cell.video)
        job = str(self.town.task(cell.kind, cell.asset).get("id", ""))
        seen = Seen(
            kind="asset" if cell.phase == "probe" else "video",
            bodies=self.town.bodies(prefix) if cell.video else {},
            row=self._row(cell),
            wanted=cell.wanted,
            ended=ends.get(job, 0),
            starts=self.watch.starts(cell.asset),
            reaped_s=self.reaped_s(cell) if stops else None,
            source_kept=self.town.source_kept(cell.asset),
            usual=self.usual if cell.video else (),
        )
        found = judge(seen, prefix)
        found.incomplete += sorted(cell.early)
        return found

    def reaped_s(self, cell: Cell) -> float | None:
        """From the stop to the end of the child that was held.

        An orphan is reaped by the machine, whenever it likes: its death counts.
        """
        if not cell.stopped or cell.child is None:
            return None
        ended = cell.child.dead if self.orphaned else cell.child.reaped
        return max(0.0, (ended or time.monotonic()) - cell.stopped)
