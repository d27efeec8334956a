"""The live hub's messages on their way: server-sent events and WebSocket frames."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import structlog
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.callers import Principal
from api.channel import Follower
from api.live import Hub, Stream

# Browsers come back after a second, with the last id they were sent.
RETRY = b"retry: 1000\n\n"
CODES = {"end": 1012, "cut": 1013, "revoked": 1008}
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_log = structlog.get_logger("streams")


class EventStream(Response):
    """Server-sent events until the browser goes, reads nothing, or is told the end."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, who: Principal, last_id: str, stall_s: float) -> None:
        super().__init__()
        self._hub = hub
        self._who = who
        self._last_id = last_id
        self._stall_s = stall_s

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        async with self._hub.following(self._who) as stream:
            leaving = asyncio.create_task(_until_gone(receive, stream.follower))
            try:
                async with patient(self._stall_s) as patience:
                    await self._send(stream, send, patience)
            except TimeoutError:
                # Nothing more can be said to who does not read: the socket is closed.
                _log.warning("a stream was not read", action="cut")
            finally:
                leaving.cancel()

    async def _send(self, stream: Stream, send: Send, patience: "Patience") -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await patience.wait(send(_part(RETRY)))
        async for entries in self._hub.batches(stream, self._last_id):
            body = b"".join([each.sse for each in entries])
            await patience.wait(send(_part(body)))
        await patience.wait(send(_part(b"", more=False)))


def _part(body: bytes, *, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def tell(
    socket: WebSocket, hub: Hub, stream: Stream, last_id: str, stall_s: float
) -> None:
    """The same messages as frames; what the browser says is not listened to."""
    leaving = asyncio.create_task(_until_gone(socket.receive, stream.follower))
    try:
        async with patient(stall_s) as patience:
            async for entries in hub.batches(stream, last_id):
                for each in entries:
                    await patience.wait(socket.send_text(each.message.frame()))
        await socket.close(CODES.get(stream.follower.ended, 1000))
    except WebSocketDisconnect:
        return
    except TimeoutError:
        _log.warning("a stream was not read", action="cut")
    finally:
        leaving.cancel()


class Patience:
    """Ends `limit` when a browser takes nothing for `stall_s`, or a quarter more.

    Looked at now and then: a timer for each message costs more than the message.
    """

    def __init__(self, limit: asyncio.Timeout, stall_s: float) -> None:
        self._limit = limit
        self._stall_s = stall_s
        self._loop = asyncio.get_running_loop()
        self._since = math.inf
        self._look()

    async def wait(self, sending: Awaitable[None]) -> None:
        self._since = self._loop.time()
        await sending
        self._since = math.inf

    def close(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        if now - self._since > self._stall_s:
            self._limit.reschedule(now)
        else:
            self._timer = self._loop.call_later(self._stall_s / 4, self._look)


@asynccontextmanager
async def patient(stall_s: float) -> AsyncIterator[Patience]:
    """Raises TimeoutError where the browser reads nothing any more."""
    async with asyncio.timeout(None) as limit:
        patience = Patience(limit, stall_s)
        try:
            yield patience
        finally:
            patience.close()


async def _until_gone(receive: Receive, follower: Follower) -> None:
    while not (await receive())["type"].endswith("disconnect"):
        continue
    follower.end("gone")
