"""Following topics from a position of our own, for roles that act on the log."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TypeAlias
from uuid import uuid4

import psycopg
import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from psycopg.rows import TupleRow
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential

from streams.observing import observed
from streams.parking import Parking
from streams.positions import Fenced, advance, claim
from streams.reading import SET_BACK, Batch, Reader, Start
from streams.topic_ids import TopicsMissing, topic_ids
from streams.vitals import VITALS

logger = structlog.get_logger()

Connection: TypeAlias = psycopg.Connection[TupleRow]
NOT_UP_YET = (psycopg.OperationalError, KafkaException, TopicsMissing)

when_up = retry(
    retry=retry_if_exception_type(NOT_UP_YET),
    wait=wait_exponential(multiplier=0.2, max=5),
    stop=stop_after_delay(60),
    reraise=True,
)


class Follower:
    """Not thread-safe. Positions move only after the effect of a batch is confirmed."""

    def __init__(
        self, bootstrap: str, conninfo: str, name: str, topics: Sequence[str]
    ) -> None:
        self._bootstrap = bootstrap
        self._conninfo = conninfo
        self._name = name
        self._topics = topics
        # New for every process, so a frozen one can never move a position again.
        self._owner = uuid4().hex

    def __enter__(self) -> Self:
        self.open()
        return self

    @when_up
    def open(self) -> None:
        """Waits up to a minute for broker, topics and database."""
        admin = AdminClient({"bootstrap.servers": self._bootstrap})
        self._topic_ids = topic_ids(admin)
        self.connection: Connection = psycopg.connect(
            self._conninfo, autocommit=True, prepare_threshold=None
        )
        self.parking = Parking(self.connection, self._bootstrap, [self._name])
        self._reader = Reader(
            self._bootstrap, self._name, self._topics, self._starts, mend=SET_BACK
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._reader.close()
        self.connection.close()

    def read(self, limit: int, wait_s: float) -> list[Batch]:
        batches = self._reader.read(limit, wait_s)
        VITALS.turn()
        for batch in batches:
            self.parking.saw(batch.end - batch.start)
        return batches

    @contextmanager
    def moving(self, batches: Sequence[Batch]) -> Iterator[None]:
        """What is parked and the positions, in one transaction; begins anew if fenced.

        Raises NotAcknowledged when something parked may not be on the log.
        """
        try:
            with observed(self._name, batches), self.connection.transaction():
                yield
                self.parking.confirm()
                for batch in batches:
                    self.done(batch)
        except Fenced:
            for batch in batches:
                self.again(batch)

    def done(self, batch: Batch) -> None:
        """Call inside `connection.transaction()` where rows belong to the effect."""
        advance(self.connection, (self._name,), batch, self._owner)

    def again(self, batch: Batch) -> None:
        """Somebody else moved this position: start from where it stands now."""
        place = (batch.topic, batch.partition)
        logger.warning("fenced", action="claim", topic=place[0], partition=place[1])
        self._reader.restart([place])

    def _starts(
        self, places: Sequence[tuple[str, int]]
    ) -> dict[tuple[str, int], Start]:
        found = claim(self.connection, self._name, places, self._topic_ids, self._owner)
        self.parking.load()
        return {(each.topic, each.partition): each.start for each in found}
