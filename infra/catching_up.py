"""Waiting until versions of read models have passed a place of the log.

A running projector takes new versions on within a second; where none runs, one runs
here until they are there.
"""

import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

import psycopg

from infra.problem import Stop
from infra.settings import Settings
from projections.registry import READ_TOPICS
from projections.runner import Projector, Source
from projections.serving import NeedsPerson
from projections.table import Projection
from streams.places import ends_of
from streams.positions import Fenced
from streams.reading import LogChanged

Connection: TypeAlias = psycopg.Connection[tuple[object, ...]]
Place: TypeAlias = tuple[str, int]
Ends: TypeAlias = dict[Place, int]
Say: TypeAlias = Callable[[str], None]

ANSWER_S = 3.0
POLL_S = 0.1
GROUP = "rebuild"
STANDING = """
SELECT reader, topic, partition, next_offset FROM coordination.positions
WHERE reader = ANY(%s)
"""


def log_end(kafka: str) -> Ends:
    """The next offset of every partition that read models are made from."""
    return ends_of(kafka, READ_TOPICS)


def positions(connection: Connection, readers: Sequence[str]) -> dict[str, Ends]:
    """How far each reader has come; one that never began is left out."""
    found: dict[str, Ends] = {}
    for reader, topic, partition, offset in connection.execute(
        STANDING, (list(readers),)
    ):
        place = (str(topic), int(str(partition)))
        found.setdefault(str(reader), {})[place] = int(str(offset))
    return found


def reached(there: Ends, ends: Ends) -> int:
    """Records passed, not counting those that came after `ends` was looked at."""
    return sum(min(there.get(place, 0), end) for place, end in ends.items())


class Filling:
    """Waits for a running projector to take new versions on, or feeds them itself."""

    def __init__(
        self,
        settings: Settings,
        connection: Connection,
        projections: Sequence[Projection],
        ends: Ends,
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._projections = projections
        self._ends = ends
        self._own: Projector | None = None
        self._moved = time.monotonic()
        self.done = -1

    @property
    def all(self) -> int:
        return sum(self._ends.values()) * len(self._projections)

    def step(self) -> bool:
        """Do or await a bit more; True when everything is there."""
        readers = [each.reader for each in self._projections]
        there = positions(self._connection, readers)
        done = sum(reached(there.get(each, {}), self._ends) for each in readers)
        if done != self.done:
            self.done, self._moved = done, time.monotonic()
        if done == self.all:
            return True
        if self._own is None and time.monotonic() - self._moved > ANSWER_S:
            self._own = self._projector()
        self._work()
        return False

    def close(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None

    def _projector(self) -> Projector:
        source = Source(
            kafka=self._settings.need("kafka"),
            postgres=self._settings.dsn("projector"),
            group=GROUP,
        )
        return Projector(source, self._projections)

    def _work(self) -> None:
        if self._own is None:
            time.sleep(POLL_S)
            return
        try:
            self._own.read()
        except Fenced:
            # Somebody else does it after all; two would only take it from each other.
            self.close()
            self._moved = time.monotonic()


def pass_end(
    settings: Settings, connection: Connection, projections: Sequence[Projection]
) -> None:
    """Returns once all of them hold what the log holds now; raises Stop."""
    ends = log_end(settings.need("kafka"))
    filling = Filling(settings, connection, projections, ends)
    try:
        while not filling.step():
            pass
    except (NeedsPerson, LogChanged) as wrong:
        raise Stop(str(wrong)) from wrong
    finally:
        filling.close()
