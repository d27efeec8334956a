"""Planned ranges: what will be put into ClickHouse is written down in Postgres first.

A plan is one range of one partition with, for each table, the rows it will get: their
number, a checksum of their ids and a hash of their bytes. It is made in the transaction
that moves the position. Once the rows are in, it goes, and its numbers are added to
what is confirmed. So whoever comes later knows which rows must be there, and which may
be there, half there or missing.
"""

import hashlib
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import TypeAlias

import msgspec
import psycopg
from msgspec import Struct, structs

from projections.table import Project, Value
from schemas.envelope import Record
from schemas.registry import Data
from streams.acceptance import Fence
from streams.positions import Fenced
from streams.reading import Batch
from streams.rulings import Rulings, name_of

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Place: TypeAlias = tuple[str, int]
Values: TypeAlias = dict[str, Value]

BUCKET = 10_000
INSERT = """
INSERT INTO coordination.ch_plan (reader, topic, partition, from_offset, to_offset,
  blocks, token, log_epoch, log_owner, log_n)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
DELETE = """
DELETE FROM coordination.ch_plan
WHERE reader = %s AND topic = %s AND partition = %s AND from_offset = %s AND token = %s
"""
RENEW = """
UPDATE coordination.ch_plan SET token = %s, blocks = %s
WHERE reader = %s AND topic = %s AND partition = %s AND from_offset = %s AND token = %s
"""
OPEN = """
SELECT topic, partition, from_offset, to_offset, blocks::text, token, log_epoch,
  log_owner, log_n
FROM coordination.ch_plan
WHERE reader = %s AND (topic, partition) IN (
  SELECT * FROM unnest(%s::text[], %s::int[]))
ORDER BY topic, partition, from_offset
"""
ADD = """
INSERT INTO coordination.ch_confirmed AS c
  (reader, topic, partition, bucket, name, rows, checksum)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (reader, topic, partition, bucket, name) DO UPDATE
SET rows = c.rows + excluded.rows, checksum = c.checksum + excluded.checksum
"""
# Plans of one partition are confirmed in order, so below the first open one all are.
ENDS = """
SELECT p.topic, p.partition, least(p.next_offset, min(c.from_offset))
FROM coordination.positions AS p
LEFT JOIN coordination.ch_plan AS c USING (reader, topic, partition)
WHERE p.reader = %s
GROUP BY p.topic, p.partition, p.next_offset
"""
SKIPPED = """
SELECT "offset" FROM coordination.parked
WHERE reader = %s AND topic = %s AND partition = %s AND "offset" >= %s AND "offset" < %s
"""
_ENCODER = msgspec.json.Encoder()


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


class Part(Struct, frozen=True, array_like=True):
    """Rows of one table in one bucket of offsets."""

    bucket: int
    rows: int
    checksum: int


class Block(Struct, frozen=True):
    """What one table gets; under one token, so the server drops a repeated insert."""

    table: str
    token: str
    sha256: str
    parts: tuple[Part, ...]


class Plan(Struct, frozen=True):
    """A range and what follows from it; `bodies` are the rows of each table as JSON."""

    range: Range
    token: str
    blocks: tuple[Block, ...]
    bodies: dict[str, bytes]

    @property
    def rows(self) -> int:
        return sum(part.rows for block in self.blocks for part in block.parts)


class Open(Struct, frozen=True):
    """A plan as it was written down, of which nobody knows how far it came."""

    range: Range
    token: str
    blocks: dict[str, Block]


class Refused(Struct, frozen=True):
    """A record without rows: the projection or a table will not have it."""

    record: Record[Data]
    reason: str


def planned(
    project: Project, batch: Batch, fence: Fence, owner: str, but: Collection[int] = ()
) -> tuple[Plan, tuple[Refused, ...]]:
    """The rows of a batch but for some offsets, and the records that give none.

    `owner` makes the token another one whenever a range is planned anew. The server
    remembers tokens of rows that were deleted since, and would silently drop the same
    range of a later claim.
    """
    where = Range(batch.topic, batch.partition, batch.start, batch.end, fence)
    found: dict[str, list[Values]] = defaultdict(list)
    refused = []
    for record in batch.records:
        if record.offset not in but:
            try:
                # All rows of a record or none.
                for row in list(project(record)):
                    found[row.table.name].append(row.values)
            except Exception as wrong:  # noqa: BLE001  whatever it is, it is parked
                reason = f"{type(wrong).__name__}: {wrong}"
                refused.append(Refused(record, reason))
    return _plan(where, token_of(where, owner), found), tuple(refused)


def _plan(where: Range, token: str, found: dict[str, list[Values]]) -> Plan:
    bodies = {name: _ENCODER.encode_lines(rows) for name, rows in found.items()}
    blocks = tuple(
        Block(
            name,
            f"{token}/{name}",
            hashlib.sha256(bodies[name]).hexdigest(),
            _parts(rows),
        )
        for name, rows in found.items()
    )
    return Plan(where, token, blocks, bodies)


def _parts(rows: Sequence[Values]) -> tuple[Part, ...]:
    """Rows come in the order of their offsets."""
    parts = []
    for bucket, group in groupby(rows, key=_bucket):
        sums = [zlib.crc32(str(row["event_id"]).encode()) for row in group]
        parts.append(Part(bucket, len(sums), sum(sums)))
    return tuple(parts)


def _bucket(row: Values) -> int:
    offset = row["_off"]
    return offset // BUCKET if isinstance(offset, int) else 0


def token_of(where: Range, owner: str) -> str:
    parts = (owner, where.topic, where.partition, where.start, where.end)
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def write_down(connection: Connection, reader: str, plans: Iterable[Plan]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(INSERT, [_columns(reader, plan) for plan in plans])


def _columns(reader: str, plan: Plan) -> tuple[object, ...]:
    where = plan.range
    fence = where.fence
    place = (reader, where.topic, where.partition, where.start, where.end)
    said = msgspec.json.encode(plan.blocks).decode()
    return (*place, said, plan.token, fence.epoch, fence.owner, fence.n)


def renew(connection: Connection, reader: str, old: str, plan: Plan) -> None:
    """Before anything is mended; raises Fenced when the plan is no longer the same."""
    said = msgspec.json.encode(plan.blocks).decode()
    values = (plan.token, said, *_place(reader, plan.range), old)
    if connection.execute(RENEW, values).rowcount != 1:
        raise Fenced("somebody else mends this plan")


def confirm(connection: Connection, reader: str, plans: Sequence[Plan]) -> None:
    """Their rows are in. Raises Fenced when somebody took one of them over."""
    if not plans:
        return
    gone = [(*_place(reader, plan.range), plan.token) for plan in plans]
    with connection.transaction():
        with connection.cursor() as cursor:
            cursor.executemany(DELETE, gone)
            if cursor.rowcount != len(plans):
                raise Fenced("a plan of ours is gone")
        add(connection, reader, plans)


def add(connection: Connection, reader: str, plans: Sequence[Plan]) -> None:
    """Count their rows as confirmed, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.executemany(ADD, _sums(reader, plans))


