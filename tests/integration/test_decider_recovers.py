"""A decider whose producer dies or falls behind, and commands that ran out of time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic
from uuid import uuid4

import pytest
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from structlog.testing import capture_logs

from infra.settings import Settings
from integration.test_decider import accepted, send, wish
from schemas.clock import utc_now
from schemas.commands.content import CreateProject
from schemas.envelope import Headers, Record
from schemas.registry import Command
from schemas.topics import CONTENT
from streams import deciding, outlet
from streams.deciding import Decider
from streams.log import Acknowledged, producer
from streams.placing import partition_of

LIMIT_S = 40
NUMBER = 1


@contextmanager
def turning(settings: Settings) -> Iterator[Decider]:
    """Turned by the test itself, so nothing happens between its looks."""
    decider = Decider(settings.need("kafka"), utc_now)
    try:
        _turn(decider, decider.ready)
        yield decider
    finally:
        decider.close()


def _turn(decider: Decider, done: Callable[[], bool]) -> None:
    deadline = monotonic() + LIMIT_S
    while not done():
        assert monotonic() < deadline, "not decided in time"
        decider.turn(0.05)


def _wishes(settings: Settings, many: int) -> list[Record[Command]]:
    """Of one partition."""
    found: list[Record[Command]] = []
    while len(found) < many:
        project = str(uuid4())
        if partition_of(f"acme:{project}".encode(), settings.partitions) == NUMBER:
            found.append(wish(CreateProject("x"), project))
    return found


def _decided_once(settings: Settings, wishes: list[Record[Command]]) -> bool:
    found = accepted(settings)
    return all(len(found.get(each.envelope.id, ())) == 1 for each in wishes)


class Dead:
    """A producer after a fatal error: it takes nothing any more."""

    def produce(self, *_: object, **__: object) -> None:
        raise KafkaException(KafkaError(KafkaError._FATAL))

    def purge(self) -> None:
        pass

    def flush(self, _limit_s: float) -> int:
        return 0

    def poll(self, _limit_s: float) -> int:
        return 0


def test_a_producer_that_failed_for_good_is_made_anew(
    stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []

    def make(bootstrap: str, **more: str | int) -> object:
        made.append(producer(bootstrap, **more) if made else Dead())
        return made[-1]

    monkeypatch.setattr(outlet, "producer", make)
    wishes = _wishes(stack, 3)
    with turning(stack) as decider:
        send(stack, *wishes)
        _turn(decider, lambda: _decided_once(stack, wishes))
    assert len(made) > 1


class Held:
    """A producer whose broker is slow: what is sent leaves once it is let out."""

    def __init__(self, inner: Producer) -> None:
        self.inner = inner
        self.held: list[partial[None]] = []
        self.open = True

    def produce(
        self,
        topic: str,
        value: bytes,
        key: str | None,
        number: int,
        on_delivery: Acknowledged,
        headers: Headers,
    ) -> None:
        send = partial(
            self.inner.produce,
            topic,
            value,
            key,
            number,
            on_delivery=on_delivery,
            headers=headers,
        )
        self.held.append(send)
        if self.open:
            self.let_out()

    def let_out(self) -> None:
        self.open = True
        for each in self.held:
            each()
        self.held.clear()

    def flush(self, limit_s: float) -> int:
        return int(self.inner.flush(limit_s))

    def poll(self, limit_s: float) -> int:
        return int(self.inner.poll(limit_s))


def test_a_slow_broker_holds_commands_back_and_loses_none(
    stack: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow: list[Held] = []

    def make(bootstrap: str, **more: str | int) -> Held:
        slow.append(Held(producer(bootstrap, **more)))
        return slow[-1]

    monkeypatch.setattr(outlet, "producer", make)
    monkeypatch.setattr(deciding, "PIPELINE", 10)
    monkeypatch.setattr(deciding, "COMMANDS_AT_ONCE", 5)
    wishes = _wishes(stack, 60)
    with turning(stack) as decider:
        slow[0].open = False
        send(stack, *wishes)
        _turn(decider, lambda: len(slow[0].held) >= 10)
        for _ in range(20):
            decider.turn(0.01)
        assert len(slow[0].held) < 10 + 5
        slow[0].let_out()
        _turn(decider, lambda: _decided_once(stack, wishes))


def test_commands_that_ran_out_of_time_are_told_of_and_passed(stack: Settings) -> None:
    lost, kept = _wishes(stack, 2)
    place = TopicPartition(CONTENT.commands.name, NUMBER)
    consumer = Consumer({"bootstrap.servers": stack.need("kafka"), "group.id": "t"})
    with turning(stack) as decider:
        spot = (place.topic, place.partition)
        before = consumer.get_watermark_offsets(place)[1]
        _turn(decider, lambda: decider.settled(spot) >= before)
    send(stack, lost)
    place.offset = consumer.get_watermark_offsets(place)[1]
    consumer.close()
    admin = AdminClient({"bootstrap.servers": stack.need("kafka")})
    for future in admin.delete_records([place]).values():
        future.result()
    send(stack, kept)

    with capture_logs() as lines, turning(stack) as decider:
        _turn(decider, lambda: _decided_once(stack, [kept]))
    assert lost.envelope.id not in accepted(stack)
    told = [line for line in lines if line["event"].startswith("Commands ran out")]
    assert [line["place"] for line in told] == [spot]
