"""Where decisions leave: one producer of the role, seen from each partition."""

from collections.abc import Iterable
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.envelope import Headers, Malformed, TooLarge
from schemas.topics import PARKED
from streams.judging import envelope_of, plain, stream_of
from streams.log import Acknowledged, Batched, NotAcknowledged, producer
from streams.rulings import PARKED_BY

READER = "decider"
# The pipeline is bounded by partition, so this queue is never what stops it. Under
# load a request carries what came within the linger; `deliver` ends it when idle.
FLOW = {"queue.buffering.max.messages": 1_000_000, "linger.ms": 5}
HURRY_S = 0.002


class StepDown(Exception):
    """This owner's picture may be wrong: drop it and claim again."""


class Outlet(Protocol):
    """Where a partition's records go; deliveries are told later, in order."""

    def append(
        self, key: str, value: bytes, found: Headers, on_delivery: Acknowledged
    ) -> None:
        """Raises StepDown, or TooLarge for a record that no broker would take."""
        ...

    def park(self, bad: Iterable[tuple[Message, str]]) -> None:
        """Returns once all are on `parked.v1`; raises StepDown when they are not."""
        ...


class Shared:
    """The producer of the role; its loop polls it for deliveries."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self.now: Producer = self._made()

    def deliver(self, *, hurry: bool) -> None:
        """Hear of deliveries; in a hurry nothing lingers, and it waits up to 2 ms."""
        if hurry:
            self.now.flush(HURRY_S)
        else:
            self.now.poll(0)

    def renew(self) -> None:
        """After a fatal error; whoever had something on its way hears of it."""
        before, self.now = self.now, self._made()
        before.purge()
        before.flush(1)

    def _made(self) -> Producer:
        return producer(self._bootstrap, **FLOW)  # house: producers: the role's only


class KafkaOutlet:
    """Of one event partition."""

    def __init__(
        self, shared: Shared, parked: "Parked", topic: str, number: int
    ) -> None:
        self._shared = shared
        self._parked = parked
        self._topic = topic
        self._number = number

    def append(
        self, key: str, value: bytes, found: Headers, on_delivery: Acknowledged
    ) -> None:
        try:
            self._shared.now.produce(
                self._topic,
                value,
                key or None,
                self._number,
                on_delivery=on_delivery,
                headers=found,
            )
        except BufferError as full:
            raise StepDown("the producer's queue is full") from full
        except KafkaException as wrong:
            raise _told(wrong) from wrong

    def park(self, bad: Iterable[tuple[Message, str]]) -> None:
        self._parked.put(bad)


class Parked:
    """`parked.v1`, by a producer of its own that takes larger records."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._log: Batched | None = None

    def put(self, bad: Iterable[tuple[Message, str]]) -> None:
        if self._log is None:
            room = {"message.max.bytes": PARKED.max_bytes - 1024}
            self._log = Batched(self._bootstrap, **room)
        try:
            for message, reason in bad:
                self._put(self._log, message, reason)
            self._log.confirm()
        except (BufferError, KafkaException, NotAcknowledged) as wrong:
            raise StepDown(f"parked.v1 does not answer: {wrong}") from wrong

    def _put(self, log: Batched, message: Message, reason: str) -> None:
        place = f"{message.topic()}:{message.partition()}:{message.offset()}"
        found = message.headers()
        why: Headers = [
            (PARKED_BY, READER.encode()),
            ("parked_at", place.encode()),
            ("parked_why", plain(reason).encode()),
        ]
        value = message.value() or b""
        log.add_raw(
            PARKED,
            _stream(message, place),
            value.encode() if isinstance(value, str) else value,
            [*(found if isinstance(found, list) else []), *why],
        )


def _stream(message: Message, place: str) -> str:
    """Under its stream's key where it names one, else by itself."""
    try:
        return stream_of(envelope_of(message))
    except Malformed:
        return place


def _told(wrong: KafkaException) -> Exception:
    error = wrong.args[0]
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return TooLarge("its decision would be larger than a record may be")
    return StepDown(str(error))
