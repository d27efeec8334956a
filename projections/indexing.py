"""The indexer: every build of the index in OpenSearch, fed by one consumer.

Take what is there, put it into the index, move all positions, commit. A kill between
the index and the commit only repeats what the versions of the documents then refuse. A
record that gives no row, or a row that the index will never take, parks its stream.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias
from uuid import uuid4

import psycopg
from confluent_kafka.admin import AdminClient
from msgspec import Struct
from opensearchpy import OpenSearch

from projections import building, index, opensearch, serving, versions
from projections.claims import Claims, Place
from projections.index import Key, key_of
from projections.parking import Unprojectable
from projections.projecting import project
from projections.registry import INDEX, READ_TOPICS
from projections.serving import NeedsPerson
from projections.table import Projection, Row
from schemas.envelope import Record
from schemas.registry import Data
from streams.faults import reach
from streams.garbage import collect_rarely
from streams.judging import Unreadable
from streams.observing import observed
from streams.parking import Found, Parking
from streams.positions import Fenced
from streams.reading import Batch, Reader, Start
from streams.topic_ids import topic_ids

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]

# The transaction is open while OpenSearch works: who hangs there is not waited for.
OPTIONS = "-c idle_in_transaction_session_timeout=300s"
LIMIT = 1000
WAIT_S = 0.5
CHECK_S = 1.0
SWEEP_S = 3600.0
# Whoever shows a build to tenants holds this: a switch waits for all who add one.
ADDING = "SELECT pg_advisory_xact_lock_shared(hashtext('search aliases'))"
SHOWING = "SELECT pg_advisory_xact_lock(hashtext('search aliases'))"


class Source(Struct, frozen=True):
    """Where the indexer reads, where it keeps its positions and what it fills."""

    kafka: str
    postgres: str
    opensearch: opensearch.Access
    group: str = "indexer"
    ordinal: int = 0


class Blocked(Exception):
    """A build that may park nothing met a record it cannot index."""


def run(source: Source, stop: threading.Event) -> None:
    """Blocks until `stop` is set; waits for servers and for the index."""
    collect_rarely()
    serving.serve(lambda: Indexer(source), stop)


class Indexer:
    """One consumer and a connection to each store; any error but Fenced ends all.

    Without `only` it feeds what the registry says, and looks there every second.
    `strict`: it parks nothing but ends with Blocked.
    """

    def __init__(
        self,
        source: Source,
        only: Sequence[Projection] | None = None,
        owner: Callable[[], str] = lambda: uuid4().hex,
        *,
        strict: bool = False,
    ) -> None:
        self._source, self._only, self._owner = source, only, owner
        self._strict = strict
        self._shown: dict[str, set[str]] = defaultdict(set)
        self._connection: Connection = psycopg.connect(source.postgres, options=OPTIONS)
        self._client = opensearch.connect(source.opensearch)
        self._admin = AdminClient({"bootstrap.servers": source.kafka})
        self._builds = self._feeding()
        self._open()
        self._reader = Reader(
            source.kafka,
            source.group,
            READ_TOPICS,
            self._starts,
            ordinal=source.ordinal,
        )
        self._checked = self._swept = time.monotonic()

    def step(self) -> None:
        try:
            self.read()
        except Fenced:
            self.claim_again()

    def read(self) -> None:
        """Takes what is there; raises Fenced, then the index may have it already."""
        batches = self._reader.read(LIMIT, WAIT_S)
        self._tidy(time.monotonic())
        if not batches:
            return
        self._parking.saw(sum(len(each.records) for each in batches))
        with (
            observed("indexer", batches),
            opensearch.told(),
            self._connection.transaction(),
        ):
            for build in self._builds:
                self._take(build, list(self._free_news(build, batches)))
            reach("indexer.indexed")
            for batch in sorted(batches, key=lambda it: (it.topic, it.partition)):
                self._claims.advance(batch)
            self._parking.confirm()
            self._connection.execute("SELECT pg_notify('positions', '[]')")
        self._claims.moved(batches)

    def claim_again(self) -> None:
        """Feed what is to be fed now, from where it stands now."""
        self._builds = self._feeding()
        self._open()
        self._reader.restart(self._reader.assigned())

    def close(self) -> None:
        self._reader.close()
        self._client.close()
        self._connection.close()

    def _open(self) -> None:
        readers = [each.reader for each in self._builds]
        self._parking = Parking(self._connection, self._source.kafka, readers)
        self._claims = Claims(
            self._connection, readers, lambda: topic_ids(self._admin), self._owner
        )
        with opensearch.told(), self._connection.transaction():
            for build in self._builds:
                if self._shows(build):
                    lacking = index.lacking(self._client, build)
                    index.show(self._client, build, lacking)

    def _feeding(self) -> tuple[Projection, ...]:
        if self._only is not None:
            return tuple(self._only)
        with self._connection.transaction():
            found = versions.fed(self._connection, [INDEX])
        if not found:
            raise NeedsPerson(
                "There is no search index of this build's shape: "
                "run `contentops migrate`."
            )
        return found

    def _starts(self, places: Sequence[Place]) -> dict[Place, Start]:
        found = self._claims.take(places)
        # Whoever had these partitions before may have parked streams of theirs.
        self._parking.load()
        return found

    def _free_news(
        self, build: Projection, batches: Sequence[Batch]
    ) -> Iterator[Record[Data]]:
        """What this build has not passed, in order; what cannot be read is parked."""
        for batch in batches:
            start = self._claims.next_of(build.reader, (batch.topic, batch.partition))
            for found in batch.in_order():
                if found.offset < start or self._held_back(build, found):
                    continue
                if isinstance(found, Unreadable):
                    self._park(build, found, found.reason)
                else:
                    yield found

    def _held_back(self, build: Projection, found: Found) -> bool:
        reader = build.reader
        return self._parking.holds(reader, found) and self._parking.held_back(
            reader, found
        )

    def _take(self, build: Projection, records: Sequence[Record[Data]]) -> None:
        rows = list(self._rows(build, records))
        if not rows:
            return
        self._show(build, {str(row.values["tenant"]) for _, row in rows})
        for key, reason in put(self._client, build, (row for _, row in rows)).items():
            for record, row in rows:
                if key_of(row) == key:
                    self._park(build, record, reason)

    def _rows(
        self, build: Projection, records: Iterable[Record[Data]]
    ) -> Iterator[tuple[Record[Data], Row]]:
        for record in records:
            # One before it in this very batch may have parked its stream.
            if self._held_back(build, record):
                continue
            try:
                yield from [(record, row) for row in project(build, record)]
            except Unprojectable as wrong:
                self._park(build, record, str(wrong))

    def _park(self, build: Projection, found: Found, reason: str) -> None:
        if not self._strict:
            self._parking.keep(build.reader, found, reason)
            return
        where = (found.topic, found.partition, found.offset)
        if not self._parking.rulings.dropped(build.reader, *where):
            place = ":".join(map(str, where))
            raise Blocked(building.Blocked(build, place, reason).sentence)

    def _show(self, build: Projection, tenants: set[str]) -> None:
        """Who has documents for the first time may search from now on."""
        new = tenants - self._shown[build.label]
        if new and self._shows(build):
            index.show(self._client, build, new)
            self._shown[build.label] |= new

    def _shows(self, build: Projection) -> bool:
        """Whether people see this build, until the transaction ends."""
        self._connection.execute(ADDING)
        return versions.shown(versions.every(self._connection), INDEX) == build

    def _tidy(self, now: float) -> None:
        if now - self._checked >= CHECK_S:
            self._checked = now
            self._claims.check(self._reader.assigned())
            if self._feeding() != self._builds:
                raise Fenced("builds were added or dropped")
        if now - self._swept >= SWEEP_S:
            self._swept = now
            with opensearch.told():
                for build in self._builds:
                    index.sweep(self._client, build)


def put(client: OpenSearch, build: Projection, rows: Iterable[Row]) -> dict[Key, str]:
    """Found by searches at return; answers which documents are refused, and why."""
    rows = list(rows)
    keys = list(dict.fromkeys(key_of(row) for row in rows))
    documents = index.merged(index.stored(client, build, keys), rows)
    refused = index.put(client, build, documents)
    index.refresh(client, build)
    return {each.key: each.reason for each in refused}
