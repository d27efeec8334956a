"""Serving the application on one socket in one process, until told to stop."""

import asyncio
import contextlib
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

GRACE_S = 3


class _Server(uvicorn.Server):
    """The role owns the signals; uvicorn would take SIGTERM from it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run(app: FastAPI, host: str, port: int, stop: asyncio.Event) -> None:
    """Returns after `stop`; open streams are cut after three seconds."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        h11_max_incomplete_event_size=64 * 1024,
    )
    server = _Server(config)
    watcher = asyncio.create_task(_end(server, stop), name="stop")
    try:
        await server.serve()
    finally:
        watcher.cancel()


async def _end(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True
