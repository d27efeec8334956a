"""Planned ranges: what will be put into ClickHouse is written down in Postgres first.

A plan is one range of one partition with the number of rows per table and their hash.
It is made in the transaction that moves the position and goes once the rows are in.
So whoever comes later knows exactly which rows may be there, half there or missing.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec
import psycopg
from clickhouse_connect.driver.client import Client
from msgspec import Struct

from projections.clickhouse import DATABASE
from projections.table import Projection, Value
from streams.acceptance import Fence
from streams.reading import Batch

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Place: TypeAlias = tuple[str, int]

INSERT = """
INSERT INTO coordination.ch_plan (reader, topic, partition, from_offset, to_offset,
  rows, sha256, token, log_epoch, log_owner, log_n)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
DELETE = """
DELETE FROM coordination.ch_plan
WHERE reader = %s AND topic = %s AND partition = %s AND from_offset = %s
"""
RENEW = """
UPDATE coordination.ch_plan SET token = %s
WHERE reader = %s AND topic = %s AND partition = %s AND from_offset = %s
"""
OPEN = """
SELECT topic, partition, from_offset, to_offset, rows::text, sha256, token, log_epoch,
  log_owner, log_n
FROM coordination.ch_plan
WHERE reader = %s AND (topic, partition) IN (
  SELECT * FROM unnest(%s::text[], %s::int[]))
ORDER BY topic, partition, from_offset
"""
IN_RANGES = (
    " WHERE arrayExists((topic, part, start, end) -> _topic = topic"
    " AND _partition = part AND _off >= start AND _off < end,"
    " {topics:Array(String)}, {parts:Array(UInt32)},"
    " {starts:Array(UInt64)}, {ends:Array(UInt64)})"
)


ONE_BLOCK = {
    "async_insert": 0,
    "insert_deduplicate": 1,
    "max_insert_block_size": 1_048_449,
    "input_format_parallel_parsing": 0,
    "input_format_skip_unknown_fields": 0,
    "date_time_input_format": "best_effort",
}


class Range(Struct, frozen=True):
    """Offsets [start, end) of one partition; `fence` is the one before `start`."""

    topic: str
    partition: int
    start: int
    end: int
    fence: Fence

    @property
    def place(self) -> Place:
        return self.topic, self.partition


class Plan(Struct, frozen=True):
    """A range and the rows that follow from it, per table, in the order of the log."""

    range: Range
    rows: dict[str, tuple[dict[str, Value], ...]]
    token: str

    @property
    def counts(self) -> dict[str, int]:
        return {name: len(found) for name, found in self.rows.items()}

    @property
    def sha256(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self.rows)).hexdigest()


class Open(Struct, frozen=True):
    """A plan as it was written down, of which nobody knows how far it came."""

    range: Range
    counts: dict[str, int]
    sha256: str
    token: str


def planned(projection: Projection, batch: Batch, fence: Fence, owner: str) -> Plan:
    """`owner` makes the token another one whenever a range is planned anew.

    The server remembers tokens of rows that were deleted since, and would silently drop
    the same range of a later claim.
    """
    where = Range(batch.topic, batch.partition, batch.start, batch.end, fence)
    found: dict[str, list[dict[str, Value]]] = defaultdict(list)
    for record in batch.records:
        for row in projection.project(record):
            found[row.table.name].append(row.values)
    rows = {name: tuple(each) for name, each in found.items()}
    return Plan(where, rows, token_of(where, owner))


def write_down(connection: Connection, reader: str, plan: Plan) -> None:
    where = plan.range
    connection.execute(
        INSERT,
        (
            reader,
            where.topic,
            where.partition,
            where.start,
            where.end,
            msgspec.json.encode(plan.counts).decode(),
            plan.sha256,
            plan.token,
            where.fence.epoch,
            where.fence.owner,
            where.fence.n,
        ),
    )


def renew(connection: Connection, reader: str, where: Range, token: str) -> None:
    """Before rows are deleted: the old token is spent."""
    place = (reader, where.topic, where.partition, where.start)
    connection.execute(RENEW, (token, *place))


def confirm(connection: Connection, reader: str, ranges: Iterable[Range]) -> int:
    """How many of these plans were still there to be confirmed."""
    return sum(
        connection.execute(
            DELETE, (reader, each.topic, each.partition, each.start)
        ).rowcount
        for each in ranges
    )


def still_open(
    connection: Connection, reader: str, places: Sequence[Place]
) -> list[Open]:
    topics, partitions = [topic for topic, _ in places], [part for _, part in places]
    rows = connection.execute(OPEN, (reader, topics, partitions)).fetchall()
    return [_open(row) for row in rows]


def _open(row: tuple[object, ...]) -> Open:
    topic, partition, start, end, counts, sha256, token, epoch, owner, n = row
    fence = Fence(int(str(epoch)), str(owner), int(str(n)))
    where = Range(
        str(topic), int(str(partition)), int(str(start)), int(str(end)), fence
    )
    found = msgspec.json.decode(str(counts), type=dict[str, int])
    return Open(where, found, str(sha256), str(token))


def insert(client: Client, plan: Plan) -> None:
    """The same plan gives the same token, so the server drops a repeated block.

    As JSON: the client's own encoder loads pandas, which costs 80 MB.
    """
    for name, rows in plan.rows.items():
        client.raw_insert(
            f"{DATABASE}.{name}",
            insert_block=b"\n".join(map(msgspec.json.encode, rows)),
            fmt="JSONEachRow",
            settings={
                **ONE_BLOCK,
                "insert_deduplication_token": f"{plan.token}/{name}",
            },
        )


def token_of(where: Range, owner: str) -> str:
    parts = (owner, where.topic, where.partition, where.start, where.end)
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def counted(client: Client, tables: Iterable[str], where: Range) -> dict[str, int]:
    """How many rows of this range each table holds, tables without any left out."""
    found = {}
    for name in tables:
        query = f"SELECT count() FROM {DATABASE}.{name}{IN_RANGES}"  # noqa: S608  ours
        answer = client.query(query, parameters=_parameters([where]))
        found[name] = int(answer.result_rows[0][0])
    return {name: count for name, count in found.items() if count}


def delete(client: Client, name: str, ranges: Sequence[Range]) -> None:
    """All at once: each statement rewrites parts of the table."""
    statement = f"DELETE FROM {DATABASE}.{name}{IN_RANGES}"  # noqa: S608  ours
    client.command(statement, parameters=_parameters(ranges))


def highest(client: Client, name: str) -> dict[Place, int]:
    """The highest offset of each partition that a table has rows of."""
    found = client.query(
        f"SELECT _topic, _partition, max(_off) FROM {DATABASE}.{name}"  # noqa: S608  ours
        " GROUP BY _topic, _partition"
    )
    return {(str(row[0]), int(row[1])): int(row[2]) for row in found.result_rows}


def _parameters(ranges: Sequence[Range]) -> dict[str, list[str] | list[int]]:
    return {
        "topics": [each.topic for each in ranges],
        "parts": [each.partition for each in ranges],
        "starts": [each.start for each in ranges],
        "ends": [each.end for each in ranges],
    }
