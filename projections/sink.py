"""The ClickHouse sink: plan a range in Postgres, insert it, confirm it.

A kill at any point leaves an open plan. Whoever claims the partition next makes that
range whole before going on, and deletes what lies beyond its position. A fact stands
for itself: a record that gives no rows is parked alone, later ones of its stream flow.
While the rows of one batch go in, by a thread, the next one is read and judged.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from uuid import uuid4

import psycopg
from confluent_kafka.admin import AdminClient
from msgspec import Struct, structs

from projections import clickhouse, facts, mending, plans, serving
from projections.claims import Claims, Place
from projections.mending import Insert, Poisoned, Site
from projections.plans import Connection, Plan, Range, Refused
from projections.registry import ANALYTICS, READ_TOPICS
from projections.table import Projection
from schemas.envelope import Record
from schemas.registry import Data
from streams.acceptance import Fence
from streams.faults import reach
from streams.judging import Unreadable
from streams.observing import observed
from streams.parking import Parking
from streams.positions import Fenced
from streams.reading import Batch, Reader, Start
from streams.topic_ids import topic_ids

LIMIT = 10_000
COLLECT_S = 0.4
WAIT_S = 0.5
CHECK_S = 1.0
LAST = 2**62
# Whoever stops in the middle of a deletion does not hold the others up for ever.
OPTIONS = "-c idle_in_transaction_session_timeout=300s"


class Source(Struct, frozen=True):
    """Where the sink reads, plans and writes."""

    kafka: str
    postgres: str
    clickhouse: str
    user: str
    password: str
    group: str = "sink"
    ordinal: int = 0


class Blocked(Exception):
    """A build that may park nothing met a record that gives no rows."""


def run(
    source: Source, stop: threading.Event, projection: Projection = ANALYTICS
) -> None:
    """Blocks until `stop` is set; waits for servers and tables that are away."""
    serving.serve(lambda: Sink(source, projection), stop)


class Sink:
    """One consumer and a connection to each store; any error but Fenced ends all."""

    def __init__(
        self,
        source: Source,
        projection: Projection = ANALYTICS,
        owner: Callable[[], str] = lambda: uuid4().hex,
        *,
        strict: bool = False,
        insert: Insert = facts.insert,
    ) -> None:
        self._strict = strict
        self._fences: dict[Place, Fence] = {}
        self._fresh: dict[Place, int] = {}
        self._checked = time.monotonic()
        # Uses the connection too, so nothing else does while it works.
        self._aside = ThreadPoolExecutor(1, "put")
        self._putting: Future[None] | None = None
        self._connection: Connection = psycopg.connect(source.postgres, options=OPTIONS)
        with clickhouse.told():
            client = clickhouse.connect(source.clickhouse, source.user, source.password)
        self._site = Site(
            kafka=source.kafka,
            connection=self._connection,
            client=client,
            projection=projection,
            owner=owner,
            rulings=lambda: self._parking.rulings,
            park=self._park,
            insert=insert,
        )
        self._parking = Parking(self._connection, source.kafka, [projection.reader])
        self._claims = Claims(
            self._connection, [projection.reader], lambda: _ids(source.kafka), owner
        )
        group = f"{source.group}.{projection.label}"
        self._reader = Reader(
            source.kafka, group, READ_TOPICS, self._claim, ordinal=source.ordinal
        )

    def step(self) -> None:
        try:
            self.read()
        except Fenced:
            self.claim_again()

    def read(self) -> None:
        """Takes what is there; raises Fenced, also for what the call before took."""
        batches = self._collect()
        with clickhouse.told():
            self._finish()
            if self._fresh:
                self._begin()
        now = time.monotonic()
        if now - self._checked >= CHECK_S:
            self._checked = now
            self._claims.check(self._reader.assigned())
        if batches:
            reach("sink.planning")
            made = self._write_down(batches)
            reach("sink.planned")
            self._putting = self._aside.submit(self._put, batches, made)

    def claim_again(self) -> None:
        self._reader.restart(self._reader.assigned())

    def close(self) -> None:
        """What is being put in is waited for; if it failed, its plan stays open."""
        self._aside.shutdown()
        self._reader.close()
        self._site.client.close()
        self._connection.close()

    def _finish(self) -> None:
        """Wait for the batch that is being put in; raises what went wrong there."""
        putting, self._putting = self._putting, None
        if putting is not None:
            putting.result()

    def _claim(self, places: Sequence[Place]) -> dict[Place, Start]:
        if self._putting is not None:
            # What goes wrong there is told by `_finish`.
            wait([self._putting])
        self._parking.load()
        starts = self._claims.take(places)
        for place, start in starts.items():
            self._fences[place] = start.fence or Fence()
            self._fresh[place] = start.offset
        return starts

    def _collect(self) -> list[Batch]:
        """Small parts cost more to merge than a moment costs the reader."""
        found = _joined({}, self._reader.read(LIMIT, WAIT_S))
        until = time.monotonic() + COLLECT_S
        while found and (left := until - time.monotonic()) > 0:
            room = LIMIT - sum(each.end - each.start for each in found.values())
            if room <= 0:
                break
            found = _joined(found, self._reader.read(room, left))
        return list(found.values())

    def _put(self, batches: Sequence[Batch], made: Sequence[Plan]) -> None:
        with observed("sink", batches):
            try:
                for plan in made:
                    mending.put(self._site, plan)
            except Poisoned:
                self._mend([plan.range.place for plan in made])
                return
            reach("sink.inserted")
            plans.confirm(self._connection, self._site.reader, made)

    def _write_down(self, batches: Iterable[Batch]) -> list[Plan]:
        """Plans, positions and what is parked: one transaction."""
        made = [self._plan(batch) for batch in batches]
        wanted = [plan for plan, _ in made if plan.blocks]
        with self._connection.transaction():
            for batch, (_, refused) in zip(batches, made, strict=True):
                self._parking.saw(batch.end - batch.start)
                self._claims.advance(batch)
                self._park([*batch.unreadable, *refused])
            plans.write_down(self._connection, self._site.reader, wanted)
        self._claims.moved(batches)
        for batch in batches:
            self._fences[batch.topic, batch.partition] = batch.fence or Fence()
        return wanted

    def _plan(self, batch: Batch) -> tuple[Plan, tuple[Refused, ...]]:
        place = (batch.topic, batch.partition)
        owner = self._claims.owner_of(place)
        site = self._site
        but = plans.dropped(self._parking.rulings, site.reader, place)
        fence = self._fences[place]
        return plans.planned(site.projection.project, batch, fence, owner, but)

    def _begin(self) -> None:
        """After a claim, before anything is planned: what did others leave behind?"""
        self._mend(list(self._fresh))
        self._cut_off()
        self._fresh.clear()

    def _mend(self, places: Sequence[Place]) -> None:
        while True:
            with self._connection.transaction():
                found = plans.still_open(self._connection, self._site.reader, places)
            try:
                made = mending.mend(self._site, found)
            except Poisoned:
                continue
            plans.confirm(self._connection, self._site.reader, made)
            return

    def _cut_off(self) -> None:
        """Rows beyond our position: Postgres came out of a backup, or a rebuild.

        The positions are held meanwhile, else they may be those of the next owner.
        """
        with self._connection.transaction():
            self._claims.hold(list(self._fresh))
            for table in self._site.projection.tables:
                self._cut_table(table.name)

    def _cut_table(self, table: str) -> None:
        client, projection = self._site.client, self._site.projection
        beyond = [
            Range(*place, self._fresh[place], LAST, Fence())
            for place, offset in facts.highest(client, projection, table).items()
            if place in self._fresh and offset >= self._fresh[place]
        ]
        if beyond:
            facts.delete(client, projection, table, beyond)

    def _park(self, found: Sequence[Unreadable | Refused]) -> None:
        """In the caller's transaction, and on the log before that is committed."""
        for each in found:
            record = each.record if isinstance(each, Refused) else each
            if self._strict:
                self._refuse(record, each.reason)
            self._parking.keep(self._site.reader, record, each.reason)
        self._parking.confirm()

    def _refuse(self, found: Record[Data] | Unreadable, reason: str) -> None:
        """Unless a person ruled that this reader passes over it."""
        reader, where = self._site.reader, (found.topic, found.partition, found.offset)
        if self._parking.rulings.dropped(reader, *where):
            return
        place = ":".join(map(str, where))
        raise Blocked(
            f"{place} gives no rows ({reason}): mend the cause, or run `contentops "
            f"parked drop {self._site.projection.name} {place} --why TEXT`, then "
            "build again."
        )


def _ids(kafka: str) -> dict[str, str]:
    """Asked at each claim, so no client and its threads stay for it."""
    return topic_ids(AdminClient({"bootstrap.servers": kafka}))


def _joined(
    found: dict[Place, Batch], batches: Collection[Batch]
) -> dict[Place, Batch]:
    joined = dict(found)
    for batch in batches:
        place = (batch.topic, batch.partition)
        before = joined.get(place)
        joined[place] = batch if before is None else _pair(before, batch)
    return joined


def _pair(first: Batch, second: Batch) -> Batch:
    if first.end != second.start:
        raise Fenced("the partition came back from somewhere else meanwhile")
    return structs.replace(
        second,
        start=first.start,
        records=(*first.records, *second.records),
        unreadable=(*first.unreadable, *second.unreadable),
        void=first.void + second.void,
    )
