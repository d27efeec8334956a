"""The whole log in memory, and the acceptance rule written a second time.

Nothing here uses a reader of the product: the oracle must not share its mistakes.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from uuid import uuid4

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from msgspec import Struct
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from schemas.envelope import Record, read_headers
from schemas.registry import Data, decode
from schemas.topics import FAMILIES, INBOUND, PARKED, TRACKING

CLAIMED = "io.contentops.log.claimed.v1"
EVENTS = tuple(each.events.name for each in FAMILIES)
COMMANDS = tuple(each.commands.name for each in FAMILIES)
KEPT = (*EVENTS, *COMMANDS, TRACKING.name, INBOUND.name, PARKED.name)

Place = tuple[str, int]


class Entry(Struct, frozen=True):
    """One record as it lies there."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: Mapping[str, str]
    value: bytes

    @property
    def type(self) -> str:
        return self.headers.get("ce_type", "")

    @property
    def id(self) -> str:
        return self.headers.get("ce_id", "")

    def record(self) -> Record[Data]:
        envelope = read_headers(list(self.headers.items()))
        data = decode(envelope.type, self.value)
        place = (self.topic, self.partition, self.offset)
        return Record(
            envelope=envelope,
            data=data,
            topic=place[0],
            partition=place[1],
            offset=place[2],
        )


class Journal:
    """Grows with every `read`; not thread-safe."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"oracle-{uuid4().hex}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": False,
                "fetch.wait.max.ms": 50,
                "log_level": 0,
            }
        )
        self._address: dict[str, str | int | float | bool] = {
            "bootstrap.servers": bootstrap,
            "log_level": 0,
        }
        self._admin = AdminClient(self._address)
        known = self._consumer.list_topics(timeout=20).topics
        self.entries: dict[Place, list[Entry]] = {
            (name, number): [] for name in KEPT for number in known[name].partitions
        }
        starts = [TopicPartition(*place, 0) for place in self.entries]
        self._consumer.assign(starts)
        self._accepted: dict[Place, Accepted] = {}

    def close(self) -> None:
        self._consumer.close()

    def read(self) -> bool:
        """Everything up to the ends seen now; whether there was anything new."""
        ends, news = self.ends(), False
        while any(self._next(place) < end for place, end in ends.items()):
            for message in self._consumer.consume(1000, timeout=0.2):
                if message.error() is None:
                    news = True
                    self._keep(message)
        return news

    @retry(
        retry=retry_if_exception_type(KafkaException),
        stop=stop_after_delay(30),
        wait=wait_fixed(0.5),
    )
    def ends(self) -> dict[Place, int]:
        """Of a broker that came back, too: it refuses what a client remembers of it."""
        try:
            return self._ends()
        except KafkaException:
            self._admin = AdminClient(self._address)
            raise

    def _ends(self) -> dict[Place, int]:
        newest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # it is untyped
        asked = {TopicPartition(*place): newest for place in self.entries}
        found = self._admin.list_offsets(asked, request_timeout=20)
        return {
            (each.topic, each.partition): answer.result().offset
            for each, answer in found.items()
        }

    def of(self, topics: tuple[str, ...]) -> Iterator[Entry]:
        found = (kept for place, kept in self.entries.items() if place[0] in topics)
        return chain.from_iterable(found)

    def accepted(self) -> dict[Place, list[Record[Data]]]:
        """What counts of each event partition, claims included, in order."""
        for place, kept in self.entries.items():
            if place[0] in EVENTS:
                self._accepted.setdefault(place, Accepted()).take(kept)
        return {place: each.records for place, each in self._accepted.items()}

    def void(self) -> int:
        """Event records that no reader may believe."""
        self.accepted()
        return sum(each.void for each in self._accepted.values())

    def observations(self) -> list[Record[Data]]:
        return [each.record() for each in self.of((TRACKING.name,))]

    def _next(self, place: Place) -> int:
        kept = self.entries[place]
        return kept[-1].offset + 1 if kept else 0

    def _keep(self, message: Message) -> None:
        place = (str(message.topic()), int(message.partition() or 0))
        offset = int(message.offset() or 0)
        if offset < self._next(place):
            return
        given = message.headers()
        headers = {
            str(name): raw.decode(errors="replace")
            for name, raw in (given if isinstance(given, list) else [])
            if isinstance(raw, bytes)
        }
        value = message.value() or b""
        self.entries[place].append(Entry(*place, offset, message.key(), headers, value))


class Accepted:
    """One partition under the rule: who may write now, and what counted so far."""

    def __init__(self) -> None:
        self.records: list[Record[Data]] = []
        self.void = 0
        self._epoch, self._owner, self._n = 0, "", 0
        self._seen = 0

    def take(self, entries: list[Entry]) -> None:
        for entry in entries[self._seen :]:
            if self._counts(entry.headers):
                self.records.append(entry.record())
            else:
                self.void += 1
        self._seen = len(entries)

    def _counts(self, headers: Mapping[str, str]) -> bool:
        epoch, n = headers.get("ce_epoch", ""), headers.get("ce_epochseq", "")
        owner = headers.get("ce_epochowner", "")
        if headers.get("ce_type") == CLAIMED:
            if epoch != str(self._epoch + 1):
                return False
            self._epoch, self._owner, self._n = self._epoch + 1, owner, 0
            return True
        if (epoch, owner, n) != (str(self._epoch), self._owner, str(self._n)):
            return False
        self._n += 1
        return True