def _sums(reader: str, plans: Iterable[Plan]) -> list[tuple[object, ...]]:
    return [
        (reader, *plan.range.place, part.bucket, block.table, part.rows, part.checksum)
        for plan in plans
        for block in plan.blocks
        for part in block.parts
    ]


def _place(reader: str, where: Range) -> tuple[object, ...]:
    return reader, where.topic, where.partition, where.start


def still_open(
    connection: Connection, reader: str, places: Sequence[Place]
) -> list[Open]:
    topics, partitions = [topic for topic, _ in places], [part for _, part in places]
    rows = connection.execute(OPEN, (reader, topics, partitions)).fetchall()
    return [_open(row) for row in rows]


def _open(row: tuple[object, ...]) -> Open:
    topic, partition, start, end, blocks, token, epoch, owner, n = row
    fence = Fence(int(str(epoch)), str(owner), int(str(n)))
    where = Range(
        str(topic), int(str(partition)), int(str(start)), int(str(end)), fence
    )
    found = msgspec.json.decode(str(blocks), type=tuple[Block, ...])
    return Open(where, str(token), {block.table: block for block in found})


def confirmed_ends(connection: Connection, reader: str) -> dict[Place, int]:
    """Below these offsets all that was planned is confirmed."""
    rows = connection.execute(ENDS, (reader,)).fetchall()
    return {(str(row[0]), int(str(row[1]))): int(str(row[2])) for row in rows}


def skipped(
    connection: Connection, rulings: Rulings, reader: str, where: Range
) -> frozenset[int]:
    """Offsets of a range that give no rows: parked, or ruled to be dropped."""
    values = (reader, *where.place, where.start, where.end)
    with connection.transaction():
        rows = connection.execute(SKIPPED, values).fetchall()
    parked = frozenset(int(str(row[0])) for row in rows)
    return parked | dropped(rulings, reader, where.place)


def dropped(rulings: Rulings, reader: str, place: Place) -> frozenset[int]:
    wanted = (name_of(reader), *place)
    return frozenset(each[3] for each in rulings.drops if each[:3] == wanted)


def renewed(plan: Plan, kept: dict[str, str], owner: str) -> Plan:
    """The plan under another token, but for the tables whose token is kept."""
    token = token_of(plan.range, owner)
    blocks = tuple(
        structs.replace(block, token=kept.get(block.table, f"{token}/{block.table}"))
        for block in plan.blocks
    )
    return structs.replace(plan, token=token, blocks=blocks)
