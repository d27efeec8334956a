"""Finished answers, kept: a bounded level in this process over one that is shared.

    memory (seconds)  over  a store that all processes share (a day, then stale)

A store that is away costs its hits and nothing else: calls go on without it.
"""

import asyncio
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

import structlog
from msgspec import Struct

from ai_adapter.base import Answer
from ai_adapter.kept_answers import size_of
from ai_adapter.ports import Make
from schemas.clock import Clock, utc_now

FRESH = timedelta(hours=24)
# Old answers are better than none for as long; then they are removed.
STALE = timedelta(days=7)
# A purge reaches other processes once what their memory holds is this old.
REMEMBERED = timedelta(seconds=30)
CLAIMED = timedelta(seconds=30)
MOST_ENTRIES = 10_000
MOST_BYTES = 64_000_000
LARGEST = 1_000_000
_LOOK_FIRST_S = 0.05
_LOOK_MOST_S = 0.5

Place: TypeAlias = tuple[str, str]
"""A scope and a key; nothing is ever found by the key alone."""
_log = structlog.get_logger("ai_cache")


class Away(Exception):
    """The store cannot be asked just now."""


class Kept(Struct, frozen=True):
    """An answer and since when it is there."""

    answer: Answer
    at: datetime


class Store(Protocol):
    """What processes share; each method raises only Away."""

    async def get(self, place: Place) -> Kept | None: ...

    async def put(self, place: Place, kept: Kept) -> None:
        """Ends the claim as well."""
        ...

    async def claim(self, place: Place, span: timedelta) -> bool:
        """Whether the caller is to ask: no other does, and no fresh answer is there.

        A claim that nobody releases ends after `span`.
        """
        ...

    async def release(self, place: Place) -> None: ...


class Memory:
    """Bounded by entries and by bytes; who was not asked for longest goes first."""

    def __init__(self, entries: int = MOST_ENTRIES, size: int = MOST_BYTES) -> None:
        self._most_entries = entries
        self._most_bytes = size
        self._held: OrderedDict[Place, tuple[datetime, Kept, int]] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    def get(self, place: Place, now: datetime) -> Kept | None:
        found = self._held.get(place)
        if found is None:
            return None
        until, kept, _ = found
        if until <= now:
            self.drop(place)
            return None
        self._held.move_to_end(place)
        return kept

    def put(self, place: Place, kept: Kept, until: datetime) -> None:
        self.drop(place)
        size = size_of(kept.answer)
        self._held[place] = (until, kept, size)
        self.bytes += size
        while len(self._held) > self._most_entries or self.bytes > self._most_bytes:
            self.drop(next(iter(self._held)))

    def drop(self, place: Place) -> None:
        found = self._held.pop(place, None)
        if found is not None:
            self.bytes -= found[2]


class Cache:
    """`ai_adapter.ports.Cache` for one process, over a store or without one."""

    def __init__(
        self,
        store: Store | None = None,
        *,
        now: Clock = utc_now,
        memory: Memory | None = None,
        patience: timedelta = timedelta(seconds=10),
    ) -> None:
        """`patience`: how long another process is waited for that asks already."""
        self._store = store
        self._now = now
        self._memory = Memory() if memory is None else memory
        self._patience = patience
        self._flights: dict[Place, asyncio.Future[Answer]] = {}

    async def kept(self, key: str, scope: str) -> Answer | None:
        """Not older than a day."""
        found = await self._look((scope, key))
        fresh = found is not None and self._now() < found.at + FRESH
        return found.answer if found and fresh else None

    async def stale(self, key: str, scope: str) -> Answer | None:
        """Not older than a week."""
        found = await self._look((scope, key))
        there = found is not None and self._now() < found.at + STALE
        return found.answer if found and there else None

    async def keep(self, key: str, scope: str, answer: Answer) -> None:
        """An answer that is too long to keep is not kept."""
        if size_of(answer) > LARGEST:
            return
        place, kept = (scope, key), Kept(answer, self._now())
        self._remember(place, kept)
        if self._store is not None:
            try:
                await self._store.put(place, kept)
            except Away as away:
                _without("keep", away)

    async def once(self, key: str, scope: str, make: Make) -> Answer:
        """One at a time asks in this process, and as a rule among all processes."""
        place = (scope, key)
        while (flight := self._flights.get(place)) is not None:
            try:
                return await asyncio.shield(flight)
            except asyncio.CancelledError:
                # The one who asked was given up; so was this one, or it asks now.
                if not flight.cancelled() or _given_up():
                    raise
        return await self._fly(place, make)

    async def _fly(self, place: Place, make: Make) -> Answer:
        flight = asyncio.get_running_loop().create_future()
        self._flights[place] = flight
        try:
            answer = await self._claimed(place, make)
            flight.set_result(answer)
            return answer
        except asyncio.CancelledError:
            flight.cancel()
            raise
        except BaseException as error:
            flight.set_exception(error)
            flight.exception()  # nobody may be waiting, and that is no mistake
            raise
        finally:
            del self._flights[place]

    async def _claimed(self, place: Place, make: Make) -> Answer:
        if self._store is None:
            return await make()
        try:
            found = await self._waited(self._store, place)
        except Away as away:
            _without("ask", away)
            return await make()
        return found or await self._released(self._store, place, make)

    async def _waited(self, store: Store, place: Place) -> Answer | None:
        """What another process gets that asks already; None when it is our turn."""
        until, pause = self._now() + self._patience, _LOOK_FIRST_S
        while not await store.claim(place, CLAIMED):
            found = await self.kept(place[1], place[0])
            if found is not None or self._now() >= until:
                return found
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LOOK_MOST_S)
        return None

    async def _released(self, store: Store, place: Place, make: Make) -> Answer:
        try:
            return await make()
        finally:
            try:
                await store.release(place)
            except Away as away:
                _without("release", away)

    async def _look(self, place: Place) -> Kept | None:
        found = self._memory.get(place, self._now())
        if found is not None or self._store is None:
            return found
        try:
            found = await self._store.get(place)
        except Away as away:
            _without("look", away)
            return None
        if found is not None:
            self._remember(place, found)
        return found

    def _remember(self, place: Place, kept: Kept) -> None:
        """For as long as a purge may take; where nothing is shared, for its time."""
        span = STALE if self._store is None else REMEMBERED
        self._memory.put(place, kept, min(self._now() + span, kept.at + STALE))


def _given_up() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _without(action: str, away: Away) -> None:
    _log.warning("the cache is away", action=f"{action}_without", reason=str(away))
