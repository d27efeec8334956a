"""Snapshots of deciders in Postgres: rows by stream, and one mark by partition.

A snapshot is only believed whole. It is used if it is of this topic, made by this very
code, has all its rows, and the log still holds the record it ended with. Every read and
every move asks for the mark its owner knows, in one transaction with the rows; another
mark (another owner, a restored backup) means: fold again. A snapshot that may not be
used is replaced by an empty one under a new id, so its rows can be swept in peace.
"""

import hashlib
import sys
from collections.abc import Container
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeAlias
from uuid import UUID, uuid4

import msgspec
import structlog
from msgspec import Struct
from psycopg.rows import TupleRow
from rbloom import Bloom

from schemas.registry import EVENTS_OF
from schemas.topics import Family
from streams.acceptance import Fence
from streams.database import Away, Connection, Database
from streams.domain.registry import RULES
from streams.faults import reach
from streams.held import Held
from streams.remembered import (
    Change,
    Mark,
    Outcome,
    SnapshotLost,
    Stream,
    Unreadable,
)

log = structlog.get_logger()

Place: TypeAlias = tuple[str, int]

FORMAT = b"1"
ENTRY = 18
SWEPT = 5_000

MARK = """
SELECT snapshot, next_offset, log_epoch, log_owner, log_n, resume, command_topic_id
FROM coordination.decider_marks WHERE topic = %s AND partition = %s
"""
FOUND = """
SELECT m.topic_id, m.code, m.streams = (
    SELECT count(*) FROM coordination.decider_state AS s WHERE s.snapshot = m.snapshot
) FROM coordination.decider_marks AS m WHERE m.topic = %s AND m.partition = %s
"""
BEGIN = """
INSERT INTO coordination.decider_marks AS m
  (topic, partition, snapshot, topic_id, code) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (topic, partition) DO UPDATE SET
  snapshot = excluded.snapshot, replaced = m.snapshot, topic_id = excluded.topic_id,
  code = excluded.code, next_offset = 0, log_epoch = 0, log_owner = '', log_n = 0,
  resume = 0, command_topic_id = '', streams = 0, updated_at = clock_timestamp()
"""
DISOWN = "UPDATE coordination.decider_marks SET code = '' WHERE snapshot = %s"
# One statement sees one moment; the mark is there even if no row is.
ROWS = """
SELECT m.snapshot, m.next_offset, m.log_epoch, m.log_owner, m.log_n, m.resume,
  m.command_topic_id, s.key, s.aggregate, s.version, s.state, s.handled
FROM coordination.decider_marks AS m
LEFT JOIN coordination.decider_state AS s ON s.snapshot = %s AND s.key = ANY(%s)
WHERE m.topic = %s AND m.partition = %s
"""
OF_MARK = 7
STAGE = """
CREATE TEMP TABLE IF NOT EXISTS decider_stage (
  key bytea, aggregate text, version bigint, state bytea, handled bytea, expired int
) ON COMMIT DELETE ROWS
"""
COPY = """
COPY decider_stage (key, aggregate, version, state, handled, expired)
FROM STDIN (FORMAT BINARY)
"""
MERGE = """
WITH merged AS (
    INSERT INTO coordination.decider_state AS s
      (snapshot, key, aggregate, version, state, handled)
    SELECT %(snapshot)s, key, aggregate, version, state, handled FROM decider_stage
    ON CONFLICT (snapshot, key) DO UPDATE SET
      version = excluded.version, state = excluded.state,
      handled = s.handled || excluded.handled
    RETURNING xmax = 0 AS new
)
UPDATE coordination.decider_marks SET
  next_offset = %(next_offset)s, log_epoch = %(epoch)s, log_owner = %(owner)s,
  log_n = %(n)s, resume = %(resume)s, command_topic_id = %(command_topic_id)s,
  streams = streams + (SELECT count(*) FILTER (WHERE new) FROM merged),
  updated_at = clock_timestamp()
WHERE topic = %(topic)s AND partition = %(partition)s
"""
EXPIRE = """
UPDATE coordination.decider_state AS s
SET handled = substr(s.handled, 1 + 18 * g.expired)
FROM decider_stage AS g
WHERE s.snapshot = %s AND s.key = g.key AND g.expired > 0
"""
SWEEP = """
DELETE FROM coordination.decider_state WHERE ctid = ANY (ARRAY(
  SELECT s.ctid FROM coordination.decider_state AS s
  JOIN coordination.decider_marks AS m ON m.replaced = s.snapshot
  WHERE m.topic = %s AND m.partition = %s LIMIT %s))
"""
SWEPT_ALL = """
UPDATE coordination.decider_marks SET replaced = NULL
WHERE topic = %s AND partition = %s
"""


