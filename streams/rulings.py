"""What people ruled about parked records, read from `parked.v1`."""

from collections.abc import Iterator
from typing import Self

from confluent_kafka import KafkaException, Message, TopicPartition
from msgspec import Struct

from schemas.envelope import Headers, Malformed
from schemas.registry import decode, wire_name
from schemas.rulings import LogRuled
from schemas.topics import PARKED
from streams.judging import envelope_of, number
from streams.places import WAIT_S, looking, silence
from streams.reading import log_ends, partition_counts

PARKED_BY, PARKED_AT, PARKED_WHY = "parked_by", "parked_at", "parked_why"
RULED = wire_name(LogRuled)
Spot = tuple[str, str, int, int]


def parked_headers(reader: str, place: str, reason: str) -> Headers:
    """What a record of `parked.v1` carries beside its own headers."""
    return [
        (PARKED_BY, reader.encode()),
        (PARKED_AT, place.encode()),
        (PARKED_WHY, reason.encode()),
    ]


class Rulings(Struct, frozen=True):
    """All there were when they were loaded."""

    drops: frozenset[Spot] = frozenset()

    @classmethod
    def load(cls, kafka: str) -> Self:
        """Raises KafkaException; `parked.v1` is read whole, from its beginning."""
        drops: set[Spot] = set()
        for each in ruled(kafka):
            if each.ruling == "drop":
                drops.add((each.reader, each.topic, each.partition, each.offset))
        return cls(frozenset(drops))

    def dropped(self, reader: str, topic: str, partition: int, offset: int) -> bool:
        """`reader` with or without its version."""
        if not self.drops:
            return False
        return (name_of(reader), topic, partition, offset) in self.drops


def name_of(reader: str) -> str:
    """`projects` for `projects.v2`: a ruling outlives versions."""
    return reader.partition(".")[0]


def ruled(kafka: str) -> Iterator[LogRuled]:
    """Every ruling, in no order across partitions."""
    for message in everything(kafka):
        found = _ruling(message)
        if found is not None:
            yield found


def _ruling(message: Message) -> LogRuled | None:
    """Most of what lies here was parked as it was, and may claim to be anything."""
    try:
        envelope = envelope_of(message)
    except Malformed:
        return None
    if envelope.type != RULED or PARKED_BY in dict(message.headers() or ()):
        return None
    found = decode(envelope.type, message.value() or b"")
    return found if isinstance(found, LogRuled) else None


def everything(kafka: str) -> Iterator[Message]:
    """All of `parked.v1` as it is now; raises KafkaException."""
    with looking(kafka) as consumer:
        count = partition_counts(consumer).get(PARKED.name, 0)
        places = [(PARKED.name, partition) for partition in range(count)]
        ends = {place: end for place, end in log_ends(consumer, places).items() if end}
        consumer.assign([TopicPartition(*place, 0) for place in ends])
        while ends:
            message = consumer.poll(WAIT_S)
            if message is None:
                raise silence(PARKED.name)
            if (error := message.error()) is not None:
                raise KafkaException(error)
            yield message
            place = (message.topic() or "", number(message.partition()))
            if number(message.offset()) + 1 >= ends.get(place, 0):
                ends.pop(place, None)
