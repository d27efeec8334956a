"""`contentops up`: the servers and every role as children of one process."""

import asyncio
import signal
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from infra import stack
from infra.problem import Stop
from infra.settings import Settings, inherited
from infra.stack import announce, sandboxes, supervisor
from infra.stack.ports import PAGES
from infra.stack.servers import Running

ROLES = ("api", *PAGES)
READY_LIMIT_S = 120
POLL_S = 0.1
ROOT = Path(__file__).parents[1]

Say = Callable[[str], None]
Ended = TypeVar("Ended")


async def up(settings: Settings, say: Say, *, sandbox: bool | None = None) -> None:
    """Runs until SIGINT or SIGTERM; then nothing of it is left."""
    began = time.monotonic()
    asked = _stop_signals()
    starting = asyncio.ensure_future(stack.start(settings, say))
    if await _first(starting, asked):
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return
    running = starting.result()
    try:
        await _serve(running, say, asked=asked, sandbox=sandbox, began=began)
    finally:
        say("stopping")
        await running.stop()


async def _serve(
    running: Running,
    say: Say,
    *,
    asked: asyncio.Event,
    sandbox: bool | None,
    began: float,
) -> None:
    await asyncio.to_thread(_apply, running.settings)
    say("topics and tables: up to date")
    settings = await sandboxes.start(running, say, wanted=sandbox)
    announce.write(settings)
    announce.write_targets(settings.data, _pages(settings, running.ports))
    roles = [
        supervisor.role(role, settings, inherited(), ROOT, running.ports.get(role))
        for role in wanted_roles(settings)
    ]
    programs = [child.program for child in running.children.running.values()] + roles
    watching = asyncio.ensure_future(
        supervisor.keep_running(running.children, programs, say)
    )
    watched = asyncio.ensure_future(_announce_ready(settings, say, began))
    try:
        await _first(watching, asked)
    finally:
        watching.cancel()
        watched.cancel()
        await asyncio.gather(watching, watched, return_exceptions=True)


def _pages(settings: Settings, ports: Mapping[str, int]) -> dict[str, str]:
    roles = wanted_roles(settings)
    own = {role: f"127.0.0.1:{ports[role]}" for role in roles if role in ports}
    return {**own, "api": f"{settings.api_host}:{settings.api_port}"}


def wanted_roles(settings: Settings) -> list[str]:
    """All of them; the indexer only where there is an index of its own to feed."""
    return [*ROLES, "indexer"] if settings.searches_elsewhere else list(ROLES)


def _apply(settings: Settings) -> None:
    from infra import migrate, topics

    topics.make(settings)
    topics.check(settings)
    migrate.migrate(settings)


async def _announce_ready(settings: Settings, say: Say, began: float) -> None:
    url = f"http://{settings.api_host}:{settings.api_port}/readyz"
    late = False
    while not await asyncio.to_thread(is_ready, url):
        if not late and time.monotonic() - began > READY_LIMIT_S:
            late = True
            say(f"not ready yet: see {settings.data}/logs and `contentops doctor`")
        await asyncio.sleep(POLL_S)
    say(f"ready after {time.monotonic() - began:.1f} s")
    for line in welcome(settings):
        say(line)


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
            return int(answer.status) == 200
    except OSError:
        return False


def welcome(settings: Settings) -> list[str]:
    return [
        f"API         {settings.api_url}/api/v1   (documentation: /docs)",
        f"Kafka       {settings.kafka}",
        f"ClickHouse  {settings.clickhouse}",
        f"objects     {settings.s3}",
        *([f"OpenSearch  {settings.opensearch}"] if settings.opensearch else []),
        f"media       {settings.workload}",
        f"data        {settings.data}",
        f"a key:      contentops key create --tenant demo --data {settings.data}",
        "stop:       Ctrl-C",
    ]


def _stop_signals() -> asyncio.Event:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    return asked


async def _first(work: "asyncio.Future[Ended]", asked: asyncio.Event) -> bool:
    """True if the person asked to stop before the work ended."""
    waiting = asyncio.ensure_future(asked.wait())
    both: list[asyncio.Future[Any]] = [work, waiting]
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if work.done() and not work.cancelled() and (error := work.exception()):
        raise error if isinstance(error, Stop) else Stop(f"up failed: {error!r}")
    return asked.is_set()
