"""Serving the application on one socket in one process, until told to stop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

GRACE_S = 3
BACKLOG = 2048
# A browser that reads nothing is cut off; its last bytes are not kept for ever.
UNREAD_MS = 60_000


class _Server(uvicorn.Server):
    """The role owns the signals; uvicorn would take SIGTERM from it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run(app: FastAPI, host: str, port: int, stop: asyncio.Event) -> None:
    """Returns after `stop`; open streams are told to come back, within a second."""
    server = _Server(config(app, host, port))
    watcher = asyncio.create_task(_end(server, app, stop), name="stop")
    try:
        with _listening(host, port) as listener:
            await server.serve([listener])
    finally:
        watcher.cancel()


def config(app: FastAPI, host: str, port: int) -> uvicorn.Config:
    """Its loggers have no handlers of their own: their lines are masked like ours."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        ws_max_size=64 * 1024,
    )


def _listening(host: str, port: int) -> socket.socket:
    listener = socket.create_server((host, port), backlog=BACKLOG)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
    return listener


async def _end(server: uvicorn.Server, app: FastAPI, stop: asyncio.Event) -> None:
    await stop.wait()
    app.state.hub.end_all()
    server.should_exit = True
