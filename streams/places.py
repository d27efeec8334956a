"""Single records, read again from where they lie."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeAlias
from uuid import uuid4

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from streams.judging import number
from streams.reading import log_ends, partition_counts

Spot: TypeAlias = tuple[str, int, int]

WAIT_S = 10.0


class NotThere(Exception):
    """The log does not hold this offset, or not any more."""


@contextmanager
def looking(kafka: str) -> Iterator[Consumer]:
    """A consumer of nobody's group, for a few questions."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka,
            "group.id": f"contentops.look.{uuid4()}",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 20,
        }
    )
    try:
        yield consumer
    finally:
        consumer.close()


def ends_of(kafka: str, topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """The next offset of every partition of these topics; none of one not there."""
    with looking(kafka) as consumer:
        counts = partition_counts(consumer)
        places = [
            (name, partition)
            for name in topics
            for partition in range(counts.get(name, 0))
        ]
        return log_ends(consumer, places)


def silence(topic: str) -> KafkaException:
    """What to raise when a broker does not give what it must have."""
    words = f"{topic} does not give its records within {WAIT_S:.0f} s"
    return KafkaException(KafkaError(KafkaError._TIMED_OUT, words))  # noqa: SLF001


def messages_at(kafka: str, spots: Iterable[Spot]) -> list[Message]:
    """One by one, in the order asked for; raises NotThere or KafkaException."""
    with looking(kafka) as consumer:
        return [message_at(consumer, spot) for spot in spots]


def message_at(consumer: Consumer, spot: Spot) -> Message:
    """Exactly the record at this offset; takes the consumer's assignment."""
    consumer.assign([TopicPartition(*spot)])
    message = consumer.poll(WAIT_S)
    if message is None:
        raise silence(spot[0])
    if (error := message.error()) is not None:
        raise KafkaException(error)
    if number(message.offset()) != spot[2]:
        raise NotThere(f"{spot[0]}[{spot[1]}] has nothing at {spot[2]} any more")
    return message
