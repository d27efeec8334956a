"""Reading topics: a static group member that starts where its positions say.

Consumer groups only share partitions out; where to read from, and what has been
done, is the caller's own position, moved in the transaction of its effect.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from msgspec import Struct

from schemas.envelope import Envelope, Record, read_headers
from schemas.registry import Data, decode
from streams.acceptance import Fence, accept

CONSUMER = {
    "auto.offset.reset": "error",
    "enable.auto.commit": False,
    "enable.partition.eof": False,
    "partition.assignment.strategy": "cooperative-sticky",
    "fetch.wait.max.ms": 2_000,
    "fetch.error.backoff.ms": 100,
    "fetch.queue.backoff.ms": 10,
    "session.timeout.ms": 10_000,
    "heartbeat.interval.ms": 3_000,
    "queued.max.messages.kbytes": 4_096,
    "socket.nagle.disable": True,
    "topic.metadata.refresh.interval.ms": 60_000,
}


class LogChanged(Exception):
    """Not the log this reader knew; the message names the command that mends it."""


class Start(Struct, frozen=True):
    """Where to begin in one partition, and who may write there from then on."""

    offset: int
    fence: Fence | None = None


class Batch(Struct, frozen=True):
    """The accepted records of offsets [start, end) of one partition, in order."""

    topic: str
    partition: int
    start: int
    end: int
    records: tuple[Record[Data], ...]
    void: int
    fence: Fence | None
    leader_epoch: int


Starts: TypeAlias = Callable[[Sequence[tuple[str, int]]], dict[tuple[str, int], Start]]
Gone: TypeAlias = Callable[[Sequence[tuple[str, int]]], None]


def envelope_of(message: Message) -> Envelope:
    """Raises Malformed for a record that none of ours can have written."""
    found = message.headers()
    return read_headers(found if isinstance(found, list) else None)


def record_of(message: Message, envelope: Envelope) -> Record[Data]:
    """Raises UnknownType or msgspec.ValidationError for a body we cannot read."""
    return Record(
        envelope=envelope,
        data=decode(envelope.type, message.value() or b"{}"),
        topic=message.topic() or "",
        partition=_number(message.partition()),
        offset=_number(message.offset()),
    )


def _number(found: int | None) -> int:
    return -1 if found is None else found


class Reader:
    """Not thread-safe: one loop owns it. `read` blocks for at most `wait_s`."""

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topics: Iterable[str],
        starts: Starts,
        *,
        ordinal: int = 0,
    ) -> None:
        self._starts = starts
        self._fences: dict[tuple[str, int], Fence | None] = {}
        self._next: dict[tuple[str, int], int] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"contentops.{group}",
                "group.instance.id": f"{group}-{ordinal}",
                **CONSUMER,
            }
        )
        self._consumer.subscribe(
            list(topics), on_assign=self._assign, on_revoke=self._revoke
        )

    def read(self, limit: int = 1000, wait_s: float = 0.5) -> list[Batch]:
        """Take one record, then what is already there; never wait to fill a batch."""
        first = self._consumer.poll(wait_s)
        if first is None:
            return []
        rest = self._consumer.consume(limit - 1, timeout=0)
        grouped: dict[tuple[str, int], list[Message]] = defaultdict(list)
        for message in (first, *rest):
            _refuse_errors(message)
            place = (message.topic() or "", _number(message.partition()))
            if _number(message.offset()) >= self._next.get(place, 0):
                grouped[place].append(message)
        return [self._batch(place, found) for place, found in grouped.items()]

    def restart(self, places: Sequence[tuple[str, int]]) -> None:
        """Read these partitions again from what `starts` says now."""
        for place, start in self._starts(places).items():
            self._begin(place, start)
            self._consumer.seek(TopicPartition(place[0], place[1], start.offset))

    def assigned(self) -> list[tuple[str, int]]:
        return [(each.topic, each.partition) for each in self._consumer.assignment()]

    def close(self) -> None:
        self._consumer.close()

    def _begin(self, place: tuple[str, int], start: Start) -> None:
        decided = place[0].endswith(".events.v1")
        self._fences[place] = (start.fence or Fence()) if decided else None
        self._next[place] = start.offset

    def _assign(self, consumer: Consumer, found: list[TopicPartition]) -> None:
        starts = self._starts([(each.topic, each.partition) for each in found])
        for each in found:
            start = starts[(each.topic, each.partition)]
            self._begin((each.topic, each.partition), start)
            each.offset = start.offset
        consumer.incremental_assign(found)

    def _revoke(self, consumer: Consumer, lost: list[TopicPartition]) -> None:
        consumer.incremental_unassign(lost)

    def _batch(self, place: tuple[str, int], messages: list[Message]) -> Batch:
        start = self._next[place]
        fence = self._fences[place]
        kept: list[Record[Data]] = []
        for message in messages:
            envelope = envelope_of(message)
            if fence is not None:
                after = accept(fence, envelope)
                if after is None:
                    continue
                fence = after
            kept.append(record_of(message, envelope))
        self._fences[place] = fence
        self._next[place] = _number(messages[-1].offset()) + 1
        return Batch(
            topic=place[0],
            partition=place[1],
            start=start,
            end=self._next[place],
            records=tuple(kept),
            void=len(messages) - len(kept),
            fence=fence,
            leader_epoch=_number(messages[-1].leader_epoch()),
        )


def _refuse_errors(message: Message) -> None:
    error = message.error()
    if error is None:
        return
    if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001  its public name
        raise LogChanged(
            f"{error.str()}: the position is outside the log; "
            "run `contentops projection rebuild --all`"
        )
    raise KafkaException(error)
