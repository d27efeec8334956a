"""Reading topics: a static group member that starts where its positions say.

Consumer groups only share partitions out; where to read from, and what has been
done, is the caller's own position, moved in the transaction of its effect.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn, TypeAlias

import structlog
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from msgspec import Struct

from schemas.envelope import Record
from schemas.registry import Data
from streams.acceptance import Fence
from streams.judging import Unreadable, Void, judge, number

_log = structlog.get_logger("streams")

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


# What mends a read model, and what mends a reader that only sends commands.
REBUILD = "contentops projection rebuild --all --replace"
SET_BACK = "contentops doctor --restored"
# What librdkafka says of a position that the log does not have, or not any more.
OUTSIDE = (
    KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001  its public name
    KafkaError._LOG_TRUNCATION,  # noqa: SLF001
    KafkaError.OFFSET_OUT_OF_RANGE,
)


class LogChanged(Exception):
    """Not the log this reader knew; the message names the command that mends it."""


class Start(Struct, frozen=True):
    """Where to begin in one partition, and who may write there from then on.

    `marks` holds, by offset, the mark of records that were read before: the log is
    still the one that was read only if they are there unchanged.
    """

    offset: int
    fence: Fence | None = None
    marks: dict[int, str] = {}


class Batch(Struct, frozen=True):
    """What offsets [start, end) of one partition hold, in order.

    `records` are accepted and decoded, `unreadable` are accepted and are not: the
    reader parks them. `void` counts those that nobody may believe. `mark` tells the
    record before `end` from any other that may lie there one day.
    """

    topic: str
    partition: int
    start: int
    end: int
    records: tuple[Record[Data], ...]
    void: int
    fence: Fence | None
    leader_epoch: int
    unreadable: tuple[Unreadable, ...] = ()
    mark: str = ""

    def in_order(self) -> Sequence[Record[Data] | Unreadable]:
        """Both kinds, as they lie on the log."""
        if not self.unreadable:
            return self.records
        both: list[Record[Data] | Unreadable] = [*self.records, *self.unreadable]
        return sorted(both, key=lambda each: each.offset)


Place: TypeAlias = tuple[str, int]
Starts: TypeAlias = Callable[[Sequence[Place]], dict[Place, Start]]


def mark_of(message: Message) -> str:
    """A digest of all a record is, the broker's own time included."""
    parts: list[str | bytes | None] = [str(message.timestamp()[1])]
    parts += (message.key(), message.value())
    found = message.headers()
    for pair in found if isinstance(found, list) else ():
        parts += pair
    raw = [each.encode() if isinstance(each, str) else each or b"" for each in parts]
    return hashlib.blake2b(b"\0".join(raw), digest_size=16).hexdigest()


def log_ends(consumer: Consumer, places: Sequence[Place]) -> dict[Place, int]:
    """The next offset of each partition, asked of all at once."""
    return _offsets(consumer, places, OFFSET_END)


def log_starts(consumer: Consumer, places: Sequence[Place]) -> dict[Place, int]:
    """The first offset each partition still has."""
    return _offsets(consumer, places, OFFSET_BEGINNING)


def _offsets(
    consumer: Consumer, places: Sequence[Place], which: int
) -> dict[Place, int]:
    if not places:
        return {}
    asked = [TopicPartition(*place, which) for place in places]
    found = consumer.offsets_for_times(asked, timeout=10)
    return {(each.topic, each.partition): each.offset for each in found}


def partition_counts(consumer: Consumer, limit_s: float = 10.0) -> dict[str, int]:
    """How many partitions each topic has; raises KafkaException."""
    topics = consumer.list_topics(timeout=limit_s).topics
    return {name: len(topic.partitions) for name, topic in topics.items()}