class Moved(SnapshotLost):
    """Somebody else wrote this snapshot, or an older backup is back."""


class Snapshots:
    """All of one role: a connection to ask, threads with others to save and read."""

    def __init__(self, conninfo: str) -> None:
        self.asking = Database(conninfo)
        self.saving = Database(conninfo)
        self.saver = ThreadPoolExecutor(1, "snapshots")
        self.keys = Held(conninfo)

    def open(self, family: Family, number: int, topic_id: str) -> "PostgresSnapshot":
        """What was saved, or an empty one in its place; raises Away."""
        place = (family.events.name, number)
        code = code_of(family)
        with self.asking.transaction() as connection:
            found = connection.execute(FOUND, place).fetchone()
            wrong = _unusable(found, topic_id, code)
            if wrong:
                if found is not None:
                    words = "A snapshot is not used: the partition is folded again."
                    log.error(words, action="fold", place=place, reason=wrong)
                fresh = (*place, uuid4(), topic_id, code)
                connection.execute(BEGIN, fresh)
            identity, mark = _mark(connection, place)
        return PostgresSnapshot(self, place, identity, mark)

    def close(self) -> None:
        """After the save that is on its way."""
        self.keys.close()
        self.saver.shutdown()
        self.asking.close()
        self.saving.close()


class PostgresSnapshot:
    """The snapshot of one partition, for the loop that owns it."""

    def __init__(
        self, shared: Snapshots, place: Place, identity: UUID, mark: Mark
    ) -> None:
        self.mark = mark
        self._shared = shared
        self._place = place
        self.identity = identity
        self._known = {mark}
        self._saving: Future[None] | None = None
        self._reading: Future[Bloom] | None = None
        self._next = mark
        self._changes: dict[str, Change] = {}

    def held(self) -> Container[str] | None:
        if self._reading is None:
            self._reading = self._shared.keys.read(self.identity, self.check_mark)
        if not self._reading.done():
            return None
        try:
            return self._reading.result()
        except SnapshotLost:
            self._reading = None
            return None

    def fetch(self, keys: list[str]) -> dict[str, Stream]:
        wanted = (self.identity, [key.encode() for key in keys], *self._place)
        with self._shared.asking.connected() as connection:
            rows = connection.execute(ROWS, wanted, binary=True).fetchall()
        self._check(_read_mark(rows[0] if rows else None, self._place))
        found = (row[OF_MARK:] for row in rows if row[OF_MARK] is not None)
        try:
            return {bytes(row[0]).decode(): _stream(row) for row in found}
        except (KeyError, ValueError, msgspec.MsgspecError) as wrong:
            corrupt = str(wrong)
        self._disown()
        raise SnapshotLost(f"a row of the snapshot cannot be read: {corrupt}")

    def _disown(self) -> None:
        """The next to open it begins an empty one in its place."""
        with self._shared.asking.transaction() as connection:
            connection.execute(DISOWN, (self.identity,))

    def save(self, mark: Mark, changes: dict[str, Change]) -> None:
        self._next, self._changes = mark, changes
        self._known.add(mark)
        self._saving = self._shared.saver.submit(self._save, mark, changes)

    def outcome(self) -> tuple[Outcome, dict[str, Change]]:
        if self._saving is None:
            return Outcome.IDLE, {}
        if not self._saving.done():
            return Outcome.SAVING, {}
        done, self._saving = self._saving, None
        try:
            done.result()
        except Away as wrong:
            # It may have come through: from here on both marks are ours.
            log.warning("A snapshot is late.", action="save", reason=str(wrong))
            return Outcome.FAILED, self._changes
        self._known = {self._next}
        return Outcome.IDLE, {}

    def _save(self, mark: Mark, changes: dict[str, Change]) -> None:
        with self._shared.saving.transaction() as connection:
            connection.execute(STAGE)
            self._check(_mark(connection, self._place, lock=True))
            _stage(connection, changes)
            connection.execute(EXPIRE, (self.identity,))
            connection.execute(MERGE, self._moved(mark))
            reach("decider.snapshot")
        self._sweep()

    def _moved(self, mark: Mark) -> dict[str, object]:
        return {
            "snapshot": self.identity,
            "topic": self._place[0],
            "partition": self._place[1],
            "next_offset": mark.next_offset,
            "epoch": mark.fence.epoch,
            "owner": mark.fence.owner,
            "n": mark.fence.n,
            "resume": mark.resume,
            "command_topic_id": mark.command_topic_id,
        }

    def check_mark(self, connection: Connection) -> None:
        """Raises Moved; what the transaction reads is of this mark."""
        self._check(_mark(connection, self._place))

    def _check(self, there: tuple[UUID, Mark]) -> None:
        if there[0] != self.identity or there[1] not in self._known:
            raise Moved(f"the snapshot of {self._place} is at {there[1].next_offset}")

    def _sweep(self) -> None:
        """A slice of the snapshot this one replaced; the next save takes the next."""
        with self._shared.saving.transaction() as connection:
            found = connection.execute(SWEEP, (*self._place, SWEPT))
            if found.rowcount < SWEPT:
                connection.execute(SWEPT_ALL, self._place)


