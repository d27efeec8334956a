"""Reading exact ranges of partitions again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from projections.plans import Range
from schemas.envelope import Record
from schemas.registry import Data
from streams.acceptance import Fence
from streams.judging import Unreadable, judge
from streams.reading import Batch, LogChanged, partition_counts

Read: TypeAlias = Callable[[Range], Batch]

WAIT_S = 20.0
MANY = 1_000


@contextmanager
def reading(bootstrap: str) -> Iterator[Read]:
    """Reads any number of ranges, one after the other, with one consumer."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "contentops.range",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            # A fetch that waits at the end of one range holds up the next range.
            "fetch.wait.max.ms": 5,
        }
    )
    try:
        counts = partition_counts(consumer)
        yield lambda where: _read(consumer, where, counts[where.topic])
    finally:
        consumer.close()


def read_range(bootstrap: str, where: Range) -> Batch:
    """Its offsets, folded from the fence that was in force before them.

    Raises LogChanged when the log does not have them any more.
    """
    with reading(bootstrap) as read:
        return read(where)


def _read(consumer: Consumer, where: Range, partitions: int) -> Batch:
    decided = where.topic.endswith(".events.v1")
    fence: Fence | None = where.fence if decided else None
    kept: list[Record[Data]] = []
    odd: list[Unreadable] = []
    for message in _messages(consumer, where):
        found, fence = judge(message, fence, partitions)
        if isinstance(found, Record):
            kept.append(found)
        elif isinstance(found, Unreadable):
            odd.append(found)
    return Batch(
        topic=where.topic,
        partition=where.partition,
        start=where.start,
        end=where.end,
        records=tuple(kept),
        void=where.end - where.start - len(kept) - len(odd),
        fence=fence,
        leader_epoch=-1,
        unreadable=tuple(odd),
    )


def _messages(consumer: Consumer, where: Range) -> Iterator[Message]:
    consumer.assign([TopicPartition(*where.place, where.start)])
    offset = where.start
    while offset < where.end:
        first = consumer.poll(WAIT_S)
        if first is None:
            place = f"{where.topic}[{where.partition}]"
            raise LogChanged(f"{place} does not give offset {offset}")
        many = min(MANY, where.end - offset - 1)
        rest = consumer.consume(many, timeout=0) if many else []
        for message in (first, *rest):
            error = message.error()
            if error is not None:
                raise KafkaException(error)
            offset = (message.offset() or 0) + 1
            yield message
