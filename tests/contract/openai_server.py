"""A real HTTP server that speaks OpenAI's doors, well or badly, by a script."""

import asyncio
import contextlib
import hashlib
import io
import json
import math
import re
import socket
import threading
import time
import wave
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Json = dict[str, object]
Step = Callable[[Json], Response]
USAGE = {
    "prompt_tokens": 512,
    "completion_tokens": 96,
    "total_tokens": 608,
    "prompt_cache_hit_tokens": 100,
}


@dataclass
class OpenAIServer:
    """Answers well unless `script` holds a step for the next call."""

    url: str
    script: deque[Step] = field(default_factory=deque)
    bodies: list[Json] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    """Of the client's side: as many different ones as there were connections."""
    models: bytes = b'{"object": "list", "data": []}'
    looked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released for each look at the list of models."""
    closed: threading.Event = field(default_factory=threading.Event)
    """The reader of a stream went away before its end."""

    def clear(self) -> None:
        self.script.clear()
        self.bodies.clear()
        self.headers.clear()
        self.ports.clear()
        self.models = b'{"data": []}'
        self.closed.clear()

    async def answer(self, request: Request) -> Response:
        form = request.headers.get("content-type", "").startswith("multipart/")
        body = {"model": "form"} if form else await request.json()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self.ports.append(request.client.port if request.client else 0)
        if self.script:
            return self.script.popleft()(body)
        return _DOORS[request.url.path.removeprefix("/v1")](body)

    async def list_models(self, _: Request) -> Response:
        self.looked.release()
        return Response(self.models, media_type="application/json")


def text_for(body: Json) -> str:
    messages = body["messages"]
    assert isinstance(messages, list)
    said = "\n".join(str(each["content"]) for each in messages)
    asked = re.search(r"^variants: (\d+)$", said, re.MULTILINE)
    count = int(asked[1]) if asked else 1
    if count == 1:
        return "番茄炒蛋\n\n五分钟上桌。\n\n#家常菜 #番茄"
    return json.dumps({"variants": [f"标题{n + 1}" for n in range(count)]})


def chat(body: Json, text: str | None, finish: str = "stop") -> Response:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [choice],
        "usage": USAGE,
    }
    return JSONResponse(answer, headers={"x-request-id": "req-1"})


def embeddings(body: Json, size: int = 8) -> Response:
    texts = body["input"]
    assert isinstance(texts, list)
    rows = [
        {
            "object": "embedding",
            "index": index,
            "embedding": [byte / 255 for byte in hashlib.sha256(t.encode()).digest()][
                :size
            ],
        }
        for index, t in enumerate(texts)
    ]
    usage = {"prompt_tokens": 12, "total_tokens": 12}
    # Out of order on purpose: only `index` says which text a vector belongs to.
    answer = {"data": rows[::-1], "model": body["model"], "usage": usage}
    return JSONResponse({"object": "list", **answer})


def pictures(body: Json) -> Response:
    data = [{"b64_json": PIXEL, "revised_prompt": f"seen: {body['prompt']}"}]
    usage = {"input_tokens": 20, "output_tokens": 1056, "total_tokens": 1076}
    return JSONResponse({"created": 1, "data": data, "usage": usage})


def opinions(body: Json) -> Response:
    texts = body["input"]
    assert isinstance(texts, list)
    found = [
        {"flagged": "kill" in t, "category_scores": {"violence": 0.9 * ("kill" in t)}}
        for t in texts
    ]
    return JSONResponse({"id": "modr-1", "model": body["model"], "results": found})


def transcript(_: Json) -> Response:
    return JSONResponse({"text": "hello there", "usage": {"seconds": 2.0}})


def answered(body: Json) -> Response:
    text = text_for(body)
    return streamed(body, text) if body.get("stream") else chat(body, text)


def streamed(body: Json, text: str) -> Response:
    """Three pieces, a reason, usage without a choice, `[DONE]`."""
    third = max(1, len(text) // 3)
    pieces = (text[:third], text[third : 2 * third], text[2 * third :])
    events = [delta(piece, model=body["model"]) for piece in pieces]
    counted = event({"id": "c", "model": body["model"], "choices": [], "usage": USAGE})
    whole = b"".join((*events, ending(), counted, b"data: [DONE]\n\n"))
    return Response(whole, media_type="text/event-stream")


def event(data: object) -> bytes:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def delta(text: str, **more: object) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return event({"id": "chatcmpl-1", "choices": [choice], **more})


def ending(reason: str = "stop", **more: object) -> bytes:
    choice = {"index": 0, "delta": {}, "finish_reason": reason}
    return event({"id": "chatcmpl-1", "choices": [choice], **more})


def spoken(body: Json) -> bytes:
    """A tone that lasts a tenth of a second for each letter."""
    text = body["input"]
    assert isinstance(text, str)
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, 24_000, 0, "NONE", ""))
        for n in range(2400 * len(text)):
            value = int(8000 * math.sin(n / 24_000 * 440 * 2 * math.pi))
            sound.writeframesraw(value.to_bytes(2, "little", signed=True))
    return file.getvalue()


def _sound(body: Json) -> Response:
    return Response(spoken(body), media_type="audio/wav")


PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)
_DOORS: dict[str, Step] = {
    "/chat/completions": answered,
    "/embeddings": embeddings,
    "/audio/speech": _sound,
    "/audio/transcriptions": transcript,
    "/images/generations": pictures,
    "/moderations": opinions,
}


def status(code: int, vendor: str = "", **headers: str) -> Step:
    error = {"message": "no", "type": "x", "code": vendor or None}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: JSONResponse({"error": error}, code, headers=named)


def says(text: str | None, finish: str = "stop") -> Step:
    return lambda body: chat(body, text, finish)


def raw(content: bytes, media_type: str = "application/json") -> Step:
    return lambda _: Response(content, media_type=media_type)


def broken_off() -> Step:
    async def half() -> AsyncIterator[bytes]:
        yield b'{"id": "chatcmpl-1", "choi'
        raise ConnectionResetError

    return lambda _: StreamingResponse(half(), media_type="application/json")


def dripping() -> Step:
    """Blank lines for ever: each read succeeds, the answer never comes."""

    async def drops() -> AsyncIterator[bytes]:
        while True:
            yield b"\n"
            await asyncio.sleep(0.05)

    return lambda _: StreamingResponse(drops(), media_type="application/json")


def blank_lines_first() -> Step:
    def step(body: Json) -> Response:
        whole = bytes(chat(body, text_for(body)).body)
        return Response(b"\n\n\n" + whole, media_type="application/json")

    return step


@contextlib.contextmanager
def serving() -> Iterator[OpenAIServer]:
    """The server on a free port, gone at the end of the block."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    fake = OpenAIServer(f"http://127.0.0.1:{sock.getsockname()[1]}/v1")
    routes = [Route(f"/v1{p}", fake.answer, methods=["POST"]) for p in _DOORS]
    routes.append(Route("/v1/models", fake.list_models, methods=["GET"]))
    app = Starlette(routes=routes)
    config = uvicorn.Config(
        app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
    thread.start()
    _until(lambda: server.started)
    try:
        yield fake
    finally:
        server.should_exit = True
        thread.join(10)
        sock.close()


def _until(done: Callable[[], bool]) -> None:
    limit = time.monotonic() + 10
    while not done():
        assert time.monotonic() < limit, "the server did not start"
        time.sleep(0.01)
