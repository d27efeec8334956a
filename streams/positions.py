"""Where each reader stands, in one Postgres table, moved by compare-and-set."""

from collections.abc import Iterable, Sequence

import psycopg
from msgspec import Struct

from schemas.envelope import Record
from schemas.registry import Data
from streams.acceptance import Fence
from streams.reading import REBUILD, SET_BACK, Batch, LogChanged, Start

CLAIM = """
INSERT INTO coordination.positions AS p
  (reader, topic, partition, topic_id, next_offset, reader_epoch, reader_owner)
VALUES (%(reader)s, %(topic)s, %(partition)s, %(topic_id)s, 0, 1, %(owner)s)
ON CONFLICT (reader, topic, partition) DO UPDATE
  SET reader_epoch = p.reader_epoch + 1, reader_owner = excluded.reader_owner
RETURNING topic_id, next_offset, log_epoch, log_owner, log_n, mark
"""

ADVANCE = """
UPDATE coordination.positions
SET next_offset = %(end)s, leader_epoch = %(leader_epoch)s, log_epoch = %(epoch)s,
    log_owner = %(log_owner)s, log_n = %(n)s, mark = %(mark)s,
    updated_at = clock_timestamp(),
    command_offset = greatest(command_offset, %(command_offset)s)
WHERE reader = ANY(%(readers)s) AND topic = %(topic)s AND partition = %(partition)s
  AND next_offset = %(start)s AND reader_owner = %(owner)s
"""


class Fenced(Exception):
    """Another owner moved this position: drop the batch and claim again."""


class Claimed(Struct, frozen=True):
    reader: str
    topic: str
    partition: int
    start: Start


def claim(
    connection: psycopg.Connection[tuple[object, ...]],
    reader: str,
    places: Sequence[tuple[str, int]],
    topic_ids: dict[str, str],
    owner: str,
) -> list[Claimed]:
    """Take the positions over; raises LogChanged when a topic was made anew."""
    return [
        _claim_one(connection, reader, place, topic_ids[place[0]], owner)
        for place in places
    ]


def _claim_one(
    connection: psycopg.Connection[tuple[object, ...]],
    reader: str,
    place: tuple[str, int],
    topic_id: str,
    owner: str,
) -> Claimed:
    found = connection.execute(
        CLAIM,
        {
            "reader": reader,
            "topic": place[0],
            "partition": place[1],
            "topic_id": topic_id,
            "owner": owner,
        },
    ).fetchone()
    if found is None or found[0] != topic_id:
        mend = REBUILD if "." in reader else SET_BACK
        raise LogChanged(
            f"{reader}: topic {place[0]} is another one than before; run `{mend}`"
        )
    offset, mark = int(str(found[1])), str(found[5])
    fence = Fence(int(str(found[2])), str(found[3]), int(str(found[4])))
    marks = {offset - 1: mark} if mark and offset else {}
    return Claimed(reader, *place, Start(offset, fence, marks))


def advance(
    connection: psycopg.Connection[tuple[object, ...]],
    readers: Sequence[str],
    batch: Batch,
    owner: str,
) -> None:
    """Move all these readers over one batch, or raise Fenced and change nothing."""
    fence = batch.fence or Fence()
    moved = connection.execute(
        ADVANCE,
        {
            "readers": list(readers),
            "topic": batch.topic,
            "partition": batch.partition,
            "start": batch.start,
            "end": batch.end,
            "leader_epoch": batch.leader_epoch,
            "epoch": fence.epoch,
            "log_owner": fence.owner,
            "n": fence.n,
            "mark": batch.mark,
            "command_offset": command_mark(batch.records),
            "owner": owner,
        },
    ).rowcount
    if moved != len(readers):
        raise Fenced(f"{batch.topic}[{batch.partition}] at {batch.start}")


def command_mark(records: Iterable[Record[Data]]) -> int:
    """The highest command offset whose decision is among these records."""
    return max((record.envelope.command_offset for record in records), default=-1)
