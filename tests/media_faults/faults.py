"""The faults: how each finds its four cells, is brought about, and is taken away."""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from msgspec import Struct

from schemas.commands.job import CancelJob
from schemas.topics import JOBS
from tests.media_faults import small_disk
from tests.media_faults.cells import Cell, Floor
from tests.media_faults.watch import thaw

GONE_S = 6.0
NOTICE_S = 40.0
BELLS = 5
SECOND = "second"


class Fault(Struct, frozen=True):
    """`traps` makes its cells be held, `strike` brings it about when all are.

    `codes` are what an attempt may say of it; `stops`: children are to end at once.
    """

    strike: Callable[[Floor], None]
    traps: Callable[[Floor], None]
    codes: frozenset[str] = frozenset()
    wanted: str = "ready"
    small_disk: bool = False
    stops: bool = False


def catch(floor: Floor, *at_gate: str) -> None:
    """Children are frozen; these phases, and uploads, are held at the gate."""
    for cell in floor.cells:
        if cell.phase in {*at_gate, "upload"}:
            continue
        floor.trap(cell)
    for cell in floor.cells:
        if cell.phase == "probe" and "probe" in at_gate:
            floor.hold(cell, "GET", "/clip.mp4")
        floor.begin(cell)
        if cell.phase == "encode" and "encode" in at_gate:
            floor.hold(cell, "PUT", "/pieces/", but="/piece-0000")
        if cell.phase == "upload":
            floor.hold(cell, "PUT", floor.upload_at)


def all_let_go(floor: Floor) -> None:
    for cell in floor.cells:
        let_go(cell)


def let_go(cell: Cell) -> None:
    if cell.rule is not None:
        cell.rule.mode = "open"
    if cell.child is not None:
        thaw(cell.child)


def hit(floor: Floor) -> list[Cell]:
    """Those in their phases now; the fault counts for them."""
    found = [each for each in floor.cells if each.held]
    for cell in found:
        cell.reached, cell.stopped = True, time.monotonic()
    return found


def _new_worker(floor: Floor) -> None:
    floor.town.work("worker", *floor.line)


def _sigterm(floor: Floor) -> None:
    """As `up` stops a role; the next one starts when it is gone."""
    hit(floor)
    floor.town.tell("worker", signal.SIGTERM)
    all_let_go(floor)
    floor.town.gone("worker")
    _new_worker(floor)


def _kill_worker(floor: Floor) -> None:
    """No goodbye: the kernel ends its children, a new worker waits for the lease."""
    hit(floor)
    floor.orphaned = True
    floor.town.tell("worker", signal.SIGKILL)
    floor.town.gone("worker")
    _reaped(floor)
    all_let_go(floor)
    _new_worker(floor)


def _reaped(floor: Floor) -> None:
    """Frozen or not, they end by themselves."""
    held = [each.child for each in floor.cells if each.child is not None]
    floor.wait(lambda: all(each.dead for each in held), GONE_S)


def _kill_child(floor: Floor) -> None:
    for cell in hit(floor):
        if cell.child is not None:
            with suppress(ProcessLookupError):
                os.kill(cell.child.pid, signal.SIGKILL)
    _noticed(floor)


def _traps_of_children(floor: Floor) -> None:
    """Also before an upload, during which there is none to kill."""
    for cell in floor.cells:
        floor.trap(cell)
        floor.begin(cell)


def _noticed(floor: Floor, *phases: str) -> None:
    """Until an attempt at each of these jobs has failed; the next one is spared."""
    cells = floor.of(*phases) if phases else floor.cells
    ours = [each for each in cells if each.reached]
    floor.wait(lambda: not [c for c in ours if not _failed(floor, c)], NOTICE_S)
    for cell in ours:
        cell.reached = bool(cell.codes)


def _failed(floor: Floor, cell: Cell) -> bool:
    failed = floor.failed(cell)
    if failed:
        let_go(cell)
    return failed


def _cancel(floor: Floor) -> None:
    jobs = {c.asset: str(floor.town.task(c.kind, c.asset)["id"]) for c in floor.cells}
    for cell in hit(floor):
        cell.stopped = time.monotonic()
        floor.town.site.send(CancelJob("not wanted"), jobs[cell.asset])
    _reaped(floor)
    all_let_go(floor)


