"""Appending to the log: one idempotent producer per process, acknowledged.

Only a decider may append to an event topic; everyone else appends commands,
observations, bells and progress.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from msgspec import Struct

from schemas.envelope import Headers, Record, encode
from schemas.registry import Data
from schemas.topics import FAMILY_OF, Topic

Acknowledged: TypeAlias = Callable[[KafkaError | None, Message], None]
_Report: TypeAlias = "tuple[asyncio.Future[Appended], KafkaError | None, Message]"

QUEUE_KB = 128 * 1024
# One request carries one partition: what a busy process sends within this time is a
# fifth of the requests, at the broker and at everybody who reads. Never when idle.
LINGER_MS = 20
HURRY_S = 0.002

PRODUCER = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",
    "linger.ms": 0,
    "compression.type": "lz4",
    "message.timeout.ms": 15_000,
    "socket.nagle.disable": True,
    "statistics.interval.ms": 0,
}


class NotAcknowledged(Exception):
    """The broker did not confirm in time: the record may or may not be on the log."""


class Full(NotAcknowledged):
    """The producer's own queue is full: nothing was sent, so try again later."""


class Appended(Struct, frozen=True):
    topic: str
    partition: int
    offset: int


def producer(bootstrap: str, **more: str | int) -> Producer:
    return Producer({"bootstrap.servers": bootstrap, **PRODUCER, **more})


def topic_of(record: Record[Data]) -> Topic:
    """The command topic of the aggregate that a command is addressed to."""
    return FAMILY_OF[record.envelope.aggregate].commands


class Log:
    """An asyncio face of the producer; `append` returns once the broker has it.

    Delivery reports are collected in the polling thread and handed to the loop once
    per wake-up: a hop for each record costs more than the record itself.
    """

    def __init__(
        self, bootstrap: str, *, timeout_s: float = 15.0, queue_max: int = 100_000
    ) -> None:
        limits = {
            "linger.ms": LINGER_MS,
            "message.timeout.ms": int(timeout_s * 1000),
            "queue.buffering.max.messages": queue_max,
            "queue.buffering.max.kbytes": QUEUE_KB,
        }
        self._producer = producer(bootstrap, **limits)
        self._loop = asyncio.get_running_loop()
        self._reports: deque[_Report] = deque()
        self._open = True
        self._thread = threading.Thread(target=self._poll, name="log", daemon=True)
        self._thread.start()

    @property
    def depth(self) -> int:
        """Records and reports this process still has in its hands."""
        return len(self._producer)

    async def append(
        self, record: Record[Data], topic: Topic | None = None
    ) -> Appended:
        """Raises TooLarge, or NotAcknowledged when the outcome is unknown."""
        value, headers = encode(record)
        where = topic or topic_of(record)
        return await self.append_raw(where, record.envelope.key, value, headers)

    async def append_raw(
        self, topic: Topic, key: str, value: bytes, headers: Headers | None = None
    ) -> Appended:
        future: asyncio.Future[Appended] = self._loop.create_future()
        self._send(topic, key, value, headers or [], partial(self._delivered, future))
        return await future

    def append_soon(self, topic: Topic, key: str, value: bytes) -> None:
        """For progress and bells, whose loss is harmless."""
        self._send(topic, key, value, [], None)

    async def close(self) -> None:
        self._open = False
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._producer.flush, 5)
        self._settle()

    def _send(
        self,
        topic: Topic,
        key: str,
        value: bytes,
        headers: Headers,
        on_delivery: Acknowledged | None,
    ) -> None:
        alone = not len(self._producer)
        try:
            self._producer.produce(
                topic.name,
                value=value,
                key=key.encode(),
                headers=headers,
                on_delivery=on_delivery,
            )
        except BufferError as full:
            raise Full("the producer's queue is full") from full
        except KafkaException as wrong:
            raise NotAcknowledged(str(wrong)) from wrong
        if alone:
            self._loop.run_in_executor(None, self._hurry)

    def _hurry(self) -> None:
        """Ends the linger of what waits now; hears of deliveries as `_poll` does."""
        self._producer.flush(HURRY_S)
        self._hand_over()

    def _delivered(
        self,
        future: "asyncio.Future[Appended]",
        error: KafkaError | None,
        message: Message,
    ) -> None:
        self._reports.append((future, error, message))

    def _poll(self) -> None:
        while self._open:
            self._producer.poll(0.5)
            self._hand_over()

    def _hand_over(self) -> None:
        if self._reports and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        while self._reports:
            future, error, message = self._reports.popleft()
            if future.done():
                continue
            if error is not None:
                future.set_exception(NotAcknowledged(str(error)))
            else:
                future.set_result(appended(message))


def appended(message: Message) -> Appended:
    return Appended(
        message.topic() or "", message.partition() or 0, message.offset() or 0
    )


class Batched:
    """A blocking face of the same producer, for roles that work in batches."""

    def __init__(self, bootstrap: str, **more: str | int) -> None:
        self._producer = producer(bootstrap, **more)
        self._failed: list[str] = []

    def add(self, record: Record[Data], topic: Topic | None = None) -> None:
        value, headers = encode(record)
        self.add_raw(topic or topic_of(record), record.envelope.key, value, headers)

    def add_raw(self, topic: Topic, key: str, value: bytes, headers: Headers) -> None:
        self._producer.produce(
            topic.name,
            value=value,
            key=key.encode(),
            headers=headers,
            on_delivery=self._delivered,
        )

    def confirm(self) -> None:
        """Wait for every acknowledgement; raises NotAcknowledged if one is missing."""
        left = self._producer.flush(20)
        failed, self._failed = self._failed, []
        if failed or left:
            raise NotAcknowledged(failed[0] if failed else f"{left} records waiting")

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failed.append(str(error))
