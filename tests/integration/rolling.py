"""Real roles as processes of their own, and the questions tests ask of them."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar
from uuid import uuid4

import psycopg
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from psycopg.rows import TupleRow
from tenacity import retry, retry_if_exception_type, stop_after_delay

from infra.settings import Settings
from schemas.clock import utc_now
from schemas.envelope import Record, command
from schemas.registry import Command
from schemas.topics import Topic
from streams.judging import envelope_of, record_of
from streams.log import Batched

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


def until(effect: Callable[[], T | None], limit_s: float = 40) -> T:
    """Wait for an effect, not for luck."""
    deadline = monotonic() + limit_s
    while True:
        found = effect()
        if found:
            return found
        if monotonic() > deadline:
            raise TimeoutError(f"no effect within {limit_s} s: {effect}")
        sleep(0.05)


async def until_async(effect: Callable[[], T | None], limit_s: float = 40) -> T:
    """The same for tests that run the role in their own loop."""
    async with asyncio.timeout(limit_s):
        while True:
            found = effect()
            if found:
                return found
            await asyncio.sleep(0.05)


class Site:
    """A tenant of its own on the shared servers, and roles started for one module."""

    def __init__(self, settings: Settings, owner: psycopg.Connection[TupleRow]) -> None:
        self.settings = settings
        self.owner = owner
        self.tenant = f"t{uuid4().hex[:10]}"
        self.kafka = settings.need("kafka")
        self._log = Batched(self.kafka)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.only: dict[str, dict[str, object]] = {}
        """Settings that hold for one role."""

    def start(self, name: str, *argv: str) -> int:
        """`name` is a role unless a command line is given; returns the process id."""
        line = argv or ("-m", "infra.cli", "run", name)
        settings = self.settings.replace(self.only.get(name, {}))
        self._processes[name] = subprocess.Popen(
            [sys.executable, *line],
            cwd=ROOT,
            env={**os.environ, **settings.environment()},
        )
        return self._processes[name].pid

    def pid(self, name: str) -> int:
        return self._processes[name].pid

    def kill(self, name: str) -> None:
        """As a machine that loses power: no goodbye."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def stop(self, name: str) -> int:
        """As `up` does it; the exit code."""
        process = self._processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=20)

    def close(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=20)
            process.kill()

    def send(self, data: Command, aggregate_id: str, *, id_: str = "") -> str:
        """Append a command of this tenant; its id."""
        sent = id_ or str(uuid4())
        self._log.add(
            command(
                data,
                tenant=self.tenant,
                aggregate_id=aggregate_id,
                id=sent,
                time=utc_now(),
            )
        )
        self._log.confirm()
        return sent

    def ring(self, topic: Topic, job_id: str) -> None:
        self._log.add_raw(topic, job_id, job_id.encode(), [])
        self._log.confirm()

    def decided(self, command_id: str) -> tuple[str, str]:
        """Status and problem code, once the row is there."""
        asked = "SELECT status, problem->>'code' FROM read.operations WHERE id = %s"
        row = until(lambda: self.owner.execute(asked, (command_id,)).fetchone())
        return str(row[0]), str(row[1] or "")

    def row(self, query: str, *values: object) -> TupleRow | None:
        return self.owner.execute(query, values).fetchone()

    def task(self, job_id: str) -> TupleRow | None:
        """Status, attempt, token and problem code."""
        asked = (
            "SELECT status, attempt, token, problem->>'code' FROM read.tasks"
            " WHERE id = %s"
        )
        return self.row(asked, job_id)

    def task_is(self, job_id: str, status: str) -> TupleRow | None:
        found = self.task(job_id)
        return found if found and found[0] == status else None

    @contextmanager
    def following(self, topic: str) -> Iterator["Tail"]:
        """What comes onto a topic from now on."""
        tail = Tail(self.kafka, topic)
        try:
            yield tail
        finally:
            tail.close()


class Tail:
    def __init__(self, bootstrap: str, topic: str) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": bootstrap, "group.id": f"tail-{uuid4().hex}"}
        )
        known = self._consumer.list_topics(topic, 10).topics[topic].partitions
        places = [TopicPartition(topic, number) for number in known]
        for place in places:
            place.offset = self._end(place)
        self._consumer.assign(places)
        self.messages: list[Message] = []

    @retry(retry=retry_if_exception_type(KafkaException), stop=stop_after_delay(20))
    def _end(self, place: TopicPartition) -> int:
        """A topic made a moment ago has no leader yet."""
        return int(self._consumer.get_watermark_offsets(place, 10)[1])

    def read(self) -> list[Message]:
        """Everything so far."""
        for message in self._consumer.consume(500, timeout=0.2):
            assert message.error() is None, message.error()
            self.messages.append(message)
        return self.messages

    def commands(self, tenant: str) -> list[Record[Command]]:
        records = [record_of(each, envelope_of(each)) for each in self.read()]
        return [each for each in records if each.tenant == tenant]

    def close(self) -> None:
        self._consumer.close()


@contextmanager
def site(settings: Settings, *roles: str) -> Iterator[Site]:
    with psycopg.connect(settings.dsn("owner"), autocommit=True) as owner:
        opened = Site(settings, owner)
        try:
            for role in roles:
                opened.start(role)
            yield opened
        finally:
            opened.close()
