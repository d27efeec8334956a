"""What follows from the stores: how far readers are, what waits, what is stuck.

Computed when somebody asks, from the broker's own ends and Postgres' own rows, so a
reader that died is seen as well as one that is slow. Hosted by the dispatcher.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

import psycopg
import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from msgspec import Struct
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from schemas.topics import EVENT_TOPICS, JOBS, PARKED, TRACKING
from streams.places import NotThere, looking, message_at
from streams.queue import DEATHS, WAITING
from streams.topic_ids import TopicsMissing

Place: TypeAlias = tuple[str, int]
# A role, and the labels its workers must have, parted by commas.
Pool: TypeAlias = tuple[str, str]

TOPICS = (*(topic.name for topic in EVENT_TOPICS), TRACKING.name, PARKED.name)
STALLED_S = 30.0
ANSWER_S = 5.0
STANDING = """
SELECT reader, topic, partition, next_offset,
  extract(epoch FROM clock_timestamp() - updated_at)
FROM coordination.positions
"""


class Count(Struct, frozen=True):
    """A gauge whose values are the last column of a query, its labels the others."""

    name: str
    text: str
    labels: tuple[str, ...]
    query: str


COUNTS = (
    Count(
        "contentops_parked_streams",
        "Streams held back until somebody rules on them.",
        ("reader",),
        "SELECT reader, count(DISTINCT key) FROM coordination.parked GROUP BY 1",
    ),
    Count(
        "contentops_sink_open_plans",
        "Ranges planned for ClickHouse and not confirmed.",
        ("reader",),
        "SELECT reader, count(*) FROM coordination.ch_plan GROUP BY 1",
    ),
    Count(
        "contentops_jobs",
        "Jobs that have not ended.",
        ("kind", "status"),
        """SELECT kind, status, count(*) FROM read.tasks
        WHERE ended_at IS NULL GROUP BY 1, 2""",
    ),
    Count(
        "contentops_leases",
        "Jobs that a worker holds.",
        ("role", "needs"),
        """SELECT l.role, coalesce(array_to_string(t.needs, ','), ''), count(*)
        FROM coordination.leases l
        LEFT JOIN read.tasks t ON t.tenant = l.tenant AND t.id = l.job_id
        WHERE owner <> '' AND NOT done AND until > clock_timestamp() GROUP BY 1, 2""",
    ),
    Count(
        "contentops_leases_expired",
        "Jobs whose worker has stopped answering.",
        ("role",),
        """SELECT role, count(*) FROM coordination.leases
        WHERE owner <> '' AND NOT done AND until <= clock_timestamp() GROUP BY 1""",
    ),
)


class Standing(Struct, frozen=True):
    """Where one reader stands in one partition, and when it last moved there."""

    reader: str
    place: Place
    next_offset: int
    quiet_s: float


class Head(Struct, frozen=True):
    """The end of one partition and when its newest record was appended (ms)."""

    end: int
    newest_ms: int


class Gauges(Collector):
    """Registered once; a store that is away leaves its gauges out, never zero.

    A pool of workers with nothing to do is told as 0 once its labels were ever asked
    for since this process began, so that whoever scales by it sees it idle.
    """

    def __init__(self, kafka: str, conninfo: str) -> None:
        self._kafka = kafka
        self._conninfo = conninfo
        self._admin = AdminClient({"bootstrap.servers": kafka})
        self._pools: set[Pool] = {(role, "") for role in JOBS}

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        try:
            with psycopg.connect(self._conninfo, connect_timeout=3) as connection:
                yield from _counts(connection)
                waiting = _waiting(connection)
                self._pools |= waiting.keys()
                yield from _queues(self._pools, waiting)
                standing = _standing(connection)
            heads = self._heads()
            now = time.time()
            yield from _log(heads, now)
            yield from _lags(standing, heads, self._appended(standing, heads), now)
        except (psycopg.Error, KafkaException, TopicsMissing) as away:
            structlog.get_logger("gauges").warning(
                "a store is away", action="leave_out", reason=type(away).__name__
            )

    def _heads(self) -> dict[Place, Head]:
        known = self._admin.list_topics(timeout=ANSWER_S).topics
        places = [
            TopicPartition(name, number)
            for name in TOPICS
            if name in known
            for number in known[name].partitions
        ]
        latest = self._offsets(places, OffsetSpec.latest())  # type: ignore[no-untyped-call]  # the library has no types
        newest = self._offsets(places, OffsetSpec.max_timestamp())  # type: ignore[no-untyped-call]  # as above
        return {place: Head(latest[place][0], newest[place][1]) for place in latest}

    def _offsets(
        self, places: Iterable[TopicPartition], which: OffsetSpec
    ) -> dict[Place, tuple[int, int]]:
        asked = self._admin.list_offsets(
            dict.fromkeys(places, which), request_timeout=ANSWER_S
        )
        found = {}
        for where, future in asked.items():
            answer = future.result()
            found[where.topic, where.partition] = (answer.offset, answer.timestamp)
        return found

    def _appended(
        self, standing: Iterable[Standing], heads: Mapping[Place, Head]
    ) -> dict[tuple[Place, int], float]:
        """When the first record that a reader has not passed was appended."""
        wanted = {
            (each.place, each.next_offset)
            for each in standing
            if each.place in heads and each.next_offset < heads[each.place].end
        }
        with looking(self._kafka) as consumer:
            return {each: _timestamp(consumer, *each) for each in sorted(wanted)}


def _timestamp(consumer: Consumer, place: Place, offset: int) -> float:
    """Seconds since 1970, or now when the record is not there any more."""
    try:
        return float(message_at(consumer, (*place, offset)).timestamp()[1]) / 1000
    except NotThere:
        return time.time()


def _standing(connection: psycopg.Connection[tuple[object, ...]]) -> list[Standing]:
    return [
        Standing(
            str(row[0]), (str(row[1]), _whole(row[2])), _whole(row[3]), _real(row[4])
        )
        for row in connection.execute(STANDING)
    ]


def _counts(connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[Metric]:
    for each in COUNTS:
        family = GaugeMetricFamily(each.name, each.text, labels=each.labels)
        for *values, count in connection.execute(each.query.encode()):
            family.add_metric([str(value) for value in values], _real(count))
        yield family


def _waiting(
    connection: psycopg.Connection[tuple[object, ...]],
) -> dict[Pool, tuple[int, float]]:
    """How many jobs could run now, and for how many seconds the oldest could have."""
    rows = connection.execute(WAITING.encode(), {"deaths": DEATHS})
    return {
        (str(role), str(needs)): (_whole(count), max(_real(age), 0.0))
        for role, needs, count, age in rows
    }


def _queues(
    pools: Iterable[Pool], waiting: Mapping[Pool, tuple[int, float]]
) -> Iterator[Metric]:
    many = GaugeMetricFamily(
        "contentops_jobs_waiting",
        "Jobs that could run now and that no worker has.",
        labels=("role", "needs"),
    )
    age = GaugeMetricFamily(
        "contentops_job_wait_seconds",
        "How long the oldest of them could have run.",
        labels=("role", "needs"),
    )
    for pool in sorted(pools):
        count, seconds = waiting.get(pool, (0, 0.0))
        many.add_metric(pool, count)
        age.add_metric(pool, seconds)
    yield from (many, age)


def _log(heads: Mapping[Place, Head], now: float) -> Iterator[Metric]:
    records = GaugeMetricFamily(
        "contentops_log_records", "Records on a topic.", labels=("topic",)
    )
    age = GaugeMetricFamily(
        "contentops_log_head_age_seconds",
        "Since the newest record of a topic, by the broker's own clock.",
        labels=("topic",),
    )
    by_topic: dict[str, list[Head]] = defaultdict(list)
    for (topic, _), head in heads.items():
        by_topic[topic].append(head)
    for topic, found in by_topic.items():
        records.add_metric([topic], sum(each.end for each in found))
        newest = max(each.newest_ms for each in found) / 1000
        if newest > 0:
            age.add_metric([topic], max(now - newest, 0))
    yield from (records, age)


def _lags(
    standing: Iterable[Standing],
    heads: Mapping[Place, Head],
    appended: Mapping[tuple[Place, int], float],
    now: float,
) -> Iterator[Metric]:
    lag: dict[str, int] = defaultdict(int)
    stale: dict[str, float] = defaultdict(float)
    stalled: dict[str, bool] = defaultdict(bool)
    for each in standing:
        head = heads.get(each.place)
        behind = max(head.end - each.next_offset, 0) if head else 0
        since = appended.get((each.place, each.next_offset), now)
        lag[each.reader] += behind
        stale[each.reader] = max(stale[each.reader], now - since)
        stalled[each.reader] |= behind > 0 and each.quiet_s > STALLED_S
    yield _family("contentops_projection_lag_records", "Records not yet passed.", lag)
    yield _family(
        "contentops_projection_staleness_seconds",
        "Age of the first record not yet passed; 0 = none.",
        stale,
    )
    yield _family(
        "contentops_projection_stalled",
        "1 = there is something to read and the position has not moved for 30 s.",
        stalled,
    )


def _family(name: str, text: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=("reader",))
    for reader, value in sorted(values.items()):
        family.add_metric([reader], float(value))
    return family


def _whole(found: object) -> int:
    return int(str(found))


def _real(found: object) -> float:
    return float(str(found))
