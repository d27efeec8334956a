"""The decider on a real broker: one record per command, whoever dies in between."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import cast
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from infra.settings import Settings
from integration.rolling import until
from schemas.clock import utc_now
from schemas.commands.content import ApproveCopy, CreateProject
from schemas.envelope import Headers, Record, command, encode, read_headers
from schemas.events.content import ProjectCreated
from schemas.events.log import LogClaimed, LogRejected, LogUnchanged
from schemas.ids import event_id
from schemas.registry import Command, Data, decode
from schemas.topics import CONTENT, PARKED, Topic
from streams.acceptance import Fence, accept
from streams.admitting import Place
from streams.decider import Partition
from streams.deciding import Decider
from streams.judging import record_of
from streams.log import PRODUCER, Batched
from streams.outlet import KafkaOutlet, Parked, Shared
from streams.placing import partition_of

WAIT_S = 20
SESSION_S = 6.0


@contextmanager
def deciding(
    settings: Settings, ordinal: int = 0, session_s: float = 10.0
) -> Iterator[Decider]:
    stop = threading.Event()
    decider = Decider(
        settings.need("kafka"), utc_now, ordinal=ordinal, session_s=session_s
    )
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


REFUSED: dict[str, tuple[bytes, dict[str, bytes]]] = {
    "a field of another type": (b'{"name": 7}', {}),
    "no JSON": (b"\x00\xff not json", {}),
    "an unknown type": (b"{}", {"ce_type": b"io.contentops.project.melt.v1"}),
    "an event": (b'{"name":"x"}', {"ce_type": b"io.contentops.project.created.v1"}),
    "another aggregate's": (b"{}", {"ce_type": b"io.contentops.copy.approve.v1"}),
    "nobody's aggregate": (b"{}", {"ce_subject": b"teapot/%s"}),
    "another family's": (b"{}", {"ce_subject": b"job/%s"}),
    "a megabyte": (b'{"name":"%s"}' % (b"x" * 900_000), {}),
}
PARKED_BAD: dict[str, tuple[bytes, dict[str, bytes | None]]] = {
    "headers missing": (b"no id", {"ce_id": None}),
    "no time": (b"no time", {"ce_time": b"soon"}),
    "a time without zone": (b"no zone", {"ce_time": b"2026-01-01T00:00:00"}),
    "no text": (b"no text", {"ce_subject": b"project/\xff"}),
    "another key": (b"no key", {"ce_partitionkey": b"acme:somebody"}),
    "another subject": (b"no subject", {"ce_subject": b"project/somebody-else"}),
    "headers of a megabyte": (b"no end", {"ce_correlationid": b"x" * 1_020_000}),
}


def test_no_bad_command_stops_the_others_and_none_is_lost(stack: Settings) -> None:
    producer = Producer(
        {
            "bootstrap.servers": stack.need("kafka"),
            **PRODUCER,
            "message.max.bytes": 1_048_000,
        }
    )
    refused = {name: _send_bad(producer, *bad) for name, bad in REFUSED.items()}
    for bad in PARKED_BAD.values():
        _send_bad(producer, *bad)
    astray = _send_bad(producer, b"astray", {}, astray=stack.partitions)
    producer.flush()
    good = [wish(CreateProject("y"), str(uuid4())) for _ in range(8)]

    with deciding(stack):
        send(stack, *good)
        found = wait_for(stack, *refused.values(), *(g.envelope.id for g in good))
    for name, id_ in refused.items():
        (record,) = found[id_]
        assert isinstance(record.data, LogRejected), name
        assert record.data.kind == "command_failed", name
    assert all(isinstance(found[g.envelope.id][0].data, ProjectCreated) for g in good)
    assert astray not in found
    parked = _parked(stack)
    for name, (value, _) in PARKED_BAD.items():
        assert parked.get(value), name
    assert b"another partition" in parked[b"astray"]


def _send_bad(
    producer: Producer,
    value: bytes,
    changes: dict[str, bytes | None],
    *,
    astray: int = 0,
) -> str:
    """One command with some headers changed (None: left out); its id."""
    record = wish(CreateProject("x"), str(uuid4()))
    key = record.envelope.key.encode()
    found = {
        name: bytes(raw) for name, raw in encode(record)[1] if isinstance(raw, bytes)
    }
    for name, raw in changes.items():
        if raw is None:
            del found[name]
        else:
            id_ = record.envelope.aggregate_id.encode()
            found[name] = raw.replace(b"%s", id_)
    wrong = (partition_of(key, astray) + 1) % astray if astray else -1
    producer.produce(
        CONTENT.commands.name, value, key, wrong, headers=list(found.items())
    )
    return record.envelope.id


def _parked(settings: Settings) -> dict[bytes, bytes]:
    """Everything on `parked.v1`: value and reason."""
    found: dict[bytes, bytes] = {}
    consumer = Consumer({"bootstrap.servers": settings.need("kafka"), "group.id": "t"})
    places = [TopicPartition(PARKED.name, p, 0) for p in range(settings.partitions)]
    left = sum(consumer.get_watermark_offsets(place)[1] for place in places)
    consumer.assign(places)
    while left:
        message = consumer.poll(WAIT_S)
        assert message is not None
        left -= 1
        found[message.value() or b""] = dict(message.headers() or []).get(
            "parked_why", b""
        )
    consumer.close()
    return found


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
    shared = Shared(stack.need("kafka"))
    zombie = _owner(stack, shared, partition)
    with deciding(stack):
        after = wish(CreateProject("after"), before.envelope.aggregate_id)
        send(stack, after)
        wait_for(stack, after.envelope.id)
        late = wish(CreateProject("late"), before.envelope.aggregate_id)
        zombie.serve([_as_message(partition, late)])
        shared.now.flush()

    written = [r.envelope.causation for _, r in all_of(stack, CONTENT.events)]
    assert late.envelope.id in written
    assert late.envelope.id not in accepted(stack)
    assert zombie.broken


def _owner(settings: Settings, shared: Shared, number: int) -> Partition:
    """Folded and claimed by hand, without the role's loop."""
    kafka = settings.need("kafka")
    outlet = KafkaOutlet(shared, Parked(kafka), CONTENT.events.name, number)
    owner = Partition(Place(CONTENT, number, settings.partitions), outlet, utc_now)
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "z"})

    def fold_to(end: int) -> None:
        place = TopicPartition(CONTENT.events.name, number, owner.next_offset)
        consumer.assign([place])
        while owner.next_offset < end:
            message = consumer.poll(WAIT_S)
            assert message is not None
            owner.fold([message])

    place = TopicPartition(CONTENT.events.name, number)
    fold_to(consumer.get_watermark_offsets(place)[1])
    owner.claim(owner.command_topic_id)
    shared.now.flush()
    assert owner.claimed_at is not None
    fold_to(owner.claimed_at + 1)
    consumer.close()
    assert owner.holds()
    return owner