class Reader:
    """Not thread-safe: one loop owns it. `read` blocks for at most `wait_s`.

    `void` counts, by place, the records that were skipped because nobody may
    believe them. `mend` is the command that an error names as the remedy.
    """

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topics: Iterable[str],
        starts: Starts,
        *,
        ordinal: int = 0,
        mend: str = REBUILD,
    ) -> None:
        self.void: Counter[Place] = Counter()
        self._starts = starts
        self._mend = mend
        self._fences: dict[Place, Fence | None] = {}
        self._next: dict[Place, int] = {}
        self._marks: dict[Place, dict[int, str]] = {}
        self._counts: dict[str, int] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"contentops.{group}",
                "group.instance.id": f"{group}-{ordinal}",
                **CONSUMER,
            }
        )
        self._join(list(topics))

    def _join(self, topics: list[str]) -> None:
        self._consumer.subscribe(topics, on_assign=self._assign, on_revoke=self._revoke)

    def read(self, limit: int = 1000, wait_s: float = 0.5) -> list[Batch]:
        """Take one record, then what is already there; never wait to fill a batch."""
        first = self._consumer.poll(wait_s)
        if first is None:
            return []
        rest = self._consumer.consume(limit - 1, timeout=0)
        grouped: dict[Place, list[Message]] = defaultdict(list)
        for message in (first, *rest):
            place = (message.topic() or "", number(message.partition()))
            if self._is_news(place, message):
                grouped[place].append(message)
        return [self._batch(place, found) for place, found in grouped.items()]

    def restart(self, places: Sequence[Place]) -> None:
        """Read these partitions again from what `starts` says now."""
        starts = self._starts(places)
        lows = log_starts(self._consumer, places)
        for place, start in starts.items():
            offset = self._begin(place, start, lows[place])
            self._consumer.seek(TopicPartition(*place, offset))

    def assigned(self) -> list[Place]:
        return [(each.topic, each.partition) for each in self._consumer.assignment()]

    def close(self) -> None:
        self._consumer.close()

    def _begin(self, place: Place, start: Start, low: int = 0) -> int:
        """Where to fetch from: the record before the position is looked at again.

        Unless that one has reached the end of its retention.
        """
        decided = place[0].endswith(".events.v1")
        self._fences[place] = (start.fence or Fence()) if decided else None
        self._next[place] = start.offset
        marks = {at: mark for at, mark in start.marks.items() if at >= low}
        self._marks[place] = marks
        return start.offset - (start.offset - 1 in marks)

    def _assign(self, consumer: Consumer, found: list[TopicPartition]) -> None:
        starts = self._starts([(each.topic, each.partition) for each in found])
        self._counts = partition_counts(consumer)
        self._refuse_lost(starts)
        lows = log_starts(consumer, list(starts))
        for each in found:
            place = (each.topic, each.partition)
            each.offset = self._begin(place, starts[place], lows[place])
        consumer.incremental_assign(found)

    def _revoke(self, consumer: Consumer, lost: list[TopicPartition]) -> None:
        consumer.incremental_unassign(lost)

    def _refuse_lost(self, starts: dict[Place, Start]) -> None:
        """A position beyond the end: the log lost its tail and has not grown again."""
        for place, end in log_ends(self._consumer, list(starts)).items():
            known = starts[place]
            last = max(known.offset, *(offset + 1 for offset in known.marks), 0)
            if end < last:
                raise self._changed(place, f"ends at {end}, {last} were read")

    def _changed(self, place: Place, what: str) -> LogChanged:
        return LogChanged(
            f"{place[0]}[{place[1]}] {what}: this is not the log that was read; "
            f"run `{self._mend}`"
        )

    def _is_news(self, place: Place, message: Message) -> bool:
        """Raises LogChanged when a record that was read before is another one now."""
        error = message.error()
        if error is not None:
            self._refuse(place, error)
        marks = self._marks.get(place)
        if marks:
            known = marks.pop(number(message.offset()), None)
            if known is not None and known != mark_of(message):
                what = f"holds another record at {message.offset()} than before"
                raise self._changed(place, what)
        return number(message.offset()) >= self._next.get(place, 0)

    def _refuse(self, place: Place, error: KafkaError) -> NoReturn:
        if error.code() not in OUTSIDE:
            raise KafkaException(error)
        raise self._changed(place, f"does not hold the position: {error.str()}")

    def _batch(self, place: Place, messages: list[Message]) -> Batch:
        start, fence = self._next[place], self._fences[place]
        kept: list[Record[Data]] = []
        odd: list[Unreadable] = []
        for message in messages:
            found, fence = judge(message, fence, self._counts[place[0]])
            if isinstance(found, Record):
                kept.append(found)
            elif isinstance(found, Unreadable):
                odd.append(found)
            else:
                self._skip(place, message, found)
        self._fences[place] = fence
        self._next[place] = number(messages[-1].offset()) + 1
        return Batch(
            topic=place[0],
            partition=place[1],
            start=start,
            end=self._next[place],
            records=tuple(kept),
            void=len(messages) - len(kept) - len(odd),
            fence=fence,
            leader_epoch=number(messages[-1].leader_epoch()),
            unreadable=tuple(odd),
            mark=mark_of(messages[-1]),
        )

    def _skip(self, place: Place, message: Message, void: Void) -> None:
        self.void[place] += 1
        if self.void[place] == 1:
            _log.warning(
                "Void records are skipped here; this is the first of them.",
                action="skip",
                place=f"{place[0]}:{place[1]}:{message.offset()}",
                reason=void.reason,
            )
