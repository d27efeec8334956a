"""The auditor: hashes every record that is kept for ever and signs how far it got.

hash -> files -> topic -> position, for a stretch of one partition at a time. The files
are the master: after a crash the newest line is told to the topic again and hashing
goes on behind it, so a stretch is neither left out nor signed in two ways.
"""

import threading
from collections.abc import Iterable
from pathlib import Path
from time import monotonic
from uuid import uuid4

import psycopg
import structlog
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from msgspec import Struct

from schemas.audit import Stretch
from schemas.clock import Clock
from schemas.topics import AUDIT, FOR_EVER, TOPICS
from streams import ledger
from streams.faults import reach
from streams.following import Connection, when_up
from streams.hashing import START, entry_of, gap, grown, leaf, split
from streams.ledger import Ledger
from streams.log import Batched
from streams.positions import advance, claim
from streams.reading import CONSUMER, OUTSIDE, Batch, LogChanged
from streams.topic_ids import topic_ids

logger = structlog.get_logger()

READER = "auditor"
BATCH = 1000
WAIT_S = 1.0
WATERMARKS_S = 10
AUDITED = tuple(
    topic.name for topic in TOPICS if topic.retention_ms == FOR_EVER and topic != AUDIT
)


class Source(Struct, frozen=True, kw_only=True):
    """`records` and `every_s` bound what lies hashed but not yet signed."""

    kafka: str
    postgres: str
    folder: Path
    seed: bytes
    records: int = 10_000
    every_s: float = 60.0


class Part(Struct):
    """One partition: [start, end) is hashed and not signed, `told` is its position."""

    topic: str
    partition: int
    topic_id: str
    ledger: Ledger
    told: int
    start: int = 0
    root: bytes = START
    leaves: bytearray = bytearray()
    began: float = 0.0
    leader_epoch: int = -1

    @property
    def end(self) -> int:
        return self.start + len(self.leaves) // 32

    def take(self, message: Message, now: float) -> None:
        """In order of offsets; those that the broker hands to nobody are gaps."""
        entry = entry_of(message)
        if not self.leaves:
            self.began = now
        for offset in range(self.end, entry.offset):
            self.leaves += gap(self.topic, self.partition, offset)
        self.leaves += leaf(entry)
        self.leader_epoch = message.leader_epoch() or 0


