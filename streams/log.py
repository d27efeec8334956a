"""Appending to the log: one idempotent producer per process, acknowledged.

Only a decider may append to an event topic; everyone else appends commands,
observations, bells and progress.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeAlias

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from msgspec import Struct

from schemas.envelope import Headers, Record, encode
from schemas.registry import Data
from schemas.topics import FAMILY_OF, Topic

Acknowledged: TypeAlias = Callable[[KafkaError | None, Message], None]

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
    """An asyncio face of the producer; `append` returns once the broker has it."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = producer(bootstrap)
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._thread = threading.Thread(target=self._poll, name="log", daemon=True)
        self._thread.start()

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
        self._send(topic, key, value, headers or [], self._resolver(future))
        return await future

    def append_soon(self, topic: Topic, key: str, value: bytes) -> None:
        """For progress and bells, whose loss is harmless."""
        self._send(topic, key, value, [], None)

    async def close(self) -> None:
        self._open = False
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._producer.flush, 5)

    def _send(
        self,
        topic: Topic,
        key: str,
        value: bytes,
        headers: Headers,
        on_delivery: Acknowledged | None,
    ) -> None:
        try:
            self._producer.produce(
                topic.name,
                value=value,
                key=key.encode(),
                headers=headers,
                on_delivery=on_delivery,
            )
        except BufferError as full:
            raise NotAcknowledged("the producer's queue is full") from full
        except KafkaException as wrong:
            raise NotAcknowledged(str(wrong)) from wrong

    def _resolver(self, future: "asyncio.Future[Appended]") -> Acknowledged:
        def resolve(error: KafkaError | None, message: Message) -> None:
            self._loop.call_soon_threadsafe(_settle, future, error, message)

        return resolve

    def _poll(self) -> None:
        while self._open:
            self._producer.poll(0.5)


def _settle(
    future: "asyncio.Future[Appended]", error: KafkaError | None, message: Message
) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(NotAcknowledged(str(error)))
        return
    future.set_result(appended(message))


def appended(message: Message) -> Appended:
    return Appended(
        message.topic() or "", message.partition() or 0, message.offset() or 0
    )


class Batched:
    """A blocking face of the same producer, for roles that work in batches."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = producer(bootstrap)
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
