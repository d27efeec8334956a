"""A running stack for the demo: the one that is there, or one of its own."""

import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.problem import Stop
from infra.settings import Settings, inherited
from infra.stack.announce import attached
from infra.stack.leash import tied
from infra.up import is_ready

Say = Callable[[str], None]

ROOT = Path(__file__).parents[2]
START_LIMIT_S = 900.0
STOP_LIMIT_S = 30.0
LOOK_S = 0.1


@contextmanager
def hosted(settings: Settings, say: Say) -> Iterator[Settings]:
    """Settings with every address; what was started for it is ended after it."""
    found = attached(settings)
    if found.api_port and is_ready(_readyz(found)):
        say(f"using what already runs on {found.data}")
        yield found
        return
    process = _start(settings)
    try:
        yield _ready(process, settings, _told(process, say))
    finally:
        _end(process)


def _readyz(settings: Settings) -> str:
    return f"http://{settings.api_host}:{settings.api_port}/readyz"


def _start(settings: Settings) -> "subprocess.Popen[str]":
    """Tied to this process: however the demo ends, the servers end too."""
    command = [sys.executable, "-m", "infra.cli", "up"]
    return subprocess.Popen(
        tied(command, signal=signal.SIGTERM),
        cwd=ROOT,
        env={**inherited(), **settings.environment(), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _told(process: "subprocess.Popen[str]", say: Say) -> deque[str]:
    """Pass on what it says, line by line, and keep the last words."""
    last: deque[str] = deque(maxlen=3)

    def read() -> None:
        for line in process.stdout or ():
            last.append(line.strip())
            say(line.rstrip())

    threading.Thread(target=read, name="up", daemon=True).start()
    return last


def _ready(
    process: "subprocess.Popen[str]", settings: Settings, last: deque[str]
) -> Settings:
    until = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until:
        if process.poll() is not None:
            words = " / ".join(last) or "it said nothing"
            raise Stop(f"`contentops up` ended: {words}")
        found = attached(settings)
        if found.api_port and is_ready(_readyz(found)):
            return found
        time.sleep(LOOK_S)
    raise Stop(f"Not ready in {START_LIMIT_S:.0f} s: see {settings.data}/logs.")


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
