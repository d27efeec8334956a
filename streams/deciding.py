"""The decider role: takes command partitions over, serves them, gives them up."""

import time
from collections.abc import Callable, Iterable
from threading import Event

import structlog
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.clock import Clock
from schemas.topics import FAMILIES, Family
from streams.decider import Partition, StepDown
from streams.log import PRODUCER
from streams.reading import CONSUMER, LogChanged
from streams.topic_ids import topic_ids

log = structlog.get_logger()

FAMILY_OF_TOPIC = {each.commands.name: each for each in FAMILIES}
TAKE_OVER_S = 30.0


class Decider:
    """One loop, one producer, any number of partitions. Not thread-safe."""

    def __init__(self, bootstrap: str, clock: Clock, *, ordinal: int = 0) -> None:
        self._bootstrap = bootstrap
        self._clock = clock
        self._producer = Producer({"bootstrap.servers": bootstrap, **PRODUCER})
        self._ids = topic_ids(AdminClient({"bootstrap.servers": bootstrap}))
        self._owned: dict[tuple[str, int], Partition] = {}
        self._commands = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "contentops.decider",
                "group.instance.id": f"decider-{ordinal}",
                **CONSUMER,
            }
        )
        self._commands.subscribe(
            list(FAMILY_OF_TOPIC), on_assign=self._assign, on_revoke=self._revoke
        )

    def run(self, stop: Event) -> None:
        try:
            while not stop.is_set():
                self._turn(0.2)
        finally:
            self._producer.flush(5)
            self._commands.close()

    def _turn(self, wait_s: float) -> None:
        first = self._commands.poll(0.001 if self._waiting() else wait_s)
        if first is not None:
            for message in (first, *self._commands.consume(999, timeout=0)):
                self._serve(message)
        self._producer.poll(0)
        for place in [p for p, owned in self._owned.items() if owned.broken]:
            self._step_down(place, self._owned[place].broken)

    def _waiting(self) -> bool:
        return any(owned.waiting() for owned in self._owned.values())

    def _serve(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            raise KafkaException(error)
        place = (message.topic() or "", message.partition() or 0)
        owned = self._owned.get(place)
        if owned is None or owned.broken:
            return
        try:
            owned.serve(message)
        except StepDown as reason:
            self._step_down(place, str(reason))

    def _step_down(self, place: tuple[str, int], reason: str) -> None:
        log.warning("claiming again", action="claim", place=place, reason=reason)
        self._producer.flush(5)
        (taken,) = self._take([place])
        self._commands.seek(taken)

    def _assign(self, consumer: Consumer, found: list[TopicPartition]) -> None:
        places = [(each.topic, each.partition) for each in found]
        consumer.incremental_assign(self._take(places))

    def _revoke(self, consumer: Consumer, lost: list[TopicPartition]) -> None:
        self._producer.flush(5)
        for each in lost:
            self._owned.pop((each.topic, each.partition), None)
        consumer.incremental_unassign(lost)

    def _take(self, places: Iterable[tuple[str, int]]) -> list[TopicPartition]:
        """Fold, claim and fold up to the claim; all partitions side by side."""
        taken = {place: self._open(place) for place in places}
        self._fold(taken, self._ends(taken))
        self._claim(taken)
        for place, owned in taken.items():
            if not owned.holds():
                owned.broken = "another owner claimed first"
            self._owned[place] = owned
        return [TopicPartition(*p, owned.resume) for p, owned in taken.items()]

    def _open(self, place: tuple[str, int]) -> Partition:
        family: Family = FAMILY_OF_TOPIC[place[0]]
        return Partition(family, place[1], self._producer, self._clock)

    def _claim(self, taken: dict[tuple[str, int], Partition]) -> None:
        for place, owned in taken.items():
            wanted = self._ids[place[0]]
            if owned.command_topic_id not in ("", wanted):
                raise LogChanged(
                    f"{place[0]} is another topic than the one decided so far; "
                    "restore it, or run `contentops topics check`"
                )
            owned.claim(wanted)
        self._producer.flush(TAKE_OVER_S)
        ends = {}
        for place, owned in taken.items():
            if owned.claimed_at is None:
                raise LogChanged(f"no claim on {place}: {owned.broken or 'no answer'}")
            ends[place] = owned.claimed_at + 1
        self._fold(taken, ends)

    def _ends(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        return {
            place: self._commands.get_watermark_offsets(
                TopicPartition(FAMILY_OF_TOPIC[place[0]].events.name, place[1]),
                timeout=TAKE_OVER_S,
            )[1]
            for place in places
        }

    def _fold(
        self,
        taken: dict[tuple[str, int], Partition],
        ends: dict[tuple[str, int], int],
    ) -> None:
        wanted = {
            (owned.family.events.name, owned.number): (owned, ends[place])
            for place, owned in taken.items()
            if owned.next_offset < ends[place]
        }
        if wanted:
            _read_to(
                self._bootstrap,
                {place: owned.next_offset for place, (owned, _) in wanted.items()},
                {place: end for place, (_, end) in wanted.items()},
                lambda place, message: wanted[place][0].fold(message),
            )


def _read_to(
    bootstrap: str,
    starts: dict[tuple[str, int], int],
    ends: dict[tuple[str, int], int],
    fold: Callable[[tuple[str, int], Message], None],
) -> None:
    """Read these event partitions up to (not including) their ends."""
    config = {**CONSUMER, "bootstrap.servers": bootstrap, "group.id": "contentops.fold"}
    consumer = Consumer(config)
    consumer.assign([TopicPartition(*place, at) for place, at in starts.items()])
    left = dict(ends)
    deadline = time.monotonic() + TAKE_OVER_S
    while left:
        for message in consumer.consume(5000, timeout=0.05):
            if message.error():
                raise KafkaException(message.error())
            place = (message.topic() or "", message.partition() or 0)
            if place in left:
                fold(place, message)
                deadline = time.monotonic() + TAKE_OVER_S
                if (message.offset() or 0) + 1 >= left[place]:
                    del left[place]
        if time.monotonic() > deadline:
            raise LogChanged(f"cannot read {sorted(left)} up to the end")
    consumer.close()
