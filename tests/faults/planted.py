"""Planted bugs: a promise taken out of the code, which the harness has to notice.

`entry.py` takes the promise out of one process; here is the smallest history that
makes the hole felt. Without the bug the same history ends well.
"""

from collections.abc import Callable, Mapping

from streams.faults import EXIT
from tests.faults import drive, troubles
from tests.faults.installation import NotWithin
from tests.faults.rig import Rig

HAUNTS = 3
WORK_S = 6.0
QUIET_S = 10.0


def findings(rig: Rig, bug: str, way: str = "") -> int:
    """What the harness finds; not to settle is a finding. `way`: with another entry."""
    rig.traffic.go()
    troubles.wait(rig, troubles.WAKE_S)
    patience_s = rig.patience_s
    BUGS[bug](rig, way or bug)
    found = rig.verdict()
    rig.patience_s = patience_s
    for role in MENDED:
        rig.site.stop(role)
        rig.site.start(role)
    return len(found.all)


def control(rig: Rig, bug: str) -> int:
    """The same history with the promise in place: there must be nothing to find."""
    return findings(rig, bug, CONTROLS.get(bug, "plain"))


def _ack_trusted(rig: Rig, way: str) -> None:
    rig.site.stop("projector")
    rig.site.start("projector", entry=way)
    for _ in range(HAUNTS):
        troubles.wait(rig, troubles.WAKE_S)
        rig.haunt()


def _cas_left_out(rig: Rig, way: str) -> None:
    """Felt when nothing comes any more: the next batch would find the position odd."""
    troubles.zombie(rig, "sink.planning", entry=way, quiet=True)
    rig.patience_s = QUIET_S


def _plan_row_skipped(rig: Rig, way: str) -> None:
    rig.site.stop("sink")
    rig.site.start("sink", fault="sink.planned:3", entry=way)
    if rig.site.ended("sink", drive.REACH_S) != EXIT:
        raise NotWithin("the sink did not die where it should")
    rig.site.start("sink")


def _lease_ignored(rig: Rig, way: str) -> None:
    rig.site.stop("worker-ai")
    rig.site.start("worker-ai", entry=way)
    troubles.wait(rig, WORK_S)


MENDED = ("projector", "sink", "worker-ai")
CONTROLS = {"cas_left_out": "freeze"}
BUGS: Mapping[str, Callable[[Rig, str], None]] = {
    "ack_trusted": _ack_trusted,
    "cas_left_out": _cas_left_out,
    "plan_row_skipped": _plan_row_skipped,
    "lease_ignored": _lease_ignored,
}
