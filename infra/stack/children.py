"""Children of this process: started on a leash, remembered in a file, ended in order.

A child dies with its parent (leash), and whatever survives even so is found by the
next start in the state file, by pid *and* start time, and ended there.
"""

import asyncio
import json
import signal
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.problem import Stop
from infra.stack import processes
from infra.stack.leash import tied
from infra.stack.processes import Identity

LOG_LIMIT = 20_000_000
LAST_BYTES = 4_000
POLL_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to start and how to end it."""

    name: str
    command: Sequence[str | Path]
    env: Mapping[str, str]
    cwd: Path
    user: int | None = None
    stop: signal.Signals = signal.SIGTERM
    patience_s: float = 10


@dataclass(frozen=True, kw_only=True)
class Child:
    program: Program
    process: "subprocess.Popen[bytes]"
    identity: Identity
    log: Path

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def last_words(self, lines: int = 3) -> str:
        """The end of its log, for the one sentence a person gets."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - LAST_BYTES))
            text = file.read().decode(errors="replace").strip().splitlines()
        return " / ".join(line.strip() for line in text[-lines:])[-600:]


class Children:
    """The children of one data directory."""

    def __init__(self, data: Path) -> None:
        self._logs = data / "logs"
        self._state = data / "run" / "children.json"
        self._children: dict[str, Child] = {}
        for folder in (self._logs, self._state.parent):
            folder.mkdir(mode=0o700, exist_ok=True)

    @property
    def running(self) -> Mapping[str, Child]:
        return self._children

    def end_stale(self) -> list[str]:
        """End what an earlier run left behind; the names of those still alive."""
        left = read_state(self._state)
        ended = [name for name, (who, _) in left.items() if processes.alive(who)]
        for who, stop in left.values():
            processes.end_process(who, stop, 10)
        self._write()
        return ended

    def spawn(self, program: Program) -> Child:
        """Call on the main thread: a leash ends with the thread that made it."""
        log = self._logs / f"{program.name}.log"
        _turn(log)
        command = list(map(str, program.command))
        with log.open("ab") as out:
            process = subprocess.Popen(
                tied(command, signal=program.stop, user=program.user),
                cwd=program.cwd,
                env=program.env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        identity = processes.identify(process.pid)
        if identity is None:
            raise Stop(f"{program.name} vanished at once: see {log}.")
        child = Child(program=program, process=process, identity=identity, log=log)
        self._children[program.name] = child
        self._write()
        return child

    async def end(self, name: str) -> None:
        """Ask it to stop, then force it; repeatable."""
        child = self._children.pop(name, None)
        if child is None:
            return
        if child.running:
            child.process.send_signal(child.program.stop)
        if not await exited(child, child.program.patience_s):
            child.process.kill()
            await exited(child, 5)
        processes.end_group(child.identity.pid)
        self._write()

    async def end_all(self, *, last: Collection[str] = ()) -> None:
        """All at once, each with its own patience; those named `last` after them."""
        first = [name for name in self._children if name not in last]
        await asyncio.gather(*map(self.end, first))
        await asyncio.gather(*map(self.end, list(self._children)))

    def _write(self) -> None:
        rows = {
            name: asdict(child.identity) | {"stop": int(child.program.stop)}
            for name, child in self._children.items()
        }
        draft = self._state.with_suffix(".new")
        draft.write_text(json.dumps(rows))
        draft.replace(self._state)


async def exited(child: Child, limit_s: float, every_s: float = POLL_S) -> bool:
    loop = asyncio.get_running_loop()
    until = loop.time() + limit_s
    while child.running:
        if loop.time() > until:
            return False
        await asyncio.sleep(every_s)
    return True


def read_state(path: Path) -> dict[str, tuple[Identity, int]]:
    """A missing or torn file means nothing is known, never a failed start."""
    try:
        rows = json.loads(path.read_text())
        return {
            name: (
                Identity(pid=row["pid"], started=row["started"], boot=row["boot"]),
                row["stop"],
            )
            for name, row in rows.items()
        }
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _turn(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
