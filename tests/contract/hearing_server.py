"""A real HTTP server that speaks OpenAI's transcriptions and follows a script."""

import contextlib
import io
import socket
import threading
import wave
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.contract.openai_server import Json, Step, _until


@dataclass
class HearingServer:
    """Says `sentences` of whatever it is sent, one for each second of sound.

    `script` holds a step for the next calls; `asked` what came.
    """

    url: str
    sentences: list[str] = field(default_factory=lambda: ["Hello there.", "Good bye."])
    script: deque[Step] = field(default_factory=deque)
    asked: list[Json] = field(default_factory=list)
    knows_words: bool = True

    def clear(self) -> None:
        self.script.clear()
        self.asked.clear()
        self.knows_words = True
        self.sentences = ["Hello there.", "Good bye."]

    async def answer(self, request: Request) -> Response:
        wanted, body = form(request.headers["content-type"], await request.body())
        wanted["key"] = request.headers["authorization"]
        self.asked.append(wanted)
        if self.script:
            return self.script.popleft()(wanted)
        return self._heard(wanted, seconds_of(body))

    def _heard(self, wanted: Json, seconds: float) -> Response:
        text = " ".join(self.sentences)
        if wanted["response_format"] == "json":
            return JSONResponse({"text": text, "usage": tokens()})
        granted = wanted["timestamp_granularities[]"]
        assert isinstance(granted, list)
        each = seconds / len(self.sentences)
        parts = [
            {"id": n, "text": f" {said}", "start": n * each, "end": (n + 1) * each}
            for n, said in enumerate(self.sentences)
        ]  # fmt: skip
        answer: Json = {"task": "transcribe", "language": "english", "text": text}
        answer |= {"duration": seconds, "segments": parts}
        if "word" in granted and self.knows_words:
            answer["words"] = self._words(each)
        return JSONResponse(
            answer | {"usage": {"type": "duration", "seconds": seconds}}
        )

    def _words(self, each: float) -> list[Json]:
        """Without marks, as the real one tells them."""
        found: list[Json] = []
        for number, said in enumerate(self.sentences):
            names = said.rstrip(".").split()
            step = each / len(names)
            for place, name in enumerate(names):
                at = number * each + place * step
                found.append({"word": name, "start": at, "end": at + step})
        return found


def form(content_type: str, body: bytes) -> tuple[Json, bytes]:
    """The fields of a multipart form, and the bytes of its one file."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    wanted: Json = {}
    sound = b""
    for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        assert isinstance(value, bytes)
        if name == "file":
            sound = value
            wanted |= {"filename": part.get_filename(), "bytes": len(value)}
            wanted["type"] = part.get_content_type()
        elif str(name).endswith("[]"):
            wanted[str(name)] = [*wanted.get(str(name), ()), value.decode()]  # type: ignore[misc]
        else:
            wanted[str(name)] = value.decode()
    return wanted, sound


def tokens() -> Json:
    return {
        "type": "tokens",
        "input_tokens": 14,
        "output_tokens": 6,
        "total_tokens": 20,
    }


def seconds_of(body: bytes) -> float:
    with wave.open(io.BytesIO(body)) as file:
        return file.getnframes() / file.getframerate()


@contextlib.contextmanager
def hearing() -> Iterator[HearingServer]:
    """The server on a free port, gone at the end of the block."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    fake = HearingServer(f"http://127.0.0.1:{sock.getsockname()[1]}/v1")
    route = Route("/v1/audio/transcriptions", fake.answer, methods=["POST"])
    config = uvicorn.Config(
        Starlette(routes=[route]),
        log_level="critical",
        lifespan="off",
        timeout_graceful_shutdown=1,
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
