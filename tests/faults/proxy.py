"""A wire that can be cut: a TCP proxy between the roles and one server.

Kafka tells its clients its own address, so its answers are read frame by frame and
the proxy's port is put in the place of the broker's; both are four bytes long.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infra.settings import Settings

Mode = Literal["open", "cut", "silent", "slow"]

HOST = "127.0.0.1"
CHUNK = 65_536
DELAY_S = 0.15
LOOK_S = 0.02


class Wire:
    """`open`; `cut`: reset and refused; `silent`: nothing passes; `slow`: late."""

    def __init__(self, port: int, *, frames: bool = False) -> None:
        self._to = port
        self._frames = frames
        self.mode: Mode = "open"
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def set(self, mode: Mode) -> None:
        """From now on; connections that stand are cut or held, not forgotten."""
        self.mode = mode
        if mode == "cut":
            asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(10)

    def close(self) -> None:
        self.set("cut")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._take, HOST))
        self.port = int(server.sockets[0].getsockname()[1])
        self._ready.set()
        self._loop.run_forever()
        server.close()
        if left := asyncio.all_tasks(self._loop):
            self._loop.run_until_complete(asyncio.wait(left, timeout=5))
        self._loop.close()

    async def _take(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.mode == "cut":
            _reset(writer)
            return
        try:
            there, back = await asyncio.open_connection(HOST, self._to)
        except OSError:
            _reset(writer)
            return
        self._writers |= {writer, back}
        answers = self._in_frames if self._frames else self._as_it_comes
        try:
            await asyncio.gather(
                self._as_it_comes(reader, back), answers(there, writer)
            )
        except (OSError, EOFError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers -= {writer, back}
            for each in (writer, back):
                _reset(each)

    async def _as_it_comes(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while part := await reader.read(CHUNK):
            await self._pass(writer, part)
        raise EOFError

    async def _in_frames(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        its, ours = _address(self._to), _address(self.port)
        while True:
            head = await reader.readexactly(4)
            body = await reader.readexactly(struct.unpack(">i", head)[0])
            await self._pass(writer, head + body.replace(its, ours))

    async def _pass(self, writer: asyncio.StreamWriter, part: bytes) -> None:
        while self.mode == "silent":
            await _pause(LOOK_S)
        if self.mode == "slow":
            await _pause(DELAY_S)
        writer.write(part)
        await writer.drain()

    async def _cut(self) -> None:
        for writer in list(self._writers):
            _reset(writer)


def _address(port: int) -> bytes:
    return HOST.encode() + struct.pack(">i", port)


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN: the other side learns that nothing was finished."""
    with suppress(OSError, AttributeError):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with suppress(OSError, RuntimeError):
        writer.transport.abort()


class Wires:
    """One wire to each server, and the settings that lead through them."""

    def __init__(self, settings: Settings) -> None:
        admin = conninfo_to_dict(settings.need("postgres"))
        ports = {
            "kafka": int(settings.need("kafka").rpartition(":")[2]),
            "postgres": int(str(admin["port"])),
            "clickhouse": int(urlsplit(settings.need("clickhouse")).port or 0),
            "s3": int(urlsplit(settings.need("s3")).port or 0),
        }
        self.to = {
            name: Wire(port, frames=name == "kafka") for name, port in ports.items()
        }
        self.settings = settings.replace(
            {
                "kafka": f"{HOST}:{self.to['kafka'].port}",
                "postgres": make_conninfo(
                    settings.need("postgres"), port=self.to["postgres"].port
                ),
                "clickhouse": f"http://{HOST}:{self.to['clickhouse'].port}",
                "s3": f"http://{HOST}:{self.to['s3'].port}",
            }
        )

    def close(self) -> None:
        for wire in self.to.values():
            wire.close()


@contextmanager
def wires(settings: Settings) -> Iterator[Wires]:
    opened = Wires(settings)
    try:
        yield opened
    finally:
        opened.close()


async def _pause(seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), seconds)