def forget(connection: Connection) -> int:
    """Drop every snapshot, as after a restore: deciders fold again; how many."""
    with connection.transaction():
        connection.execute("TRUNCATE coordination.decider_state")
        return connection.execute("DELETE FROM coordination.decider_marks").rowcount


@cache
def code_of(family: Family) -> str:
    """A digest of all the code that a state of this family follows from."""
    digest = hashlib.sha256(FORMAT)
    for name in sorted(_modules_of(family)):
        file = sys.modules[name].__file__
        digest.update(name.encode() + (Path(file).read_bytes() if file else b""))
    return digest.hexdigest()


def _modules_of(family: Family) -> set[str]:
    """Rules and events of its aggregates, and what these are made of."""
    kinds = [kind for each in family.aggregates for kind in EVENTS_OF[each]]
    left = {"schemas.upcasts", *(kind.__module__ for kind in kinds)}
    left |= {type(RULES[each].initial).__module__ for each in family.aggregates}
    found: set[str] = set()
    while left:
        name = left.pop()
        found.add(name)
        used = {getattr(v, "__module__", "") for v in vars(sys.modules[name]).values()}
        left |= {each for each in used if _ours(str(each))} - found
    return found


def _ours(module: str) -> bool:
    return module.startswith(("schemas.", "streams.domain."))


def _unusable(found: TupleRow | None, topic_id: str, code: str) -> str:
    if found is None:
        return "there is none"
    if found[0] != topic_id:
        return f"it is of topic {found[0]}, this one is {topic_id}"
    if found[1] != code:
        return "other rules made it, or one of its rows cannot be read"
    return "" if found[2] else "some of its rows are gone"


def _mark(
    connection: Connection, place: Place, *, lock: bool = False
) -> tuple[UUID, Mark]:
    found = connection.execute(MARK + (" FOR UPDATE" if lock else ""), place)
    return _read_mark(found.fetchone(), place)


def _read_mark(row: TupleRow | None, place: Place) -> tuple[UUID, Mark]:
    if row is None:
        raise Moved(f"the snapshot of {place} is gone")
    fence = Fence(row[2], row[3], row[4])
    return row[0], Mark(row[1], fence, row[5], row[6])


def _stage(connection: Connection, changes: dict[str, Change]) -> None:
    with connection.cursor().copy(COPY) as copy:
        copy.set_types(["bytea", "text", "int8", "bytea", "bytea", "int4"])
        for key, change in changes.items():
            copy.write_row(
                (
                    key.encode(),
                    change.aggregate,
                    change.version,
                    _state_bytes(change.state),
                    _packed(change.handled),
                    change.expired,
                )
            )


def _state_bytes(state: Struct) -> bytes:
    return b"" if isinstance(state, Unreadable) else msgspec.json.encode(state)


def _packed(handled: list[tuple[str, int]]) -> bytes:
    found = b"".join(
        [bytes.fromhex(i.replace("-", "")) + day.to_bytes(2) for i, day in handled]
    )
    if len(found) != ENTRY * len(handled):
        raise ValueError("the id of a record is no UUID")
    return found


def _stream(row: TupleRow) -> Stream:
    """Raises KeyError, ValueError or MsgspecError for what none of ours has written."""
    aggregate, state, packed = str(row[1]), bytes(row[3]), bytes(row[4])
    handled = {
        _id(packed[at : at + 16].hex()): int.from_bytes(packed[at + 16 : at + ENTRY])
        for at in range(0, len(packed), ENTRY)
    }
    found = _decoder(aggregate).decode(state) if state else Unreadable("as saved")
    return Stream(int(row[2]), found, aggregate, handled)


def _id(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@cache
def _decoder(aggregate: str) -> msgspec.json.Decoder[Struct]:
    return msgspec.json.Decoder(type(RULES[aggregate].initial))
