"""A client in a process of its own: requests at a fixed rate, or as fast as answered.

At a fixed rate each request has the moment it was due; its time is counted from there,
so a slow answer makes the following ones late instead of making them disappear.
"""

import asyncio
import json
import sys
import time
from typing import cast
from urllib.parse import urlsplit

import uvloop
from msgspec import Struct

QUANTILES = (0.5, 0.9, 0.95, 0.99)


class Plan(Struct, frozen=True):
    """`rate` 0: every connection asks again as soon as it was answered.

    `greet`: each connection was answered once before the clock begins.
    """

    url: str
    bodies: tuple[str, ...]
    headers: dict[str, str]
    rate: int = 0
    seconds: float = 5.0
    connections: int = 32
    greet: bool = False


class Connection(asyncio.Protocol):
    """One request at a time over a kept connection."""

    def __init__(self) -> None:
        self._seen = b""
        self._answer: asyncio.Future[int] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(0)

    async def ask(self, request: bytes) -> int:
        """The status; 0 when the connection went away."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport.is_closing():
            return 0
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, gap, body = self._seen.partition(b"\r\n\r\n")
        if not gap:
            return
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        if len(body) >= length and self._answer is not None:
            self._seen = b""
            self._answer.set_result(int(head[9:12]))


class Load:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._requests = [_request(plan, body) for body in plan.bodies]
        self._sent = 0
        self.times: list[float] = []
        self.statuses: dict[int, int] = {}

    async def run(self) -> None:
        parts = urlsplit(self._plan.url)
        loop = asyncio.get_running_loop()
        made = [
            await loop.create_connection(Connection, parts.hostname, parts.port)
            for _ in range(self._plan.connections)
        ]
        if self._plan.greet:
            for _, each in made:
                await each.ask(self._requests[0])
        began = time.perf_counter()
        ask = self._at_rate if self._plan.rate else self._closed
        await asyncio.gather(*(ask(each, began) for _, each in made))

    async def _at_rate(self, connection: Connection, began: float) -> None:
        last = int(self._plan.rate * self._plan.seconds)
        while self._sent < last:
            due = began + self._sent / self._plan.rate
            request = self._next()
            await asyncio.sleep(due - time.perf_counter())
            await self._one(connection, request, due)

    async def _closed(self, connection: Connection, began: float) -> None:
        while time.perf_counter() < began + self._plan.seconds:
            await self._one(connection, self._next(), time.perf_counter())

    async def _one(self, connection: Connection, request: bytes, due: float) -> None:
        status = await connection.ask(request)
        self.times.append(1000 * (time.perf_counter() - due))
        self.statuses[status] = self.statuses.get(status, 0) + 1

    def _next(self) -> bytes:
        self._sent += 1
        return self._requests[self._sent % len(self._requests)]


def _request(plan: Plan, body: str) -> bytes:
    parts = urlsplit(plan.url)
    raw = body.encode()
    fields = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "Content-Length": str(len(raw)),
        **plan.headers,
    }
    lines = [f"POST {parts.path} HTTP/1.1"] + [f"{k}: {v}" for k, v in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode() + raw


def spread(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    last = len(ordered) - 1
    return {f"p{int(q * 100)}": round(ordered[int(q * last)], 2) for q in QUANTILES}


def main() -> None:
    import msgspec

    load = Load(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan))
    began = time.perf_counter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(load.run())
    took = time.perf_counter() - began
    report = {
        **spread(load.times),
        "per_s": round(len(load.times) / took, 1),
        "statuses": {str(key): value for key, value in load.statuses.items()},
    }
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main()
