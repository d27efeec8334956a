"""Comparing the facts in ClickHouse with what was confirmed, and mending them.

Counts and checksums per table, partition and 10 000 offsets are kept when a plan is
confirmed, so the comparison reads no log. Only a stretch that differs is read again
from the log, deleted and inserted. Works beside a running sink: it looks at what lies
below the sink's open plans, and a sink never comes back there.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from typing import Literal, TypeAlias
from uuid import uuid4

import msgspec
from clickhouse_connect.driver.client import Client
from msgspec import Struct, structs

from infra import migrate
from infra.problem import Stop
from infra.settings import Settings
from projections import facts, mending, plans, versions
from projections.plans import BUCKET, Connection, Part, Place, Plan, Range
from projections.ranges import Read, reading
from projections.registry import ANALYTICS
from projections.table import Projection
from streams.acceptance import Fence
from streams.reading import Batch
from streams.rulings import Rulings

Say: TypeAlias = Callable[[str], None]
Outcome: TypeAlias = Literal["found", "merged", "repaired", "kept"]
Key: TypeAlias = tuple[Place, int, str]

LOCK = "SELECT pg_try_advisory_lock(hashtext('reconcile'), hashtext(%s))"
UNLOCK = "SELECT pg_advisory_unlock(hashtext('reconcile'), hashtext(%s))"
CONFIRMED = """
SELECT topic, partition, bucket, name, rows, checksum
FROM coordination.ch_confirmed WHERE reader = %s
"""
FENCE = """
SELECT "offset", log_epoch, log_owner, log_n FROM coordination.checkpoints
WHERE topic = %s AND partition = %s AND "offset" <= %s ORDER BY "offset" DESC LIMIT 1
"""


class Difference(Struct, frozen=True):
    """`merged`: ClickHouse kept one of several repeats of a fact, which is right.

    `kept`: left alone, because the log no longer gives what was confirmed.
    """

    table: str
    topic: str
    partition: int
    start: int
    end: int
    expected: int
    there: int
    outcome: Outcome = "found"


class Report(Struct, frozen=True):
    """`compared` counts stretches of one table and one partition."""

    compared: int
    differences: tuple[Difference, ...]

    @property
    def right(self) -> bool:
        return all(each.outcome == "merged" for each in self.differences)


class Stores(Struct, frozen=True):
    kafka: str
    connection: Connection
    client: Client
    rulings: Rulings
    projection: Projection


def reconcile(
    settings: Settings, say: Say = print, *, repair: bool = True, as_json: bool = False
) -> Report:
    """Every fed build of the facts; not `right` when something had to be mended."""
    reports = []
    with (
        migrate.connect(settings) as connection,
        closing(migrate.analyst_store(settings)) as client,
    ):
        kafka = settings.need("kafka")
        rulings = Rulings.load(kafka)
        for projection in versions.fed(connection, [ANALYTICS]):
            stores = Stores(kafka, connection, client, rulings, projection)
            with alone(stores):
                reports.append(compare(stores, repair=repair))
    report = Report(
        sum(each.compared for each in reports),
        tuple(found for each in reports for found in each.differences),
    )
    _tell(report, say, as_json=as_json)
    return report


def _tell(report: Report, say: Say, *, as_json: bool) -> None:
    if as_json:
        say(msgspec.json.encode(report).decode())
        return
    for each in report.differences:
        say(
            f"{each.table:<20} {each.topic}[{each.partition}] {each.start}-{each.end}:"
            f" {each.there} of {each.expected} rows, {each.outcome}"
        )
    outcomes = Counter(each.outcome for each in report.differences)
    found = ", ".join(f"{count} {name}" for name, count in outcomes.items())
    say(f"{report.compared} stretches compared: {found or 'all as confirmed'}")


@contextmanager
def alone(stores: Stores) -> Iterator[None]:
    """Nobody else repairs or takes up facts of this build; raises Stop at once."""
    reader = (stores.projection.reader,)
    answer = stores.connection.execute(LOCK, reader).fetchone()
    if answer is None or not answer[0]:
        raise Stop("Another `contentops sink reconcile` is under way: wait for it.")
    try:
        yield
    finally:
        stores.connection.execute(UNLOCK, reader)


def compare(stores: Stores, *, repair: bool) -> Report:
    """One build; with `repair` what differs is mended."""
    ends, expected = _confirmed(stores)
    there: dict[Key, Part] = {}
    for table in stores.projection.tables:
        found = facts.summed(stores.client, stores.projection, table.name, ends)
        for place, parts in found.items():
            there |= {(place, part.bucket, table.name): part for part in parts}
    keys = sorted(expected.keys() | there.keys())
    wrong = [each for each in keys if expected.get(each) != there.get(each)]
    differences = [
        _difference(each, ends, expected.get(each), there.get(each)) for each in wrong
    ]
    if repair:
        differences = list(_mended(stores, differences, expected))
    return Report(len(keys), tuple(differences))


def _confirmed(stores: Stores) -> tuple[dict[Place, int], dict[Key, Part]]:
    """Up to where all plans are confirmed, and what they put in: one moment."""
    reader = (stores.projection.reader,)
    with stores.connection.transaction():
        stores.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        ends = plans.confirmed_ends(stores.connection, stores.projection.reader)
        rows = stores.connection.execute(CONFIRMED, reader).fetchall()
    expected = {}
    for topic, partition, bucket, name, count, checksum in rows:
        part = Part(int(str(bucket)), int(str(count)), int(str(checksum)))
        expected[(str(topic), int(str(partition))), part.bucket, str(name)] = part
    return ends, expected


def _difference(
    key: Key, ends: dict[Place, int], expected: Part | None, there: Part | None
) -> Difference:
    place, bucket, table = key
    start = bucket * BUCKET
    return Difference(
        table=table,
        topic=place[0],
        partition=place[1],
        start=start,
        end=min(start + BUCKET, ends.get(place, start)),
        expected=expected.rows if expected else 0,
        there=there.rows if there else 0,
    )


def _mended(
    stores: Stores, differences: Sequence[Difference], expected: dict[Key, Part]
) -> Iterator[Difference]:
    """Differences of the same stretch share one look at the log."""

    def stretch(each: Difference) -> tuple[Place, int]:
        return (each.topic, each.partition), each.start // BUCKET

    with reading(stores.kafka) as read:
        for where, group in groupby(differences, key=stretch):
            first, *rest = group
            plan = _again(stores, read, first)
            for each in (first, *rest):
                part = expected.get((*where, each.table))
                outcome = _mend(stores, plan, each, part)
                yield structs.replace(each, outcome=outcome)


def _mend(
    stores: Stores, plan: Plan, found: Difference, confirmed: Part | None
) -> Outcome:
    block = next((each for each in plan.blocks if each.table == found.table), None)
    wanted = (confirmed,) if confirmed else ()
    if (block.parts if block else ()) != wanted:
        return "kept"
    client, projection, where = stores.client, stores.projection, plan.range
    if block is not None and mending.merged(client, projection, plan, block):
        return "merged"
    if found.there:
        facts.delete(client, projection, found.table, [where])
    if block is not None:
        facts.insert(client, projection, block, plan.bodies[found.table])
    (there,) = facts.counted(client, projection, found.table, [where])
    right = there == wanted or (
        block is not None and mending.merged(client, projection, plan, block)
    )
    return "repaired" if right else "found"


def _again(stores: Stores, read: Read, difference: Difference) -> Plan:
    """The rows of a stretch as the log gives them now, under a token of its own."""
    place = (difference.topic, difference.partition)
    start, fence = _fence(stores.connection, place, difference.start)
    batch = read(Range(*place, start, difference.end, fence))
    cut = _from(batch, difference.start)
    but = plans.skipped(
        stores.connection,
        stores.rulings,
        stores.projection.reader,
        Range(*place, difference.start, difference.end, Fence()),
    )
    plan, _ = plans.planned(stores.projection.project, cut, Fence(), uuid4().hex, but)
    return plan


def _from(batch: Batch, start: int) -> Batch:
    records = tuple(each for each in batch.records if each.offset >= start)
    return structs.replace(batch, start=start, records=records)


def _fence(connection: Connection, place: Place, start: int) -> tuple[int, Fence]:
    """The last offset up to `start` whose fence is known."""
    row = connection.execute(FENCE, (*place, start)).fetchone()
    if row is None:
        return 0, Fence()
    offset, epoch, owner, n = row
    return int(str(offset)), Fence(int(str(epoch)), str(owner), int(str(n)))
