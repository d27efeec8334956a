"""Streams as providers really send them: each step is one way to do it badly."""

import asyncio
from collections.abc import AsyncIterator, Iterable

from starlette.responses import Response, StreamingResponse

from tests.contract.openai_server import (
    USAGE,
    Json,
    OpenAIServer,
    Step,
    delta,
    ending,
    event,
)

DONE = b"data: [DONE]\n\n"
COUNTED = event({"id": "c", "model": "deepseek-flash", "choices": [], "usage": USAGE})
HELLO = (delta("你好"), delta("，世界"))


def sends(*blocks: bytes) -> Step:
    """The blocks one after another, each in a packet of its own."""

    async def body() -> AsyncIterator[bytes]:
        for block in blocks:
            yield block
            await asyncio.sleep(0.002)

    return lambda _: _stream(body())


def cut_after(*blocks: bytes) -> Step:
    """The connection is reset where more was promised."""

    async def body() -> AsyncIterator[bytes]:
        for block in blocks:
            yield block
            await asyncio.sleep(0.002)
        raise ConnectionResetError

    return lambda _: _stream(body())


def in_halves(*blocks: bytes) -> Step:
    """Cut anywhere, within a character too."""
    whole = b"".join(blocks)
    return sends(*(whole[at : at + 31] for at in range(0, len(whole), 31)))


def silent_after(*blocks: bytes, beat: bytes = b"") -> Step:
    """Never ends; `beat` is sent again and again, nothing when empty."""

    async def body() -> AsyncIterator[bytes]:
        for block in blocks:
            yield block
        while True:
            await asyncio.sleep(0.02)
            if beat:
                yield beat

    return lambda _: _stream(body())


def watched(server: OpenAIServer) -> Step:
    """An endless text that notices when nobody reads any more."""

    async def body() -> AsyncIterator[bytes]:
        try:
            while True:
                yield delta("再来一句。")
                await asyncio.sleep(0.01)
        finally:
            server.closed.set()

    return lambda _: _stream(body())


def functions(body: Json) -> Response:
    """One call, its arguments in two pieces, and no text at all."""
    head = {"index": 0, "id": "call_1", "function": {"name": "look", "arguments": ""}}
    rest = ({"index": 0, "function": {"arguments": each}} for each in ('{"q":', "1}"))
    calls = [_calling(each) for each in (head, *rest)]
    whole = (*calls, ending("tool_calls"), COUNTED, DONE)
    return sends(*whole)(body)


def _calling(call: object) -> bytes:
    choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}
    return event({"id": "chatcmpl-1", "choices": [choice]})


def _stream(blocks: AsyncIterator[bytes] | Iterable[bytes]) -> Response:
    return StreamingResponse(blocks, media_type="text/event-stream")
