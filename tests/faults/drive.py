"""The driver: ends roles at their fault points while a history runs, and starts them.

A lane is one role with the points it still has to die at. A role that died is started
with its next point armed, so that it may die again while it recovers; after its last
point it is started in peace.
"""

import re
import time
from collections import deque
from collections.abc import Iterable, Sequence

from msgspec import Struct

from infra.stack.children import Child
from streams.faults import EXIT, POINTS
from tests.faults.installation import POLL_S, ROOT
from tests.faults.rig import Rig

CODE = ("streams", "projections", "api", "infra", "media_agents")
REACHED = re.compile(r"""reach\(\s*["']([a-z_.]+)["']""")
REACH_S = 90.0
HAUNT_S = 3.0
WIDTH = 3
BUILD_S = 40.0
# Read models that no spoilt record of the history belongs to.
STEPS = {
    "rebuild": ("rebuild.filling",),
    "verify": (),
    "switch": ("rebuild.switching", "rebuild.switched"),
}
BUILT = ("copies", "tasks", "accounts", "publications", "timers")

ROLE_OF = {
    "api": "api",
    "decider": "decider",
    "projector": "projector",
    "sink": "sink",
    "reactor": "reactor",
    "inbound": "inbound",
    "dispatcher": "dispatcher",
    "worker": "worker-ai",
    "publish": "worker-publish",
    "auditor": "auditor",
}
# These are reached while mending what a kill at the other point left behind.
AFTER = {"sink.mending": "sink.inserted", "sink.deleted": "sink.inserted"}
TURNS = 4
# Reached for every record or batch: which of them dies is drawn up to this number.
OFTEN = {
    "api.before_append": 8,
    "api.appended": 8,
    "decider.before_append": 20,
    "decider.sent": 20,
    "decider.confirmed": 20,
    "projector.written": 12,
    "projector.moved": 12,
    "projector.committed": 12,
    "sink.planning": 6,
    "sink.planned": 6,
    "sink.inserted": 6,
    "reactor.before_append": 12,
    "reactor.appended": 12,
    "dispatcher.marked": 3,
    "dispatcher.appended": 3,
    "dispatcher.rung": 6,
    "worker.leased": 3,
    "worker.started": 3,
    "worker.worked": 3,
    "worker.answered": 3,
}


class Kill(Struct, frozen=True):
    """One armed process and how it ended; `code` None: it never got there."""

    point: str
    nth: int
    code: int | None
    seconds: float

    @property
    def reached(self) -> bool:
        return self.code == EXIT


def mentioned() -> set[str]:
    """Points that the code reaches somewhere, known or not."""
    return {
        point
        for folder in CODE
        for path in (ROOT / folder).rglob("*.py")
        for point in REACHED.findall(path.read_text(encoding="utf-8"))
    }


def placed() -> set[str]:
    """Points of the table that the code reaches somewhere."""
    return mentioned() & set(POINTS)


def role_of(point: str) -> str:
    """The role that dies there; nothing for a point of a command."""
    return ROLE_OF.get(point.partition(".")[0], "")


class Lane:
    """One role on its way through its points."""

    def __init__(self, rig: Rig, role: str, points: Iterable[str]) -> None:
        self._rig = rig
        self._role = role
        self._left = deque(points)
        self._point, self._nth = "", 0
        self._began = 0.0
        self._turns = 0
        self._child: Child | None = None
        self.kills: list[Kill] = []

    def begin(self) -> None:
        self._rig.site.stop(self._role)
        self._next()

    def step(self) -> bool:
        """Look once; True when the last point is behind."""
        if self._child is None:
            return True
        if not self._child.running:
            self._ended(self._child.process.wait())
        elif time.monotonic() - self._began > REACH_S:
            self._rig.site.stop(self._role)
            self._ended(None)
        return self._child is None

    def _ended(self, code: int | None) -> None:
        seconds = time.monotonic() - self._began
        self.kills.append(Kill(self._point, self._nth, code, seconds))
        self._next()

    def _next(self) -> None:
        if not self._left:
            self._rig.site.start(self._role)
            self._child = None
            return
        self._point = self._left.popleft()
        if not self._prepared() and self._turns < TURNS:
            self._turns += 1
            self._left.appendleft(self._point)
            self._point = AFTER[self._point]
        self._nth = self._rig.chance.randint(1, OFTEN.get(self._point, 1))
        fault = f"{self._point}:{self._nth}"
        self._child = self._rig.site.start(self._role, fault=fault)
        self._began = time.monotonic()

    def _prepared(self) -> bool:
        """Whether there is what this point is about; a spoilt record is made."""
        match self._point:
            case "projector.parking":
                self._rig.spoil()
            case "sink.mending":
                return self._rig.open_plans() > 0
            case "sink.deleted" if self._rig.open_plans():
                self._rig.double_range()
            case "sink.deleted":
                return False
            case _:
                return True
        return True


def lanes(rig: Rig, points: Sequence[str]) -> list[Lane]:
    """A lane per role, its points in the order of the table."""
    by_role: dict[str, list[str]] = {}
    for point in points:
        if role := role_of(point):
            by_role.setdefault(role, []).append(point)
    return [Lane(rig, role, mine) for role, mine in by_role.items()]


def run(rig: Rig, points: Sequence[str], width: int = WIDTH) -> list[Kill]:
    """Die once at each point, at most `width` roles dying at a time."""
    waiting, going = deque(lanes(rig, points)), list[Lane]()
    kills: list[Kill] = []
    rig.traffic.go()
    haunted = time.monotonic()
    while waiting or going:
        while waiting and len(going) < width:
            lane = waiting.popleft()
            lane.begin()
            going.append(lane)
        for lane in [each for each in going if each.step()]:
            going.remove(lane)
            kills += lane.kills
        if time.monotonic() - haunted > HAUNT_S:
            haunted = time.monotonic()
            rig.haunt()
        time.sleep(POLL_S)
    built = [each for each in points if not role_of(each)]
    return kills + (build(rig, built) if built else [])


def build(rig: Rig, points: Sequence[str]) -> list[Kill]:
    """A read model is built and shown by commands that die; then by whole ones."""
    name = rig.chance.choice(BUILT)
    kills: list[Kill] = []
    for words, mine in STEPS.items():
        kills += [_dies(rig, words, name, each) for each in mine if each in points]
        if "rebuild.switched" not in points or words != "switch":
            _to_the_end(rig, words, name)
    _to_the_end(rig, "retire", name)
    return kills


def _dies(rig: Rig, words: str, name: str, point: str) -> Kill:
    began = time.monotonic()
    code = _command(rig, words, name, fault=f"{point}:1")
    return Kill(point, 1, code, time.monotonic() - began)


def _to_the_end(rig: Rig, *words: str) -> None:
    code = _command(rig, *words)
    if code:
        said = rig.site.log_of("command")[-600:]
        raise AssertionError(f"projection {' '.join(words)} ended with {code}: {said}")


def _command(rig: Rig, *words: str, fault: str = "") -> int:
    rig.site.command("projection", *words, fault=fault)
    return rig.site.ended("command", BUILD_S)
