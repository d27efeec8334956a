"""The decider on a real broker: one record per command, whoever dies in between."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from infra.settings import Settings
from schemas.clock import utc_now
from schemas.commands.content import ApproveCopy, CreateProject
from schemas.envelope import Record, command, encode, read_headers
from schemas.events.content import ProjectCreated
from schemas.events.log import LogClaimed, LogRejected, LogUnchanged
from schemas.ids import event_id
from schemas.registry import Command, Data, decode
from schemas.topics import CONTENT, PARKED, Topic
from streams.acceptance import Fence, accept
from streams.decider import Partition
from streams.deciding import Decider
from streams.log import PRODUCER, Batched
from streams.reading import record_of

WAIT_S = 20


@contextmanager
def deciding(settings: Settings, ordinal: int = 0) -> Iterator[Decider]:
    stop = threading.Event()
    decider = Decider(settings.need("kafka"), utc_now, ordinal=ordinal)
    thread = threading.Thread(target=decider.run, args=(stop,))
    thread.start()
    try:
        yield decider
    finally:
        stop.set()
        thread.join(WAIT_S)


def wish(data: Command, aggregate_id: str, **more: str | int) -> Record[Command]:
    return command(
        data,
        tenant="acme",
        aggregate_id=aggregate_id,
        id=str(more.pop("id", uuid4())),
        time=utc_now(),
        **more,
    )


def send(settings: Settings, *records: Record[Command]) -> None:
    batch = Batched(settings.need("kafka"))
    for record in records:
        batch.add(record)
    batch.confirm()


def all_of(settings: Settings, topic: Topic) -> Iterator[tuple[int, Record[Data]]]:
    """Every record of a topic so far, accepted or not, with its partition."""
    consumer = Consumer({"bootstrap.servers": settings.need("kafka"), "group.id": "t"})
    places = [TopicPartition(topic.name, p, 0) for p in range(settings.partitions)]
    ends = {p.partition: consumer.get_watermark_offsets(p)[1] for p in places}
    consumer.assign(places)
    left = sum(ends.values())
    while left:
        message = consumer.poll(WAIT_S)
        assert message is not None
        assert not message.error()
        left -= 1
        headers = message.headers()
        yield (
            message.partition() or 0,
            record_of(
                message, read_headers(headers if isinstance(headers, list) else None)
            ),
        )
    consumer.close()


def accepted(settings: Settings) -> dict[str, list[Record[Data]]]:
    """Decision records by command id, as every reader sees them."""
    fences: dict[int, Fence] = {}
    found: dict[str, list[Record[Data]]] = {}
    for partition, record in all_of(settings, CONTENT.events):
        after = accept(fences.get(partition, Fence()), record.envelope)
        if after is None:
            continue
        fences[partition] = after
        if not isinstance(record.data, LogClaimed):
            found.setdefault(record.envelope.causation, []).append(record)
    return found


def wait_for(settings: Settings, *ids: str) -> dict[str, list[Record[Data]]]:
    for _ in range(400):
        found = accepted(settings)
        if all(each in found for each in ids):
            return found
    pytest.fail("not decided in time")


def test_each_command_gets_one_record_of_the_right_kind(stack: Settings) -> None:
    project, other = str(uuid4()), str(uuid4())
    first = wish(CreateProject("one"), project)
    again = wish(CreateProject("one"), project)
    clash = wish(CreateProject("two"), project)
    missing = wish(ApproveCopy(), other)
    stale = wish(CreateProject("one"), project, expected_version=7)

    with deciding(stack):
        send(stack, first, again, clash, missing, stale, first)
        found = wait_for(
            stack, *(r.envelope.id for r in (first, again, clash, missing, stale))
        )

    made = found[first.envelope.id]
    assert [type(r.data) for r in made] == [ProjectCreated]
    assert made[0].envelope.id == event_id(first.envelope.id)
    assert made[0].version == 1
    assert isinstance(found[again.envelope.id][0].data, LogUnchanged)
    for record, kind in ((clash, "conflict"), (missing, "missing"), (stale, "stale")):
        refusal = found[record.envelope.id][0]
        assert isinstance(refusal.data, LogRejected)
        assert refusal.data.kind == kind
    assert found[clash.envelope.id][0].version == 1


def test_a_command_that_cannot_be_read_stops_nothing(stack: Settings) -> None:
    broken = wish(CreateProject("x"), str(uuid4()))
    value, headers = encode(broken)
    good = wish(CreateProject("y"), broken.envelope.aggregate_id)
    producer = Producer({"bootstrap.servers": stack.need("kafka"), **PRODUCER})

    with deciding(stack):
        for body, head in ((b'{"name": 7}', headers), (value, [("ce_id", b"only")])):
            producer.produce(
                CONTENT.commands.name, body, key=broken.envelope.key, headers=head
            )
        producer.flush()
        send(stack, good)
        found = wait_for(stack, broken.envelope.id, good.envelope.id)

    refusal = found[broken.envelope.id][0].data
    assert isinstance(refusal, LogRejected)
    assert refusal.kind == "command_failed"
    assert _parked(stack, value)


def _parked(settings: Settings, value: bytes) -> bool:
    consumer = Consumer({"bootstrap.servers": settings.need("kafka"), "group.id": "t"})
    consumer.assign(
        [TopicPartition(PARKED.name, p, 0) for p in range(settings.partitions)]
    )
    found = consumer.consume(100, timeout=3)
    consumer.close()
    return any(message.value() == value for message in found)


def test_the_next_owner_goes_on_where_the_log_says(stack: Settings) -> None:
    wishes = [wish(CreateProject(f"p{n}"), str(uuid4())) for n in range(40)]
    with deciding(stack):
        send(stack, *wishes[:20])
        wait_for(stack, *(w.envelope.id for w in wishes[:20]))
    send(stack, *wishes[20:], *wishes[:5])
    with deciding(stack):
        found = wait_for(stack, *(w.envelope.id for w in wishes))

    assert all(len(found[w.envelope.id]) == 1 for w in wishes)


def test_a_frozen_owner_that_writes_late_is_not_believed(stack: Settings) -> None:
    """A picture of the partition from before the take-over, thawed after it."""
    before = wish(CreateProject("before"), str(uuid4()))
    with deciding(stack):
        send(stack, before)
        wait_for(stack, before.envelope.id)
    partition = next(
        p
        for p, r in all_of(stack, CONTENT.events)
        if r.envelope.causation == before.envelope.id
    )
    producer = Producer({"bootstrap.servers": stack.need("kafka"), **PRODUCER})
    zombie = _owner(stack, producer, partition)
    with deciding(stack):
        after = wish(CreateProject("after"), before.envelope.aggregate_id)
        send(stack, after)
        wait_for(stack, after.envelope.id)
        late = wish(CreateProject("late"), str(uuid4()))
        zombie.serve(_as_message(stack, partition, late))
        producer.flush()

    written = [r.envelope.causation for _, r in all_of(stack, CONTENT.events)]
    assert late.envelope.id in written
    assert late.envelope.id not in accepted(stack)
    assert zombie.broken


def _owner(settings: Settings, producer: Producer, number: int) -> Partition:
    owner = Partition(CONTENT, number, producer, utc_now)
    consumer = Consumer({"bootstrap.servers": settings.need("kafka"), "group.id": "z"})

    def fold_to(end: int) -> None:
        place = TopicPartition(CONTENT.events.name, number, owner.next_offset)
        consumer.assign([place])
        while owner.next_offset < end:
            message = consumer.poll(WAIT_S)
            assert message is not None
            owner.fold(message)

    place = TopicPartition(CONTENT.events.name, number)
    fold_to(consumer.get_watermark_offsets(place)[1])
    owner.claim(owner.command_topic_id)
    producer.flush()
    assert owner.claimed_at is not None
    fold_to(owner.claimed_at + 1)
    consumer.close()
    assert owner.holds()
    return owner


class _Message:
    """One command as the consumer would hand it over."""

    def __init__(
        self, partition: int, value: bytes, headers: list[tuple[str, bytes]]
    ) -> None:
        self._partition, self._value, self._headers = partition, value, headers

    def headers(self) -> list[tuple[str, bytes]]:
        return self._headers

    def value(self) -> bytes:
        return self._value

    def topic(self) -> str:
        return CONTENT.commands.name

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return 10_000


def _as_message(
    settings: Settings, partition: int, record: Record[Command]
) -> _Message:
    value, headers = encode(record)
    assert decode(record.envelope.type, value) == record.data
    return _Message(partition, value, headers)
