"""Waiting for an effect with a limit, and programs that run once."""

import asyncio
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra.problem import Stop
from infra.stack.children import Child
from infra.stack.leash import tied

POLL_S = 0.05


async def until(child: Child, ready: Callable[[], bool], *, limit_s: float) -> None:
    """Return once `ready`; a child that ended or took too long stops the start."""
    loop = asyncio.get_running_loop()
    end = loop.time() + limit_s
    while not await asyncio.to_thread(ready):
        if not child.running:
            raise Stop(
                f"{child.program.name} ended at once ({child.last_words()}): "
                f"see {child.log}, then run `contentops doctor`."
            )
        if loop.time() > end:
            raise Stop(
                f"{child.program.name} did not answer in {limit_s:.0f} s: "
                f"see {child.log}."
            )
        await asyncio.sleep(POLL_S)


def run_once(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    user: int | None = None,
) -> str:
    """Run a program to its end and give its output."""
    ended = subprocess.run(
        tied(list(command), signal=signal.SIGKILL, user=user),
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        words = " / ".join(ended.stdout.strip().splitlines()[-3:])
        raise Stop(f"{Path(command[0]).name} failed: {words}")
    return ended.stdout


def accepts(port: int) -> bool:
    """Whether something listens on that port of this machine."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
