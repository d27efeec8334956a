"""The ClickHouse sink: plan a range in Postgres, insert it, confirm it.

A kill at any point leaves an open plan. Whoever claims the partition next reads exactly
that range again, looks which of its rows are there, and mends it before going on.
"""

import threading
import time
from collections.abc import Callable, Sequence
from uuid import uuid4

import psycopg
from confluent_kafka.admin import AdminClient
from msgspec import Struct, structs

from projections import clickhouse, plans, serving
from projections.claims import Claims, Place
from projections.plans import Connection, Open, Plan, Range
from projections.ranges import read_range
from projections.registry import ANALYTICS, READ_TOPICS
from streams.acceptance import Fence
from streams.positions import Fenced
from streams.reading import Batch, Reader, Start
from streams.topic_ids import topic_ids

LIMIT = 2_000
COLLECT_S = 0.4
WAIT_S = 0.5
CHECK_S = 1.0
READER = ANALYTICS.reader
TABLES = tuple(table.name for table in ANALYTICS.tables)
LAST = 2**62


class Source(Struct, frozen=True):
    """Where the sink reads, plans and writes."""

    kafka: str
    postgres: str
    clickhouse: str
    user: str
    password: str
    group: str = "sink"
    ordinal: int = 0


class Faults(Struct, frozen=True):
    """Called where a kill hurts most; in production they do nothing."""

    before_insert: Callable[[], None] = lambda: None
    before_confirm: Callable[[], None] = lambda: None


def run(source: Source, stop: threading.Event) -> None:
    """Blocks until `stop` is set; waits for servers and tables that are away."""
    serving.serve(lambda: Sink(source), stop)


class Sink:
    """One consumer and a connection to each store; any error but Fenced ends all."""

    def __init__(
        self,
        source: Source,
        owner: Callable[[], str] = lambda: uuid4().hex,
        faults: Faults = Faults(),  # noqa: B008  it is frozen
    ) -> None:
        self._kafka = source.kafka
        self._owner = owner
        self._faults = faults
        self._fences: dict[Place, Fence] = {}
        self._fresh: dict[Place, int] = {}
        self._checked = time.monotonic()
        self._connection: Connection = psycopg.connect(source.postgres)
        with clickhouse.told():
            self._client = clickhouse.connect(
                source.clickhouse, source.user, source.password
            )
        admin = AdminClient({"bootstrap.servers": source.kafka})
        self._claims = Claims(
            self._connection, [READER], lambda: topic_ids(admin), owner
        )
        self._reader = Reader(
            source.kafka, source.group, READ_TOPICS, self._claim, ordinal=source.ordinal
        )

    def step(self) -> None:
        try:
            self.read()
        except Fenced:
            self.claim_again()

    def read(self) -> None:
        """What is there, put into ClickHouse; raises Fenced."""
        batches = self._collect()
        with clickhouse.told():
            if self._fresh:
                self._mend()
            if batches:
                self._put(batches)
        now = time.monotonic()
        if now - self._checked >= CHECK_S:
            self._checked = now
            self._claims.check(self._reader.assigned())

    def claim_again(self) -> None:
        self._reader.restart(self._reader.assigned())

    def close(self) -> None:
        self._reader.close()
        self._client.close()
        self._connection.close()

    def _claim(self, places: Sequence[Place]) -> dict[Place, Start]:
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
            found = _joined(found, self._reader.read(LIMIT, left))
            if sum(len(batch.records) for batch in found.values()) >= LIMIT:
                break
        return list(found.values())

    def _put(self, batches: Sequence[Batch]) -> None:
        made = [self._plan(batch) for batch in batches]
        made = [plan for plan in made if plan.rows]
        with self._connection.transaction():
            for batch in batches:
                self._claims.advance(batch)
            for plan in made:
                plans.write_down(self._connection, READER, plan)
        self._claims.moved(batches)
        for batch in batches:
            self._fences[batch.topic, batch.partition] = batch.fence or Fence()
        self._faults.before_insert()
        for plan in made:
            plans.insert(self._client, plan)
        self._faults.before_confirm()
        self._confirm([plan.range for plan in made])

    def _plan(self, batch: Batch) -> Plan:
        place = (batch.topic, batch.partition)
        owner = self._claims.owner_of(place)
        return plans.planned(ANALYTICS, batch, self._fences[place], owner)

    def _confirm(self, ranges: Sequence[Range]) -> None:
        with self._connection.transaction():
            if plans.confirm(self._connection, READER, ranges) != len(ranges):
                raise Fenced("a plan of ours is gone")

    def _mend(self) -> None:
        """After a claim, before anything is planned: what did others leave behind?"""
        places = list(self._fresh)
        with self._connection.transaction():
            found = plans.still_open(self._connection, READER, places)
        made = [(each, self._again(each)) for each in found]
        self._clear([plan for each, plan in made if plan.token != each.token])
        for _, plan in made:
            if plans.counted(self._client, TABLES, plan.range) != plan.counts:
                plans.insert(self._client, plan)
        self._confirm([each.range for each in found])
        self._cut_off()
        self._fresh.clear()

    def _again(self, opened: Open) -> Plan:
        """The plan anew, under another token if other rows than these lie there."""
        where = opened.range
        batch = read_range(
            self._kafka, where.place, where.start, where.end, where.fence
        )
        plan = plans.planned(ANALYTICS, batch, where.fence, self._owner())
        there = plans.counted(self._client, TABLES, where)
        whole = there == opened.counts and plan.sha256 == opened.sha256
        return structs.replace(plan, token=opened.token) if whole or not there else plan

    def _clear(self, spoilt: Sequence[Plan]) -> None:
        """Delete what lies in these ranges, once their new tokens are written down."""
        with self._connection.transaction():
            for plan in spoilt:
                plans.renew(self._connection, READER, plan.range, plan.token)
        for name in TABLES if spoilt else ():
            plans.delete(self._client, name, [plan.range for plan in spoilt])

    def _cut_off(self) -> None:
        """Rows beyond our position: Postgres came out of a backup, or a rebuild."""
        for name in TABLES:
            beyond = [
                Range(*place, self._fresh[place], LAST, Fence())
                for place, offset in plans.highest(self._client, name).items()
                if place in self._fresh and offset >= self._fresh[place]
            ]
            if beyond:
                plans.delete(self._client, name, beyond)


def _joined(found: dict[Place, Batch], batches: Sequence[Batch]) -> dict[Place, Batch]:
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
        void=first.void + second.void,
    )
