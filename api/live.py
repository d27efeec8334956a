"""The live hub: what is new is read once for all browsers and told to each of them.

It listens to the projector's announcements with one connection, and to the progress of
jobs with one consumer. An announcement that is lost costs time and never a change.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta

import msgspec
import psycopg
import structlog
from msgspec import Struct
from psycopg_pool import PoolTimeout

from api import positions
from api.callers import Callers, Principal
from api.channel import Behind, Change, Channel, Entry, Follower, Message
from api.feed import Changes, Feed
from api.gate import busy
from api.parts import Parts, Vector
from api.progress import Tail

# Shorter than the rows are kept, by what a record may be late.
KEEP = timedelta(days=7) - timedelta(hours=1)
HEARTBEAT_S = 15.0
CHECK_S = 20.0
RECHECK_S = 5.0
AGAIN_S = 0.5
LATER_S = 5
_AT_ONCE = 500
_ALIVE = Message("alive", "{}")
_log = structlog.get_logger("live")
_AWAY = (psycopg.Error, PoolTimeout)


class Stream(Struct, frozen=True, eq=False):
    """One open stream: who reads it and where it stands."""

    who: Principal
    follower: Follower


class Hub:
    """Opened once per process."""

    def __init__(
        self, parts: Parts, callers: Callers, feed: Changes | None = None
    ) -> None:
        self._parts = parts
        self._callers = callers
        self._limits = parts.gate.limits
        self._feed = feed or Feed(parts.pool)
        self._channels: dict[str, Channel] = {}
        self._order: deque[Channel] = deque()
        self._streams: set[Stream] = set()
        self._of_tenant: Counter[str] = Counter()
        self._head: Vector | None = None
        self._opening = asyncio.Lock()
        self._announced = asyncio.Event()
        self._tail = Tail(parts.edge.kafka, self._tell)
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    @property
    def streams(self) -> int:
        return len(self._streams)

    async def open(self) -> None:
        if self._parts.edge.postgres:
            for work in (self._listen(), self._read(), self._beat(), self._check()):
                self._tasks.append(asyncio.create_task(work, name="live"))
        if self._parts.edge.kafka:
            self._tail.open()

    def end_all(self) -> None:
        """Every stream is told its position and ends; nobody new is let in."""
        self._closing = True
        for stream in self._streams:
            stream.follower.end("end")

    async def close(self) -> None:
        self.end_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._tail.close()

    @contextlib.asynccontextmanager
    async def following(self, who: Principal) -> AsyncIterator[Stream]:
        """Raises Problem 503 when there are as many streams as this process takes."""
        self._make_room(who.tenant)
        self._of_tenant[who.tenant] += 1
        try:
            channel = await self._channel(who.tenant)
            stream = Stream(who, Follower(channel))
            self._streams.add(stream)
            channel.followers.add(stream.follower)
            try:
                yield stream
            finally:
                self._leave(stream)
        finally:
            self._of_tenant[who.tenant] -= 1

    async def batches(self, stream: Stream, last_id: str) -> AsyncIterator[list[Entry]]:
        """Every change after `last_id`, then each new one; the end says from where."""
        follower = stream.follower
        position = last_id
        try:
            async for entries in self._all(follower, last_id):
                yield entries
                marks = [entry.message.id for entry in entries if entry.message.id]
                position = marks[-1] if marks else position
        except Behind:
            follower.end("cut")
        except _AWAY as away:
            _log.warning("a stream ends", reason=type(away).__name__)
            follower.end("end")
        yield [_entry(Message(follower.ended, "{}", position))]

    def _make_room(self, tenant: str) -> None:
        if self._closing or len(self._streams) >= self._limits.streams:
            detail = "This process has as many streams as it takes."
            raise busy(detail, LATER_S, "streams")
        if self._of_tenant[tenant] >= self._limits.streams_per_tenant:
            detail = "This tenant has as many streams as it may have."
            raise busy(detail, LATER_S, "streams")

    async def _all(
        self, follower: Follower, last_id: str
    ) -> AsyncIterator[list[Entry]]:
        seen, first = self._begin(follower, last_id)
        yield [_entry(first)]
        if seen is not None:
            async for entries in self._missed(follower, seen):
                yield entries
        while not follower.ended:
            entries = follower.take(self._parts.clock())
            if entries:
                yield entries
            await follower.wait()

    def _begin(self, follower: Follower, last_id: str) -> tuple[Vector | None, Message]:
        """A vector to catch up from, or None to begin with what comes now."""
        now = self._parts.clock()
        if last_id:
            with contextlib.suppress(positions.NotAToken):
                token = positions.decode(last_id)
                if now - token.issued_at < KEEP:
                    return token.places, Message("resumed", "{}", last_id)
        follower.next = follower.channel.next
        event = "reset" if last_id else "hello"
        return None, Message(event, "{}", follower.position(now))

    async def _missed(
        self, follower: Follower, seen: Vector
    ) -> AsyncIterator[list[Entry]]:
        """Rows the stream reads by itself, until it stands where the channel does."""
        channel = follower.channel
        while not follower.ended:
            number = channel.next
            found = await self._feed.after(channel.tenant, seen, _AT_ONCE)
            entries = []
            for change in found:
                seen[change.place] = change.offset
                mark = positions.encode(seen, self._parts.clock())
                entries.append(_entry(Message("change", change.text, mark)))
            if entries:
                yield entries
            if len(found) < _AT_ONCE:
                follower.join(seen, number)
                return

    async def _channel(self, tenant: str) -> Channel:
        """Told of changes first, asked where it stands then: nothing falls between."""
        async with self._opening:
            channel = self._channels.get(tenant)
            if channel is not None:
                return channel
            if self._head is None:
                self._head = await self._feed.heads()
            channel = self._channels[tenant] = Channel(tenant)
            try:
                at = await self._feed.newest(tenant)
            except BaseException:
                del self._channels[tenant]
                raise
            self._add(channel, channel.open(at))
            return channel

    def _leave(self, stream: Stream) -> None:
        channel = stream.follower.channel
        self._streams.discard(stream)
        channel.followers.discard(stream.follower)
        if not channel.followers and self._channels.get(channel.tenant) is channel:
            del self._channels[channel.tenant]
            if not self._channels and not self._opening.locked():
                self._head = None

    async def _read(self) -> None:
        while True:
            await self._announced.wait()
            self._announced.clear()
            try:
                await self.read_news()
            except _AWAY as wrong:
                _log.warning("reading changes again", reason=type(wrong).__name__)
                await asyncio.sleep(AGAIN_S)
                self._announced.set()

    async def read_news(self) -> None:
        """What was committed since the last time, told to whoever follows."""
        while (head := self._head) is not None:
            found = await self._feed.news(head, _AT_ONCE)
            touched = set()
            for change in found:
                head[change.place] = change.offset
                channel = self._channels.get(change.tenant)
                if channel is not None and self._add(channel, [change]):
                    touched.add(channel)
            for channel in touched:
                channel.wake()
            if len(found) < _AT_ONCE:
                return

    def _add(self, channel: Channel, changes: Iterable[Change]) -> bool:
        now = self._parts.clock()
        news = [change for change in changes if channel.add(change, now)]
        for _ in news:
            self._keep(channel)
        return bool(news)

    def _keep(self, channel: Channel) -> None:
        """One bound for all channels together: the oldest message goes first."""
        self._order.append(channel)
        if len(self._order) > self._limits.ring:
            self._order.popleft().drop_oldest()

    async def _listen(self) -> None:
        while True:
            try:
                await self._follow()
            except psycopg.Error as wrong:
                _log.warning("listening again", reason=type(wrong).__name__)
                await asyncio.sleep(AGAIN_S)

    async def _follow(self) -> None:
        connection = await psycopg.AsyncConnection.connect(
            self._parts.edge.postgres, autocommit=True
        )
        async with connection:
            await connection.execute("LISTEN positions")
            self._announced.set()
            while True:
                waiting = connection.notifies(timeout=RECHECK_S, stop_after=1)
                async for notice in waiting:
                    self._note(notice.payload)
                self._announced.set()

    def _note(self, payload: str) -> None:
        """A place nobody has read before begins at its first offset."""
        if self._head is None:
            return
        with contextlib.suppress(msgspec.DecodeError):
            for topic, partition, *_ in msgspec.json.decode(payload):
                self._head.setdefault((topic, partition), -1)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            for channel in self._channels.values():
                channel.tell(_ALIVE, b": still here\n\n")
                self._keep(channel)
                channel.wake()

    async def _check(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            with contextlib.suppress(*_AWAY):
                await self.check_keys()

    async def check_keys(self) -> None:
        """A revoked key ends its streams, within a minute at the latest."""
        for digest in {stream.who.digest for stream in self._streams}:
            if await self._callers.find(digest) is None:
                self._end(digest)

    def _end(self, digest: str) -> None:
        for stream in self._streams:
            if stream.who.digest == digest:
                stream.follower.end("revoked")

    def _tell(self, tenant: str, text: str) -> None:
        channel = self._channels.get(tenant)
        if channel is not None:
            channel.tell(Message("progress", text))
            self._keep(channel)
            channel.wake()


def _entry(message: Message) -> Entry:
    return Entry(message, message.encode())
