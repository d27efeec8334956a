"""A model server on raw asyncio that answers in fixed time and counts what it said.

`python -m tests.bench.ai_provider [--delay MS] [--chunks N] [--gap MS] [--status N]`
prints its port. Standard library only, so that it costs the machine little.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from typing import cast

PROMPT_TOKENS = 20
_HEAD = (
    "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nX-Request-Id: r1\r\n{length}\r\n"
)


class Wishes:
    """What the server was told to do; times in seconds."""

    def __init__(self, line: Sequence[str] | None = None) -> None:
        given = argparse.ArgumentParser(description=__doc__)
        given.add_argument("--delay", type=float, default=2.0)
        given.add_argument("--chunks", type=int, default=50)
        given.add_argument("--gap", type=float, default=0.0)
        given.add_argument("--status", type=int, default=200)
        asked = given.parse_args(line)
        self.delay_s = asked.delay / 1000
        self.gap_s = asked.gap / 1000
        self.chunks: int = asked.chunks
        self.status: int = asked.status


class Conversation(asyncio.Protocol):
    """One connection, one question at a time."""

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        self._seen = b""
        self._pipe: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._pipe = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._pipe = None

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, gap, body = self._seen.partition(b"\r\n\r\n")
        if not gap:
            return
        line, _, fields = head.lower().partition(b"\r\n")
        said = fields.partition(b"content-length: ")[2].split(b"\r\n")[0]
        if len(body) >= int(said or b"0"):
            self._seen = b""
            asked = json.loads(body) if body else {}
            loop = asyncio.get_running_loop()
            loop.call_later(self._wishes.delay_s, self._answer, line, asked)

    def _answer(self, line: bytes, asked: dict[str, object]) -> None:
        if self._wishes.status != 200:
            error = {"error": {"message": "no", "type": "x", "code": None}}
            self._whole(error, self._wishes.status)
        elif b"/models" in line:
            self._whole({"object": "list", "data": []})
        elif b"/embeddings" in line:
            self._whole(_vectors(asked))
        elif asked.get("stream"):
            self._begin("text/event-stream", "Transfer-Encoding: chunked\r\n")
            self._next(asked, 0)
        else:
            self._whole(_answer(asked, self._wishes.chunks))

    def _begin(self, kind: str, length: str, status: int = 200) -> None:
        self._write(_HEAD.format(status=status, kind=kind, length=length).encode())

    def _whole(self, body: object, status: int = 200) -> None:
        raw = json.dumps(body).encode()
        self._begin("application/json", f"Content-Length: {len(raw)}\r\n", status)
        self._write(raw)

    def _next(self, asked: dict[str, object], number: int) -> None:
        if number >= self._wishes.chunks:
            self._write(_framed(_usage(asked, number)) + _framed("[DONE]"))
            self._write(b"0\r\n\r\n")
            return
        self._write(_framed(_chunk(asked, number, self._wishes.chunks)))
        loop = asyncio.get_running_loop()
        loop.call_later(self._wishes.gap_s, self._next, asked, number + 1)

    def _write(self, data: bytes) -> None:
        if self._pipe is not None:
            self._pipe.write(data)


def _words(number: int) -> str:
    # Not one word over and over: some clients take that for a model gone mad.
    return " ".join(f"word{n}" for n in range(number))


def _answer(asked: dict[str, object], words: int) -> dict[str, object]:
    message = {"role": "assistant", "content": _words(words)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {**_about(asked, "chat.completion"), "choices": [choice], **_cost(words)}


def _chunk(asked: dict[str, object], number: int, last: int) -> str:
    finish = "stop" if number == last - 1 else None
    delta = {"role": "assistant", "content": f"word{number} "}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    about = _about(asked, "chat.completion.chunk")
    return json.dumps({**about, "choices": [choice], "usage": None})


def _usage(asked: dict[str, object], words: int) -> str:
    about = _about(asked, "chat.completion.chunk")
    return json.dumps({**about, "choices": [], **_cost(words)})


def _about(asked: dict[str, object], kind: str) -> dict[str, object]:
    return {"id": "c1", "object": kind, "created": 1, "model": asked.get("model")}


def _cost(words: int) -> dict[str, object]:
    total = PROMPT_TOKENS + words
    said = {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": words}
    return {"usage": {**said, "total_tokens": total}}


def _vectors(asked: dict[str, object]) -> dict[str, object]:
    texts = cast("list[str]", asked["input"])
    data = [
        {"object": "embedding", "index": n, "embedding": [0.6, 0.8]}
        for n, _ in enumerate(texts)
    ]
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return {"object": "list", "data": data, "model": asked["model"], "usage": usage}


def _framed(data: str) -> bytes:
    raw = f"data: {data}\n\n".encode()
    return f"{len(raw):x}\r\n".encode() + raw + b"\r\n"


async def serve(wishes: Wishes) -> None:
    loop = asyncio.get_running_loop()
    made = await loop.create_server(
        lambda: Conversation(wishes), "127.0.0.1", 0, backlog=4096
    )
    sys.stdout.write(f"{made.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await made.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Wishes()))
