"""Keeps children running: at once after the first end, then ever later, up to 5 s."""

import asyncio
import math
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra.settings import Settings
from infra.stack.children import Children, Program, exited

FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
LOOK_S = 0.3
# A role that lived this long was well: its next end counts as the first again.
GOOD_LIFE_S = 30.0


def role(
    name: str,
    settings: Settings,
    env: Mapping[str, str],
    cwd: Path,
    page: int | None = None,
) -> Program:
    """`page` is the port of its health page and metrics; None = it has none."""
    settings = settings.replace({"metrics_port": page})
    return Program(
        name=name,
        command=[sys.executable, "-m", "infra.cli", "run", name],
        env={**env, **settings.environment(), "PYTHONUNBUFFERED": "1"},
        cwd=cwd,
        stop=signal.SIGTERM,
        patience_s=8,
    )


def pause_after(ends: int) -> float:
    """How long to wait before starting again after so many ends in a row."""
    if ends <= 1:
        return 0.0
    return float(min(FIRST_PAUSE_S * 2 ** (ends - 2), LONGEST_PAUSE_S))


async def keep_running(
    children: Children, programs: Sequence[Program], say: Callable[[str], None]
) -> None:
    """Never returns; cancelling it leaves the children as they are."""
    await asyncio.gather(*(_keep(children, program, say) for program in programs))


async def _keep(
    children: Children, program: Program, say: Callable[[str], None]
) -> None:
    loop = asyncio.get_running_loop()
    ends = 0
    while True:
        began = loop.time()
        child = children.running.get(program.name) or children.spawn(program)
        await exited(child, math.inf, LOOK_S)
        await children.end(program.name)
        ends = 1 if loop.time() - began > GOOD_LIFE_S else ends + 1
        pause = pause_after(ends)
        say(
            f"{program.name} ended ({child.process.returncode}), starting again in "
            f"{pause:.1f} s: {child.last_words(lines=1) or f'see {child.log}'}"
        )
        await asyncio.sleep(pause)
