"""The claims of all readers that share one consumer, and where each of them stands."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import LiteralString, TypeAlias

import psycopg
from msgspec import structs

from streams import positions
from streams.positions import Fenced
from streams.reading import Batch, Start

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Place: TypeAlias = tuple[str, int]
Ids: TypeAlias = Callable[[], dict[str, str]]

HELD = """
SELECT FROM coordination.positions p
JOIN unnest(%s::text[], %s::int[], %s::text[]) AS mine (topic, partition, owner)
  ON p.topic = mine.topic AND p.partition = mine.partition
  AND p.reader_owner = mine.owner
WHERE p.reader = ANY(%s) ORDER BY p.topic, p.partition, p.reader
"""


class Claims:
    """Not thread-safe; one per consumer. `owner` answers a new name at every call."""

    def __init__(
        self,
        connection: Connection,
        readers: Sequence[str],
        ids: Ids,
        owner: Callable[[], str],
    ) -> None:
        self._connection = connection
        self._readers = tuple(sorted(readers))
        self._ids = ids
        self._owner = owner
        self._owners: dict[Place, str] = {}
        self._next: dict[Place, dict[str, int]] = {}

    def take(self, places: Sequence[Place]) -> dict[Place, Start]:
        """Claim for every reader; begin where the one furthest behind stands."""
        if not places:
            return {}
        owner, ids = self._owner(), self._ids()
        found: dict[Place, list[positions.Claimed]] = defaultdict(list)
        with self._connection.transaction():
            # In the order in which batches move them, so that two never deadlock.
            for place in sorted(places):
                for reader in self._readers:
                    found[place] += positions.claim(
                        self._connection, reader, [place], ids, owner
                    )
        for place, claimed in found.items():
            self._owners[place] = owner
            self._next[place] = {each.reader: each.start.offset for each in claimed}
        return {place: _first(claimed) for place, claimed in found.items()}

    def next_of(self, reader: str, place: Place) -> int:
        return self._next[place][reader]

    def owner_of(self, place: Place) -> str:
        return self._owners[place]

    def advance(self, batch: Batch) -> None:
        """Move every reader that this batch is news for; raises Fenced."""
        place = (batch.topic, batch.partition)
        standing: dict[int, list[str]] = defaultdict(list)
        for reader, offset in self._next[place].items():
            standing[offset].append(reader)
        for offset, readers in standing.items():
            if offset < batch.start:
                # Moving over what was not read would lose it; the claim begins anew.
                raise Fenced(f"{place} at {offset}, but {batch.start} came next")
            if offset < batch.end:
                part = structs.replace(batch, start=offset)
                owner = self._owners[place]
                positions.advance(self._connection, readers, part, owner)

    def moved(self, batches: Iterable[Batch]) -> None:
        """The transaction that advanced over these batches is committed."""
        for batch in batches:
            standing = self._next[batch.topic, batch.partition]
            for reader, offset in standing.items():
                standing[reader] = max(offset, batch.end)

    def check(self, places: Sequence[Place]) -> None:
        """Raises Fenced when a position was taken or reset, be it a quiet one."""
        with self._connection.transaction():
            self._held(places, HELD)

    def hold(self, places: Sequence[Place]) -> None:
        """As `check`, and nobody takes one before the caller's transaction ends."""
        self._held(places, f"{HELD} FOR UPDATE OF p")

    def _held(self, places: Sequence[Place], query: LiteralString) -> None:
        mine = [place for place in places if place in self._owners]
        columns = (
            [topic for topic, _ in mine],
            [partition for _, partition in mine],
            [self._owners[place] for place in mine],
        )
        found = self._connection.execute(query, (*columns, list(self._readers)))
        if found.rowcount != len(mine) * len(self._readers):
            raise Fenced("positions were taken or reset")


def _first(claimed: Sequence[positions.Claimed]) -> Start:
    """The one furthest behind; the marks of all are looked at on the way."""
    first = min((each.start for each in claimed), key=lambda start: start.offset)
    marks: dict[int, str] = {}
    for each in claimed:
        marks.update(each.start.marks)
    return structs.replace(first, marks=marks)