class Auditor:
    """Not thread-safe. Reads all partitions itself: its files belong to one machine."""

    def __init__(self, source: Source, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._owner = uuid4().hex
        self._key = ledger.public_key(source.seed)
        self._parts: dict[tuple[str, int], Part] = {}

    @when_up
    def open(self) -> None:
        """Waits up to a minute for broker, topics and database."""
        kafka = self._source.kafka
        self._ids = topic_ids(AdminClient({"bootstrap.servers": kafka}))
        self._connection: Connection = psycopg.connect(
            self._source.postgres, autocommit=True, prepare_threshold=None
        )
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": f"contentops.{READER}",
                **CONSUMER,
                # It reads every partition at once, and nobody waits for it.
                "queued.max.messages.kbytes": 1_024,
                "fetch.message.max.bytes": 262_144,
                "check.crcs": True,
                "isolation.level": "read_uncommitted",
            }
        )
        self._log = Batched(kafka)
        self._begin()

    def close(self) -> None:
        self._consumer.close()
        self._connection.close()

    def step(self) -> None:
        """Hash what is there, at most a second long, and sign what is due."""
        for message in self._consumer.consume(BATCH, timeout=WAIT_S):
            _refuse(message)
            place = (message.topic() or "", message.partition() or 0)
            part = self._parts[place]
            part.take(message, monotonic())
            if len(part.leaves) // 32 >= self._source.records:
                self.seal([part])
        late = monotonic() - self._source.every_s
        self.seal([part for part in self._parts.values() if part.began < late])

    def seal(self, parts: Iterable[Part] | None = None) -> None:
        """Sign what these partitions (or all) have hashed, if anything."""
        asked = self._parts.values() if parts is None else parts
        due = [part for part in asked if part.leaves]
        if not due:
            return
        reach("auditor.hashed")
        for part in due:
            root = grown(part.root, split(bytes(part.leaves)))
            line = ledger.signed(self._stretch(part, root), self._source.seed)
            part.ledger.add(line, part.start, bytes(part.leaves))
            self._tell(part, line)
            part.start, part.root, part.leaves = part.end, root, bytearray()
        self._log.confirm()
        reach("auditor.appended")
        self._move(due)

    def _begin(self) -> None:
        """Go on behind the newest line of each partition, told to the topic or not."""
        known = self._consumer.list_topics(timeout=WATERMARKS_S).topics
        places = [(name, each) for name in AUDITED for each in known[name].partitions]
        for found in claim(self._connection, READER, places, self._ids, self._owner):
            part = self._part(found.topic, found.partition, found.start.offset)
            self._parts[found.topic, found.partition] = part
        self._log.confirm()
        self._move(self._parts.values())
        self._consumer.assign([self._first(part) for part in self._parts.values()])

    def _part(self, topic: str, partition: int, told: int) -> Part:
        """Raises Forged when the newest line is not ours."""
        files = Ledger(self._source.folder, topic, partition)
        part = Part(topic, partition, self._ids[topic], files, told)
        line = files.last()
        if line is None:
            return part
        stretch = ledger.opened(line, self._key)
        if stretch.topic_id != part.topic_id:
            raise LogChanged(
                f"{topic} was made anew since it was audited: move its files in "
                f"{self._source.folder} away, then start the auditor again"
            )
        part.start, part.root = stretch.end, bytes.fromhex(stretch.root)
        if told < part.start:
            self._tell(part, line)
        return part

    def _first(self, part: Part) -> TopicPartition:
        """The first time ever, a log may begin later than at 0."""
        place = TopicPartition(part.topic, part.partition)
        low = 0
        if part.start == 0:
            low = self._consumer.get_watermark_offsets(place, WATERMARKS_S)[0]
        return TopicPartition(part.topic, part.partition, max(low, part.start))

    def _stretch(self, part: Part, root: bytes) -> Stretch:
        return Stretch(
            topic=part.topic,
            topic_id=part.topic_id,
            partition=part.partition,
            start=part.start,
            end=part.end,
            previous=part.root.hex(),
            root=root.hex(),
            at=self._clock(),
            key=self._key,
        )

    def _tell(self, part: Part, line: bytes) -> None:
        self._log.add_raw(AUDIT, f"{part.topic}:{part.partition}", line, [])

    def _move(self, parts: Iterable[Part]) -> None:
        """Positions follow what the topic has acknowledged."""
        for part in parts:
            # After a loss of its files a partition stands below where it once was.
            if part.told < part.start:
                advance(self._connection, (READER,), _moved(part), self._owner)
                part.told = part.start


def _moved(part: Part) -> Batch:
    return Batch(
        topic=part.topic,
        partition=part.partition,
        start=part.told,
        end=part.start,
        records=(),
        void=0,
        fence=None,
        leader_epoch=part.leader_epoch,
    )


def _refuse(message: Message) -> None:
    error = message.error()
    if error is None:
        return
    if error.code() in (*OUTSIDE, KafkaError._BAD_MSG):  # noqa: SLF001  its public name
        raise LogChanged(
            f"{message.topic()}[{message.partition()}] at {message.offset()}: "
            f"{error.str()}; run `contentops audit verify`"
        )
    raise KafkaException(error)


def run(source: Source, clock: Clock, stop: threading.Event) -> None:
    """Blocks until `stop` is set, then signs what it has; raises Busy, LogChanged."""
    with ledger.claim(source.folder):
        auditor = Auditor(source, clock)
        auditor.open()
        try:
            while not stop.is_set():
                auditor.step()
            auditor.seal()
        finally:
            auditor.close()
