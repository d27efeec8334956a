"""Many browsers in one process: each reads its stream and tells when a change came.

Speaks HTTP by itself, because two thousand clients of a library would measure those.
Reads the moment a change was asked for from its own id: no clock is shared.
"""

import asyncio
import re
import sys
import time
from functools import partial
from typing import cast
from urllib.parse import urlsplit

import msgspec
import uvloop
from msgspec import Struct

ID = re.compile(rb'"id": "([^"]+)", "type": "io.contentops.project.created')


class Crowd(Struct, frozen=True):
    """`keys` are used in turn, so streams are spread over their tenants."""

    url: str
    keys: tuple[str, ...]
    streams: int


class Seen(asyncio.Protocol):
    """One stream; remembers when it was told of which project."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._rest = b""
        self.opened = asyncio.Event()
        self.came: dict[str, float] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if b"event: hello" in data:
            self.opened.set()
        data = self._rest + data
        for found in ID.finditer(data):
            self.came.setdefault(found[1].decode(), now)
        self._rest = data[-400:]


async def watch(crowd: Crowd) -> None:
    """Says `ready`, then for each line read from stdin what came since."""
    loop = asyncio.get_running_loop()
    parts = urlsplit(crowd.url)
    made = []
    for number in range(crowd.streams):
        request = _request(parts.netloc, crowd.keys[number % len(crowd.keys)])
        opening = partial(Seen, request)
        _, seen = await loop.create_connection(opening, parts.hostname, parts.port)
        made.append(seen)
    await asyncio.gather(*(each.opened.wait() for each in made))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.readline)
    came = [each.came for each in made]
    sys.stdout.buffer.write(msgspec.json.encode(came))
    sys.stdout.buffer.flush()


def _request(host: str, key: str) -> bytes:
    return (
        f"GET /api/v1/events/stream HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {key}\r\n\r\n"
    ).encode()


def main() -> None:
    crowd = msgspec.json.decode(sys.stdin.buffer.readline(), type=Crowd)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(watch(crowd))


if __name__ == "__main__":
    main()
