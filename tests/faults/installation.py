"""A whole installation whose servers and roles can be ended, frozen and cut off."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from infra import migrate, stack, topics, up
from infra.settings import Settings, inherited
from infra.stack import announce, processes, sandboxes
from infra.stack.children import Child, Program
from infra.stack.servers import Running

ROOT = Path(__file__).parents[2]
ROLES = up.ROLES
SERVERS = ("kafka", "postgres", "clickhouse", "s3")
POLL_S = 0.02
START_LIMIT_S = 60.0
# Short, so that what a dead worker held is free again within a kill's time.
SOON: Mapping[str, object] = {
    "lease_s": 3.0,
    "heartbeat_s": 1.0,
    "call_before_s": 3.0,
    "request_limit_s": 2.0,
    "clock_slack_s": 0.5,
    "audit_every_s": 1.0,
}

T = TypeVar("T")


class NotWithin(AssertionError):
    """Something that had to happen did not, within its limit."""


def until(look: Callable[[], T | None], limit_s: float, what: str) -> T:
    """The first true answer; looks again until the limit."""
    end = time.monotonic() + limit_s
    while not (found := look()):
        if time.monotonic() > end:
            raise NotWithin(f"{what}: not within {limit_s:.0f} s")
        time.sleep(POLL_S)
    return found


class Installation:
    """Use it on the main thread: children end with the thread that made them."""

    def __init__(self, running: Running, settings: Settings, loop: "Loop") -> None:
        self.settings = settings
        self._roles = settings
        self._children = running.children
        self._loop = loop
        self._servers = {name: self.child(name).program for name in SERVERS}

    def child(self, name: str) -> Child:
        return self._children.running[name]

    def start(
        self,
        role: str,
        *,
        fault: str = "",
        entry: str = "",
        settings: Settings | None = None,
        name: str = "",
    ) -> Child:
        """`entry`: a way of `tests.faults.entry`; `name`: to run a second one."""
        chosen = (settings or self._roles).replace({"fault": fault or None})
        way = ("tests.faults.entry", entry) if entry else ("infra.cli", "run")
        return self._children.spawn(
            Program(
                name=name or role,
                command=[sys.executable, "-m", way[0], way[1], role],
                env={**inherited(), **chosen.environment(), "PYTHONUNBUFFERED": "1"},
                cwd=ROOT,
                stop=signal.SIGTERM,
                patience_s=8,
            )
        )

    def lead(self, settings: Settings) -> None:
        """Roles that are started from now on find their servers by these."""
        self._roles = settings

    def command(self, *words: str, fault: str = "") -> Child:
        """A `contentops` command beside the roles, with a fault armed in it."""
        env = self.settings.replace({"fault": fault or None}).environment()
        return self._children.spawn(
            Program(
                name="command",
                command=[sys.executable, "-m", "tests.faults.entry", "armed", *words],
                env={**inherited(), **env},
                cwd=ROOT,
            )
        )

    def stop(self, name: str) -> None:
        self._loop(self._children.end(name))

    def kill(self, name: str) -> None:
        child = self.child(name)
        child.process.kill()
        child.process.wait()
        processes.end_group(child.identity.pid)

    def tell(self, name: str, number: int) -> None:
        os.kill(self.child(name).identity.pid, number)

    def frozen(self, name: str) -> bool:
        stat = Path(f"/proc/{self.child(name).identity.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def ended(self, name: str, limit_s: float) -> int:
        """The exit code; raises NotWithin while it lives on."""
        child = self.child(name)
        until(lambda: not child.running, limit_s, f"the end of {name}")
        return child.process.wait()

    def ready(self) -> None:
        address = f"http://{self.settings.api_host}:{self.settings.api_port}/readyz"
        until(lambda: up.is_ready(address), START_LIMIT_S, "a ready API")

    def restart_server(self, name: str, *, stop: int = signal.SIGKILL) -> None:
        self.end_server(name, stop=stop)
        self.begin_server(name)

    def end_server(self, name: str, *, stop: int = signal.SIGKILL) -> None:
        child = self.child(name)
        os.kill(child.identity.pid, stop)
        child.process.wait()
        processes.end_group(child.identity.pid)

    def begin_server(self, name: str) -> None:
        program = self._servers[name]
        if name == "postgres":
            _forget_the_dead(Path(program.cwd or ""))
        self._children.spawn(program)

    def revive(self) -> list[str]:
        """Start roles again that ended by themselves, as `up` does; their names."""
        running = self._children.running
        ended = [
            name for name in ROLES if name in running and not running[name].running
        ]
        for name in ended:
            self._children.spawn(running[name].program)
        return ended

    def log_of(self, name: str) -> str:
        path = self.settings.data / "logs" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""


def _forget_the_dead(folder: Path) -> None:
    """As the stack does at its start: a killed server leaves its pid file."""
    gone = lambda: not processes.working_in(folder, "postgres")  # noqa: E731
    until(gone, 20, "the last Postgres process")
    (folder / "postmaster.pid").unlink(missing_ok=True)


class Loop:
    """Runs the stack's coroutines, one at a time, from plain code."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()

    def __call__(self, work: Coroutine[None, None, T]) -> T:
        return self._loop.run_until_complete(work)

    def close(self) -> None:
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


@contextmanager
def installed(data: Path, say: Callable[[str], None]) -> Iterator[Installation]:
    """Fresh servers and stand-ins, no role yet; nothing is left of it."""
    loop = Loop()
    try:
        running = loop(stack.start(Settings(data=data).replace(SOON), say))
        try:
            topics.apply(running.settings)
            migrate.migrate(running.settings)
            settings = loop(sandboxes.start(running, say, wanted=True))
            announce.write(settings)
            yield Installation(running, settings, loop)
        finally:
            loop(running.stop())
    finally:
        loop.close()
