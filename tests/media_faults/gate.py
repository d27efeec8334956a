"""A gate before the object store: each request passes, waits, fails or gets stuck.

It reads the head of a request and passes its bytes on untouched, so signatures hold;
every request has a connection of its own, so an answer ends where the store ends it.
"""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

# `hold`: no answer yet; `fail`: 500; `stall`: an answer that stops in its middle;
# `lose`: it is done, and nobody is told.
Mode = Literal["open", "hold", "fail", "stall", "lose"]

HOST = "127.0.0.1"
BLOCK = 65_536
LOOK_S = 0.01
STALLED_AFTER = 2_000
LENGTH = re.compile(rb"(?im)^content-length:\s*(\d+)")
ERROR = b"<?xml version='1.0'?><Error><Code>InternalError</Code></Error>"
REFUSAL = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/xml\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(ERROR), ERROR)
)


@dataclass
class Rule:
    """What happens to requests of this verb whose path holds `part` and not `but`.

    `met` counts those it was applied to, `most` of them; the first rule that fits
    counts alone.
    """

    verb: str
    part: str
    but: str = "\0"
    mode: Mode = "hold"
    met: int = 0
    most: int = 1_000_000

    def fits(self, verb: str, path: str) -> bool:
        mine = self.part in path and self.but not in path
        going = self.mode != "open" and self.met < self.most
        return going and mine and self.verb == verb


@dataclass
class Request:
    """`mode` is how it was treated in the end, `answer` the status the store gave."""

    verb: str
    path: str
    mode: Mode = "open"
    answer: int = 0


@dataclass
class Gate:
    """Runs in a thread of its own; rules may be added and changed from any other."""

    to: int
    rules: list[Rule] = field(default_factory=list)
    seen: list[Request] = field(default_factory=list)
    going: set[asyncio.Task[None] | None] = field(default_factory=set)
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def rule(self, verb: str, part: str, *, but: str = "\0") -> Rule:
        made = Rule(verb, part, but)
        self.rules.append(made)
        return made

    async def take(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        self.going.add(task)
        try:
            with suppress(OSError, EOFError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            self.going.discard(task)
            writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        verb, path = head.split(b" ", 2)[:2]
        request = Request(verb.decode(), path.decode())
        self.seen.append(request)
        rule = self._ruled(request)
        if rule is not None:
            rule.met += 1
            while rule.mode == "hold":
                await _pause()
        request.mode = rule.mode if rule else "open"
        if request.mode == "fail":
            await _refuse(head, reader, writer)
        else:
            await self._pass_on(request, rule, (head, reader, writer))

    def _ruled(self, request: Request) -> Rule | None:
        found = (r for r in list(self.rules) if r.fits(request.verb, request.path))
        return next(found, None)

    async def _pass_on(
        self,
        request: Request,
        rule: Rule | None,
        asked: tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        head, reader, writer = asked
        there, back = await asyncio.open_connection(HOST, self.to)
        try:
            back.write(_alone(head))
            sending = asyncio.ensure_future(_pump(reader, back))
            try:
                await self._relay(request, rule, there, writer)
            finally:
                sending.cancel()
        finally:
            back.close()

    async def _relay(
        self,
        request: Request,
        rule: Rule | None,
        there: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        passed = 0
        while block := await there.read(BLOCK):
            request.answer = request.answer or _status(block)
            going_on = request.answer == 100 or request.mode == "open"
            request.answer = 0 if request.answer == 100 else request.answer
            if request.mode == "stall":
                block = block[: max(0, STALLED_AFTER - passed)]
                going_on = bool(block)
            if going_on:
                passed += len(block)
                writer.write(block)
                await writer.drain()
        while rule is not None and request.mode != "open" and rule.mode == request.mode:
            await _pause()


async def _pause() -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), LOOK_S)


def _status(block: bytes) -> int:
    return int(block.split(b" ", 2)[1]) if block.startswith(b"HTTP/") else 0


def _alone(head: bytes) -> bytes:
    """With an end of the connection after the answer; that header is never signed."""
    first, *lines = head.split(b"\r\n")
    kept = [each for each in lines if not each.lower().startswith(b"connection:")]
    return b"\r\n".join([first, b"Connection: close", *kept])


async def _refuse(
    head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """What was sent along is read first, or the sender would see a broken pipe."""
    length = LENGTH.search(head)
    if length and b"100-continue" not in head.lower():
        await reader.readexactly(int(length[1]))
    writer.write(REFUSAL)
    await writer.drain()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while block := await reader.read(BLOCK):
            writer.write(block)
            await writer.drain()


@contextmanager
def gate(to: int) -> Iterator[Gate]:
    made, loop, ready = Gate(to), asyncio.new_event_loop(), threading.Event()

    def run() -> None:
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(asyncio.start_server(made.take, HOST))
        made.port = int(server.sockets[0].getsockname()[1])
        ready.set()
        loop.run_forever()
        server.close()
        left = asyncio.all_tasks(loop)
        for each in left:
            each.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
