"""Reading one exact range of one partition again."""

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from schemas.envelope import Record
from schemas.registry import Data
from streams.acceptance import Fence, accept
from streams.reading import Batch, LogChanged, envelope_of, record_of

WAIT_S = 20.0


def read_range(
    bootstrap: str, place: tuple[str, int], start: int, end: int, fence: Fence
) -> Batch:
    """Offsets [start, end), folded from the fence that was in force before them."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "contentops.range",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
        }
    )
    try:
        consumer.assign([TopicPartition(*place, start)])
        decided = place[0].endswith(".events.v1")
        now: Fence | None = fence if decided else None
        kept: list[Record[Data]] = []
        offset = start
        while offset < end:
            message = _next(consumer, place, offset)
            offset = (message.offset() or 0) + 1
            record, now = _accepted(message, now)
            if record is not None:
                kept.append(record)
    finally:
        consumer.close()
    return Batch(*place, start, end, tuple(kept), end - start - len(kept), now, -1)


def _next(consumer: Consumer, place: tuple[str, int], offset: int) -> Message:
    message = consumer.poll(WAIT_S)
    if message is None:
        raise LogChanged(f"{place[0]}[{place[1]}] does not give offset {offset}")
    error = message.error()
    if error is not None:
        raise KafkaException(error)
    return message


def _accepted(
    message: Message, fence: Fence | None
) -> tuple[Record[Data] | None, Fence | None]:
    envelope = envelope_of(message)
    if fence is None:
        return record_of(message, envelope), None
    after = accept(fence, envelope)
    if after is None:
        return None, fence
    return record_of(message, envelope), after
