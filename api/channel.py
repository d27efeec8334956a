"""The changes of one tenant as its open streams are sent them; no I/O.

Theory of operation. The hub reads what is new once and adds it to the channel of its
tenant; a change is encoded there once, together with the position after it. A stream
is a follower: a number in the channel. One that comes back reads the rows it missed by
itself, until a question finds fewer than it asked for; everything the hub had read
before that question is among them, so it joins at the number the channel had then. It
may have seen more than the channel: until the channel has passed everything it saw, it
keeps a vector of its own, skips what it had, and is sent positions of its own.
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime

import msgspec
from msgspec import Struct

from api import positions
from api.parts import Vector
from streams.decisions import Place

AT_ONCE = 64


class Change(Struct, frozen=True):
    """That something of a tenant changed, and where; not what it holds."""

    tenant: str
    place: Place
    offset: int
    text: str


class Message(Struct, frozen=True):
    """One message to a browser; `id` is empty for what cannot be resumed from."""

    event: str
    text: str
    id: str = ""

    def encode(self) -> bytes:
        """As a server-sent event."""
        lines = [f"id: {self.id}"] if self.id else []
        lines += [f"event: {self.event}", f"data: {self.text}", "", ""]
        return "\n".join(lines).encode()

    def frame(self) -> str:
        """As a WebSocket message."""
        told = {"event": self.event, "id": self.id, "data": msgspec.Raw(self.text)}
        return msgspec.json.encode(told).decode()


class Entry(Struct, frozen=True):
    """A message of the channel; `place` is None for what is no change."""

    message: Message
    sse: bytes
    place: Place | None = None
    offset: int = -1


class Behind(Exception):
    """The follower was slower than the channel is long; it goes on by rows."""


class Channel:
    """`at` is the position after the newest change; None until it was asked for."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.at: Vector | None = None
        self.first = self.next = 0
        self.followers: set[Follower] = set()
        self._entries: dict[int, Entry] = {}
        self._early: list[Change] = []

    def open(self, at: Vector) -> list[Change]:
        """`at` was asked for after this channel began to be told; add what is left."""
        self.at = dict(at)
        early, self._early = self._early, []
        return early

    def add(self, change: Change, now: datetime) -> bool:
        """False for a change that is no news, or not yet anything to send."""
        if self.at is None:
            self._early.append(change)
            return False
        if change.offset <= self.at.get(change.place, -1):
            return False
        self.at[change.place] = change.offset
        mark = positions.encode(self.at, now)
        message = Message("change", change.text, mark)
        self._put(Entry(message, message.encode(), change.place, change.offset))
        return True

    def tell(self, message: Message, sse: bytes = b"") -> None:
        """Progress and signs of life: in order with the changes, no position."""
        self._put(Entry(message, sse or message.encode()))

    def entry(self, number: int) -> Entry:
        return self._entries[number]

    def drop_oldest(self) -> None:
        del self._entries[self.first]
        self.first += 1

    def wake(self) -> None:
        for follower in self.followers:
            follower.wake()

    def _put(self, entry: Entry) -> None:
        self._entries[self.next] = entry
        self.next += 1


class Follower:
    """One stream's place in a channel; `seen` is its own vector while it needs one."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.seen: Vector | None = None
        self.next = channel.next
        self.ended = ""
        self._woken: asyncio.Future[None] | None = None

    def join(self, seen: Vector, number: int) -> None:
        """Everything the hub had read when the channel stood at `number` was sent."""
        self.seen, self.next = seen, number

    def take(self, now: datetime) -> list[Entry]:
        """What comes next, at most 64 messages; raises Behind."""
        channel = self.channel
        if self.next < channel.first:
            raise Behind
        until = min(channel.next, self.next + AT_ONCE)
        found = [channel.entry(number) for number in range(self.next, until)]
        self.next = until
        if self.seen is not None:
            found = list(self._own(found, self.seen, now))
            self._leave_own()
        return found

    def position(self, now: datetime) -> str:
        """Of everything taken so far; only right where nothing is left to take."""
        at = self.seen if self.seen is not None else self.channel.at or {}
        return positions.encode(at, now)

    def end(self, reason: str) -> None:
        self.ended = self.ended or reason
        self.wake()

    def wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    async def wait(self) -> None:
        """Until there is something to take or this is the end."""
        if self.ended or self.next < self.channel.next:
            return
        self._woken = asyncio.get_running_loop().create_future()
        await self._woken

    def _own(self, found: list[Entry], seen: Vector, now: datetime) -> Iterator[Entry]:
        for entry in found:
            if entry.place is None:
                yield entry
            elif entry.offset > seen.get(entry.place, -1):
                seen[entry.place] = entry.offset
                mark = positions.encode(seen, now)
                message = Message("change", entry.message.text, mark)
                yield Entry(message, message.encode(), entry.place, entry.offset)

    def _leave_own(self) -> None:
        if self.next < self.channel.next or self.seen is None:
            return
        at = self.channel.at or {}
        if all(at.get(place, -1) >= last for place, last in self.seen.items()):
            self.seen = None
