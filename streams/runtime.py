"""The only Faust settings and the only agent: it takes bells and admits jobs.

A bell proves nothing and its offset proves nothing. The lease and the log carry the
guarantee, so the agent takes what is due, starts it and acknowledges at once, in
order. Whatever goes wrong in here ends the process; its starter makes a new one.
"""

import asyncio
import logging
import os
import signal
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, TypeAlias, cast

import faust
import structlog
from faust import Stream
from faust.types import AgentT, EventT, StreamT
from mode import Service
from mode.supervisors import CrashingSupervisor

from schemas.topics import JOBS

logger = structlog.get_logger()

PRACTICALLY_NEVER_S = 1e6
STOP_S = 8.0


class Bells(Protocol):
    """Who is rung for; `run` looks by itself until it is closed or cancelled."""

    async def admit(self, bell: bytes) -> None: ...

    async def run(self) -> None: ...

    async def close(self) -> None: ...


OpenBells: TypeAlias = Callable[[], AbstractAsyncContextManager[Bells]]
Place: TypeAlias = tuple[str, int]


def app(role: str, bootstrap: str, ordinal: int, datadir: Path) -> faust.App:
    """One app per role; the reasons for each value are in the Faust profile."""
    brokers = ";".join(f"kafka://{each}" for each in bootstrap.split(","))
    return faust.App(
        f"contentops.worker-{role}",
        broker=brokers,
        store="memory://",
        datadir=str(datadir),
        autodiscover=False,
        key_serializer="raw",
        value_serializer="raw",
        processing_guarantee="at_least_once",
        # Past this a worker leaves the group and never comes back by itself.
        broker_max_poll_interval=PRACTICALLY_NEVER_S,
        broker_max_poll_records=100,
        broker_session_timeout=20.0,
        broker_heartbeat_interval=3.0,
        broker_rebalance_timeout=60.0,
        broker_commit_interval=1.0,
        broker_commit_livelock_soft_timeout=3600.0,
        consumer_group_instance_id=f"{role}-{ordinal}",
        consumer_auto_offset_reset="latest",
        stream_wait_empty=False,
        stream_buffer_maxsize=1024,
        stream_processing_timeout=3600.0,
        agent_supervisor=CrashingSupervisor,
        producer_request_timeout=45.0,
        producer_compression_type="lz4",
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )


@dataclass(slots=True)
class Slot:
    """One event being worked on; `ack` is called once all before it are done."""

    place: Place
    generation: int
    ack: Callable[[], object]
    done: bool = False


@dataclass(slots=True)
class Acker:
    """Acknowledges in offset order per partition.

    Faust commits past a single unfinished event; acknowledging in order is what
    keeps it from doing so. Slots of an earlier generation belong to somebody else.
    """

    generation: Callable[[], int]
    _seen: int = -1
    _waiting: dict[Place, deque[Slot]] = field(default_factory=dict)

    def begin(self, place: Place, generation: int, ack: Callable[[], object]) -> Slot:
        self._forget_old()
        slot = Slot(place, generation, ack)
        self._waiting.setdefault(place, deque()).append(slot)
        return slot

    def done(self, slot: Slot) -> None:
        self._forget_old()
        slot.done = True
        waiting = self._waiting.get(slot.place, deque())
        while waiting and waiting[0].done:
            first = waiting.popleft()
            if first.generation == self._seen:
                first.ack()

    def _forget_old(self) -> None:
        if self.generation() != self._seen:
            self._waiting.clear()
            self._seen = self.generation()


class Runner(Service):
    """Opens the ports before Faust starts and closes them after it stopped."""

    abstract: ClassVar[bool] = False

    def __init__(self, open_bells: OpenBells) -> None:
        super().__init__()
        self._open_bells = open_bells
        self.bells: Bells | None = None

    async def on_start(self) -> None:
        self.bells = await self.add_async_context(self._open_bells())

    @Service.task
    async def _look(self) -> None:
        if self.bells is not None:
            await self.bells.run()

    async def admit(self, bell: bytes) -> None:
        if self.bells is not None:
            await self.bells.admit(bell)

    async def leave(self) -> None:
        """Give back what runs; nothing is taken after this."""
        if self.bells is not None:
            await self.bells.close()


class Process(faust.Worker):
    """Gives jobs back before anything else when it is told to stop.

    Faust waits for its group even then, for a minute if another member just died.
    """

    def __init__(self, app: faust.App, runner: Runner) -> None:
        super().__init__(
            app,
            runner,
            loglevel="INFO",
            quiet=True,
            override_logging=False,
            redirect_stdouts=False,
        )
        self._runner = runner
        self._leaving: asyncio.Task[None] | None = None
        # Its handler would set the root logger to DEBUG.
        self.spinner = None

    def install_signal_handlers(self) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            self.loop.add_signal_handler(each, self._told)

    def _told(self) -> None:
        if self._leaving is None:
            self._leaving = asyncio.ensure_future(self._leave())

    async def _leave(self) -> None:
        await self._runner.leave()
        last = threading.Timer(STOP_S, os._exit, (0,))
        last.daemon = True
        last.start()
        await self.stop()


def attach(app: faust.App, role: str, runner: Runner) -> AgentT[None]:
    """The one place that makes an agent; nothing may be raised out of its body."""
    acker = Acker(lambda: app.consumer_generation_id)
    topic = app.topic(JOBS[role].name, value_type=bytes, value_serializer="raw")

    @app.agent(topic, name=f"bells-{role}", supervisor_strategy=CrashingSupervisor)
    async def bells(stream: StreamT[bytes]) -> None:
        async for event in cast("Stream[bytes]", stream).noack().events():
            await _take(event, acker, runner)

    return bells


async def _take(event: EventT[bytes], acker: Acker, runner: Runner) -> None:
    message = event.message
    place = (message.topic, message.partition)
    slot = acker.begin(place, message.generation_id or 0, event.ack)
    try:
        await runner.admit(event.value or b"")
    except Exception as error:
        logger.exception("the worker stops", action="crash")
        await runner.crash(error)
        # Never acknowledged: whoever comes next gets this bell again.
        await asyncio.Event().wait()
    acker.done(slot)


def run(app: faust.App, runner: Runner) -> None:
    """Blocks until SIGTERM or SIGINT; raises SystemExit, 1 after a crash."""
    for name in ("faust", "mode", "aiokafka"):
        logging.getLogger(name).setLevel(logging.WARNING)
    Process(app, runner).execute_from_commandline()


def serve(
    role: str, bootstrap: str, ordinal: int, datadir: Path, open_bells: OpenBells
) -> None:
    """The whole worker process of one role, until it is told to stop."""
    made = app(role, bootstrap, ordinal, datadir)
    runner = Runner(open_bells)
    attach(made, role, runner)
    run(made, runner)