def _full(floor: Floor) -> None:
    """One after the other, for a job that fails makes room on the disk they share.

    An upload only reads, so it goes on; what it leaves is filled as well.
    """
    pid = floor.town.workers["worker"].pid
    disk = small_disk.seen_by(pid, floor.town.scratch)
    small_disk.fill(disk)
    hit(floor)
    for phase in ("upload", "package", "encode", "probe"):
        small_disk.fill(disk)
        for cell in floor.of(phase):
            let_go(cell)
        if phase == "upload":
            floor.wait(lambda: all(map(floor.at_rest, floor.of("upload"))))
        else:
            _noticed(floor, phase)
    small_disk.free(disk)


def _stalled(floor: Floor) -> None:
    """Frozen children stay frozen, and so do bytes of the source on their way."""
    hit(floor)
    _noticed(floor)
    all_let_go(floor)


def _traps_of_stalls(floor: Floor) -> None:
    """The source stops in its middle; of an upload the store's answer never comes."""
    catch(floor, "probe")
    for cell in floor.of("probe", "upload"):
        if cell.rule is not None:
            cell.rule.mode = "stall" if cell.phase == "probe" else "lose"


def _store_fails(floor: Floor) -> None:
    _store_is(floor, "fail")


def _store_silent(floor: Floor) -> None:
    _store_is(floor, "hold")


def _store_is(floor: Floor, mode: str) -> None:
    """Packaging asks nothing of the store: there it is away when the upload comes."""
    hit(floor)
    for cell in floor.of("package"):
        floor.hold(cell, "PUT", "/")
    for cell in floor.cells:
        if cell.rule is not None:
            cell.rule.mode = "fail" if mode == "fail" else "hold"
        if cell.child is not None:
            thaw(cell.child)
    _noticed(floor)
    all_let_go(floor)


def _doubled(floor: Floor) -> None:
    """Frozen past its lease, replaced by another that ends the jobs, then woken.

    Its bells ring again and again meanwhile.
    """
    for cell in hit(floor):
        if cell.rule is not None:
            cell.rule.most = 1
        job = str(floor.town.task(cell.kind, cell.asset)["id"])
        for _ in range(BELLS):
            floor.town.site.ring(JOBS["media"], job)
    floor.town.tell("worker", signal.SIGSTOP)
    floor.town.work(SECOND, ordinal=1)
    floor.settled()
    floor.town.tell("worker", signal.SIGCONT)
    all_let_go(floor)
    _reaped(floor)
    floor.town.tell("worker", signal.SIGTERM)
    floor.town.gone("worker")
    floor.town.workers["worker"] = floor.town.workers.pop(SECOND)


def start(floor: Floor, fault: Fault) -> None:
    """The worker that this fault will meet."""
    line = list(floor.line)
    if fault.small_disk:
        line = small_disk.on_it(floor.town.scratch, line)
    floor.town.work("worker", *line)


CARELESS = (sys.executable, "-m", "tests.media_faults.careless")
KILLED = frozenset({"killed"})
AWAY = frozenset({"storage_busy", "storage_away", "storage_cut_off"})
FAULTS: Mapping[str, Fault] = {
    "SIGTERM to the worker": Fault(_sigterm, catch, stops=True),
    "SIGKILL of the child": Fault(_kill_child, _traps_of_children, KILLED),
    "SIGKILL of the worker": Fault(_kill_worker, catch, stops=True),
    "scratch disk full": Fault(
        _full,
        lambda floor: catch(floor, "probe"),
        frozenset({"disk_full"}),
        small_disk=True,
    ),
    "stalled input": Fault(_stalled, _traps_of_stalls, AWAY | {"stalled"}),
    "store answers 500": Fault(
        _store_fails, lambda floor: catch(floor, "probe", "encode"), AWAY
    ),
    "store is silent": Fault(
        _store_silent, lambda floor: catch(floor, "probe", "encode"), AWAY
    ),
    "delivered twice": Fault(_doubled, catch),
    "cancelled": Fault(
        _cancel, catch, frozenset({"cancelled"}), wanted="failed", stops=True
    ),
}