class _Message:
    """One command as the consumer would hand it over."""

    def __init__(
        self, partition: int, key: str, value: bytes, headers: Headers
    ) -> None:
        self._partition, self._key = partition, key
        self._value, self._headers = value, headers

    def key(self) -> bytes:
        return self._key.encode()

    def headers(self) -> Headers:
        return self._headers

    def value(self) -> bytes:
        return self._value

    def topic(self) -> str:
        return CONTENT.commands.name

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return 10_000


def _as_message(partition: int, record: Record[Command]) -> Message:
    value, headers = encode(record)
    assert decode(record.envelope.type, value) == record.data
    return cast(Message, _Message(partition, record.envelope.key, value, headers))


def test_nothing_is_jumped_over_when_partitions_come_late(stack: Settings) -> None:
    """They join a consumer that waits in a fetch, and commands come all the while."""
    with deciding(stack, 0, SESSION_S) as staying:
        with deciding(stack, 1, SESSION_S) as leaving:
            until(leaving.ready, WAIT_S)
        sent: list[Record[Command]] = []
        end = monotonic() + SESSION_S + 4
        while monotonic() < end:
            sent.append(wish(CreateProject("x"), str(uuid4())))
            send(stack, sent[-1])
        assert staying.ready()
        until(
            lambda: {each.envelope.id for each in sent} <= accepted(stack).keys(),
            WAIT_S,
        )
