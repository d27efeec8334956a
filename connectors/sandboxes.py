"""What the scripted stand-ins share on the wire: ordered failures and serving.

A stand-in never runs in production. It counts what it accepted in a file that
survives a restart, so "at most once" can be read off after any crash of ours.
"""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeAlias, TypeVar

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.stage import Kept, NewAccount, Stage

START_SECONDS = 10.0

S = TypeVar("S", bound=Kept)
T = TypeVar("T")
Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


class No(Exception):
    """The stand-in refuses, with a code the platform documents."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(code, message)


class Dropped(Response):
    """An answer that breaks off: the caller cannot know what became of its request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        length = [(b"content-length", b"4096")]
        await send({"type": "http.response.start", "status": 200, "headers": length})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


def scripted(
    stage: Stage[S],
    name: str,
    endpoint: Endpoint,
    refuse: Callable[[int, str], Response],
) -> Endpoint:
    """Let the script have its say before and after the plain answer."""

    async def answer(request: Request) -> Response:
        step = stage.step(name)
        match step.do:
            case "drop_before":
                await request.body()
                return Dropped()
            case "error":
                return refuse(step.code, step.message)
            case "status":
                return Response(status_code=step.status)
            case "slow":
                await asyncio.sleep(step.seconds)
            case "pass" | "drop_answer_after_accepting":
                pass
        try:
            plain = await endpoint(request)
        except No as no:
            return refuse(no.code, no.message)
        return Dropped() if step.do == "drop_answer_after_accepting" else plain

    return answer


def application(
    stage: Stage[S], routes: list[Route], resume: Callable[[], None]
) -> ASGIApp:
    """`resume` starts again what a restart interrupted."""

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        resume()
        yield
        await stage.stop()

    return Starlette(routes=[*routes, *_own_routes(stage)], lifespan=life)


def as_json(value: object, status: int = 200) -> Response:
    body = msgspec.json.encode(value)
    return Response(body, status, media_type="application/json")


async def read_body(request: Request, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(await request.body(), type=shape)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Wrong(str(error)) from None


class Wrong(Exception):
    """A body for the stand-in's own routes that cannot be read: answer 422."""


def plainly(endpoint: Endpoint) -> Endpoint:
    """The stand-in's own routes speak plain HTTP statuses."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Wrong as error:
            return as_json({"detail": str(error)}, 422)
        except No as no:
            return as_json({"code": no.code, "detail": no.message}, 403)

    return answer


def _own_routes(stage: Stage[S]) -> list[Route]:
    async def accounts(request: Request) -> Response:
        wanted = await read_body(request, NewAccount)
        return as_json(stage.open_account(wanted), 201)

    async def webhooks(_: Request) -> Response:
        return as_json({"webhooks": stage.state.sent})

    async def health(_: Request) -> Response:
        return as_json({"status": "ok"})

    return [
        Route("/sandbox/accounts", plainly(accounts), methods=["POST"]),
        Route("/sandbox/webhooks", webhooks),
        Route("/healthz", health),
    ]


def serve(app: ASGIApp, port: int) -> None:
    """Run until a signal ends it, on the loopback address only."""
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical")


@contextmanager
def serving(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Run in a thread of this process; gives the base address, 0 takes a free port."""
    # asyncio turns Nagle's delay off only where the protocol number is spelt out;
    # without it every answer waits 40 ms for an acknowledgement
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        # Every test ends its server: connections still open must not hold it back.
        config = uvicorn.Config(
            app, log_level="critical", timeout_graceful_shutdown=1, lifespan="on"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        _await_start(server, thread)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(START_SECONDS)


def _await_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    tick = threading.Event()
    for _ in range(int(START_SECONDS / 0.02)):
        if server.started:
            return
        if not thread.is_alive():
            break
        tick.wait(0.02)
    raise RuntimeError("the stand-in did not start")
