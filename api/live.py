"""The live hub: one LISTEN connection and one progress reader for all browsers.

A subscriber owns a vector of the last offset it was sent per place. Rows are asked
for by that vector, so an announcement that was lost costs time and never a change.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import structlog
from msgspec import Struct
from psycopg.rows import DictRow
from psycopg_pool import PoolTimeout

from api import positions
from api.parts import Parts, Vector
from api.progress import Tail
from api.rows import Rows
from projections.changes.query import AFTER, NEWEST

KEEP = timedelta(days=7)
HEARTBEAT_S = 15.0
_AT_ONCE = 200
_log = structlog.get_logger("live")


class Message(Struct, frozen=True):
    """One server-sent event; `id` is empty for what cannot be resumed from."""

    event: str
    text: str
    id: str = ""

    def encode(self) -> bytes:
        lines = [f"id: {self.id}"] if self.id else []
        lines += [f"event: {self.event}", f"data: {self.text}", "", ""]
        return "\n".join(lines).encode()


class Subscriber:
    """One open stream; progress is dropped, oldest first, for a slow browser."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.woken = asyncio.Event()
        self.progress: deque[str] = deque(maxlen=100)

    def tell(self, tenant: str, text: str) -> None:
        if tenant == self.tenant:
            self.progress.append(text)
            self.woken.set()

    async def wait(self) -> bool:
        """False when nothing happened for the length of a heartbeat."""
        try:
            await asyncio.wait_for(self.woken.wait(), HEARTBEAT_S)
        except TimeoutError:
            return False
        self.woken.clear()
        return True


class Hub:
    """Opened once per process."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._subscribers: set[Subscriber] = set()
        self._tail = Tail(parts.edge.kafka, self._tell)
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        if self._parts.edge.postgres:
            self._tasks.append(asyncio.create_task(self._listen(), name="live"))
        if self._parts.edge.kafka:
            self._tail.open()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._tail.close()

    async def stream(self, tenant: str, last_id: str) -> AsyncIterator[bytes]:
        """Every change after `last_id`, then each new one, while it is read."""
        rows = Rows(self._parts.pool, tenant)
        subscriber = Subscriber(tenant)
        self._subscribers.add(subscriber)
        try:
            seen, first = await self._begin(rows, last_id)
            yield first.encode()
            while True:
                async for message in self._news(rows, seen):
                    yield message.encode()
                while subscriber.progress:
                    yield Message("progress", subscriber.progress.popleft()).encode()
                if not await subscriber.wait():
                    yield b": still here\n\n"
        except (psycopg.OperationalError, PoolTimeout) as away:
            # The browser comes back by itself, with the last id it was sent.
            _log.warning("a stream ends", reason=type(away).__name__)
        finally:
            self._subscribers.discard(subscriber)

    async def _begin(self, rows: Rows, last_id: str) -> tuple[Vector, Message]:
        now = self._parts.clock()
        if last_id:
            with contextlib.suppress(positions.NotAToken):
                token = positions.decode(last_id)
                if now - token.issued_at < KEEP:
                    return token.places, Message("resumed", "{}", last_id)
        seen = await newest(rows)
        event = "reset" if last_id else "hello"
        return seen, Message(event, "{}", positions.encode(seen, now))

    async def _news(self, rows: Rows, seen: Vector) -> AsyncIterator[Message]:
        while True:
            found = await rows.all(AFTER, [*_columns(seen), _AT_ONCE])
            for row in found:
                seen[(row["topic"], row["partition"])] = row["offset"]
                mark = positions.encode(seen, self._parts.clock())
                yield Message("change", _change(row), mark)
            if len(found) < _AT_ONCE:
                return

    async def _listen(self) -> None:
        while True:
            try:
                await self._follow()
            except psycopg.Error as wrong:
                _log.warning("listening again", reason=type(wrong).__name__)
                await asyncio.sleep(0.5)

    async def _follow(self) -> None:
        connection = await psycopg.AsyncConnection.connect(
            self._parts.edge.postgres, autocommit=True
        )
        async with connection:
            await connection.execute("LISTEN positions")
            self._wake()
            async for _ in connection.notifies():
                self._wake()

    def _wake(self) -> None:
        for subscriber in self._subscribers:
            subscriber.woken.set()

    def _tell(self, tenant: str, text: str) -> None:
        for subscriber in self._subscribers:
            subscriber.tell(tenant, text)


async def newest(rows: Rows) -> Vector:
    found = await rows.all(NEWEST)
    return {(row["topic"], row["partition"]): row["last"] for row in found}


def _columns(seen: Vector) -> list[object]:
    places = sorted(seen)
    return [
        [topic for topic, _ in places],
        [partition for _, partition in places],
        [seen[place] for place in places],
    ]


def _change(row: DictRow) -> str:
    return json.dumps(
        {
            "kind": row["kind"],
            "id": row["subject"].partition("/")[2],
            "type": row["type"],
            "at": row["at"].isoformat(),
        }
    )
