"""Reading the progress topic from its end, for whoever watches now."""

import asyncio
import json
from collections.abc import Callable
from threading import Event, Thread
from typing import TypeAlias

import structlog
from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from schemas.topics import PROGRESS

Tell: TypeAlias = Callable[[str, str], None]
_log = structlog.get_logger("progress")
_AGAIN_S = 2.0


class Tail:
    """A consumer without a group: it commits nothing and shares with nobody."""

    def __init__(self, bootstrap: str, tell: Tell) -> None:
        self._bootstrap = bootstrap
        self._tell = tell
        self._stop = Event()
        self._thread: Thread | None = None

    def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._thread = Thread(
            target=self._run, args=(loop,), name="progress", daemon=True
        )
        self._thread.start()

    async def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 5)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stop.is_set():
            try:
                self._follow(loop)
            except KafkaException as wrong:
                _log.warning("reading progress again", reason=str(wrong))
                self._stop.wait(_AGAIN_S)

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": "contentops.live",
                "enable.auto.commit": False,
                "queued.max.messages.kbytes": 1024,
            }
        )
        try:
            known = consumer.list_topics(PROGRESS.name, timeout=10)
            places = known.topics[PROGRESS.name].partitions
            consumer.assign(
                [TopicPartition(PROGRESS.name, each, OFFSET_END) for each in places]
            )
            while not self._stop.is_set():
                message = consumer.poll(0.5)
                if message is not None and message.error() is None:
                    self._pass_on(loop, message.value() or b"")
        finally:
            consumer.close()

    def _pass_on(self, loop: asyncio.AbstractEventLoop, value: bytes) -> None:
        try:
            tenant = str(json.loads(value)["tenant"])
        except (ValueError, KeyError, TypeError):
            _log.warning("unreadable progress", size=len(value))
            return
        loop.call_soon_threadsafe(self._tell, tenant, value.decode())
