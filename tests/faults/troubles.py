"""Troubles that are no death of ours: zombies, cut wires, servers that end or fill up.

Each brings its trouble about while the history runs and takes it away again. Whether
anything was lost is not judged here but by the oracle, as after every kill.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from msgspec import Struct

from tests.faults.drive import OFTEN
from tests.faults.installation import NotWithin, until
from tests.faults.proxy import Mode
from tests.faults.rig import Rig

LOOK_S = 0.1
WAKE_S = 2.0
CUT_S = 3.0
AWAY_S = 5.0
MINUTES_S = 150.0
FREEZE_S = 30.0
LEAVE_S = 5.0
SESSION_S = 11.0
BALLAST = "ballast"
# So long that once a run is enough.
ONCE = frozenset({"minutes without clickhouse"})
# Where the data lies, and the size in megabytes of the disk that fills up.
DISKS = {
    "postgres": ("postgres/data", 400),
    "kafka": ("kafka/logs", 200),
    "clickhouse": ("clickhouse/data", 200),
}
STATEFUL = (
    "decider",
    "projector",
    "sink",
    "reactor",
    "inbound",
    "dispatcher",
    "worker-ai",
    "worker-publish",
)
# Where a role holds something that somebody else takes over while it is frozen.
ZOMBIES = {
    "decider.before_append": "decider",
    "decider.sent": "decider",
    "projector.written": "projector",
    "projector.moved": "projector",
    "sink.planning": "sink",
    "sink.planned": "sink",
    "reactor.before_append": "reactor",
    "reactor.appended": "reactor",
    "dispatcher.marked": "dispatcher",
    "worker.started": "worker-ai",
    "worker.worked": "worker-ai",
    "publish.intended": "worker-publish",
    "publish.called": "worker-publish",
}


class Trouble(Struct, frozen=True):
    """What was done and how long it lasted."""

    name: str
    seconds: float


def timed(name: str, work: Callable[[], None]) -> Trouble:
    began = time.monotonic()
    work()
    return Trouble(name, round(time.monotonic() - began, 1))


def wait(rig: Rig, seconds: float) -> None:
    """Let the history go on; time itself is what this trouble is made of."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        rig.site.revive()
        time.sleep(LOOK_S)


def zombie(rig: Rig, point: str, entry: str = "freeze", *, quiet: bool = False) -> None:
    """Frozen in the middle of its work, replaced, then woken to finish it.

    `quiet`: woken only after the other one has done everything that was to be done.
    """
    role, site = ZOMBIES[point], rig.site
    old, nth = f"old-{role}", rig.chance.randint(1, OFTEN.get(point, 1))
    rig.traffic.go()
    site.stop(role)
    site.start(role, fault=f"{point}:{nth}", entry=entry, name=old)
    until(lambda: site.frozen(old), FREEZE_S, f"{role} frozen at {point}")
    site.start(role)
    wait(rig, WAKE_S)
    if quiet:
        rig.settle()
    site.tell(old, signal.SIGCONT)
    with suppress(NotWithin):
        site.ended(old, LEAVE_S)
    site.kill(old)
    site.stop(old)


def pause_all(rig: Rig, roles: Sequence[str] = STATEFUL) -> None:
    """All frozen past their sessions at once, others in their places, all woken."""
    site = rig.site
    settings = site.settings.replace({"ordinal": 1})
    for role in roles:
        site.start(role, settings=settings, name=f"other-{role}")
    wait(rig, LEAVE_S)
    for role in roles:
        site.tell(role, signal.SIGSTOP)
    wait(rig, SESSION_S)
    for role in roles:
        site.tell(role, signal.SIGCONT)
    wait(rig, WAKE_S)
    for role in roles:
        site.stop(f"other-{role}")


def cut(rig: Rig, server: str, mode: Mode) -> None:
    """Between every role and one server; then it is whole again."""
    assert rig.wires is not None, "use a rig that is wired"
    rig.wires.to[server].set(mode)
    wait(rig, CUT_S)
    rig.wires.to[server].set("open")
    wait(rig, 1)


def restart(rig: Rig, server: str, *, stop: int = signal.SIGKILL) -> None:
    """Ended in the middle of everything, back at once."""
    rig.site.restart_server(server, stop=stop)


def away(rig: Rig, server: str, seconds: float = AWAY_S) -> None:
    """Gone for a while."""
    rig.site.end_server(server)
    wait(rig, seconds)
    rig.site.begin_server(server)


class SmallDisk:
    """A file system in memory in the place of a server's data, so that it can be full.

    Mounting it needs root; `usable` says whether this machine lets us.
    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        self._folder = folder
        self._kept = folder.with_name(f"{folder.name}.kept")
        self._megabytes = megabytes

    def take(self) -> None:
        """Call while the server is down: its data moves onto the small disk."""
        self._folder.rename(self._kept)
        self._folder.mkdir(mode=0o700)
        size = f"size={self._megabytes}m"
        _run("mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self._folder))
        _run("cp", "-a", f"{self._kept}/.", str(self._folder))

    def fill(self) -> None:
        with suppress(OSError), (self._folder / BALLAST).open("wb") as file:
            while True:
                file.write(b"\0" * 65_536)
                file.flush()

    def free(self) -> None:
        (self._folder / BALLAST).unlink(missing_ok=True)

    def give_back(self) -> None:
        """Call while the server is down: the data comes back to the big disk."""
        shutil.rmtree(self._kept)
        _run("cp", "-a", str(self._folder), str(self._kept))
        _run("umount", "-l", str(self._folder))
        self._folder.rmdir()
        self._kept.rename(self._folder)


def usable() -> bool:
    return os.geteuid() == 0


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def full(rig: Rig, server: str) -> None:
    """The disk of one server fills up while it works, and is emptied again."""
    folder, megabytes = DISKS[server]
    disk = SmallDisk(rig.site.settings.data / folder, megabytes)
    rig.site.end_server(server)
    disk.take()
    rig.site.begin_server(server)
    wait(rig, AWAY_S)
    disk.fill()
    wait(rig, AWAY_S)
    disk.free()
    if not rig.site.child(server).running:
        rig.site.begin_server(server)
    wait(rig, CUT_S)
    rig.site.end_server(server)
    disk.give_back()
    rig.site.begin_server(server)


def _troubles() -> dict[str, Callable[[Rig], None]]:
    found: dict[str, Callable[[Rig], None]] = {
        "haunt": Rig.haunt,
        "pause all": pause_all,
        "restart kafka": partial(restart, server="kafka"),
        "restart postgres": partial(restart, server="postgres", stop=signal.SIGQUIT),
        "restart clickhouse": partial(restart, server="clickhouse"),
        "away clickhouse": partial(away, server="clickhouse"),
        "minutes without clickhouse": partial(
            away, server="clickhouse", seconds=MINUTES_S
        ),
    }
    for server in ("kafka", "postgres", "clickhouse", "s3"):
        for mode in ("cut", "silent", "slow"):
            found[f"cut {server} {mode}"] = partial(cut, server=server, mode=mode)
    for point in ZOMBIES:
        found[f"zombie {point}"] = partial(zombie, point=point)
    if usable():
        found |= {f"full {server}": partial(full, server=server) for server in DISKS}
    return found


TROUBLES = _troubles()
