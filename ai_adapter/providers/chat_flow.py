"""One streamed chat over HTTP: bytes in, texts out, usage wherever it comes.

Chunks are decoded from the bytes; the SDK's own objects would cost more than the rest.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import httpx2
import msgspec
import openai

from ai_adapter import estimates
from ai_adapter.base import Call, Called, Reply, Spent
from ai_adapter.errors import FAILURES, AskAgain, Failure, OutcomeUnknown
from ai_adapter.providers import wire
from ai_adapter.providers.chat import ended
from ai_adapter.providers.reasons import reaction
from ai_adapter.providers.sse import Events, TooLong
from schemas.clock import Clock

_DONE = b"[DONE]"
_MOST_BODY = 1 << 20
_LAST_S = 0.1
"""A server that has said all and does not end has to be left."""

Opening = Callable[[], Awaitable[httpx2.Response]]


class ChatFlow:
    """Texts as they come: all of one block of bytes at once.

    A silence of `idle_s` after the first text, or the deadline, is a lost answer.
    Keep-alive lines are no sign of life then: only data is.
    """

    def __init__(self, opening: Opening, call: Call, now: Clock) -> None:
        self.spent: Spent | None = None
        self._opening = opening
        self._call = call
        self._now = now
        self._events = Events()
        self._response: httpx2.Response | None = None
        self._blocks: AsyncIterator[bytes] | None = None
        self._clock = asyncio.get_running_loop().time
        self._until = self._clock() + call.timeout_s
        self._heard: float | None = None
        self._texts: list[str] = []
        self._trouble: Failure | None = None
        self._ended = False
        self._finish = ""
        self._model = call.model
        self._tier = ""
        self._id = ""
        self._calls: dict[int, Called] = {}

    async def __anext__(self) -> str:
        while not self._texts:
            if self._trouble:
                raise self._trouble
            if self._ended:
                await self._drain()
                raise StopAsyncIteration
            await self._more()
        text = "".join(self._texts)
        self._texts.clear()
        return text

    def reply(self, text: str) -> Reply:
        """What was told of its cost, else an estimate that says it is one."""
        return Reply(
            output=text,
            spent=self.spent or estimates.spent(self._call, text),
            request_id=self._id,
            finish_reason=self._finish,
            functions=tuple(self._calls.values()),
        )

    async def aclose(self) -> None:
        """Idempotent; the connection is not used again."""
        response, self._response, self._ended = self._response, None, True
        if response is not None:
            await response.aclose()

    async def _drain(self) -> None:
        """To the end of the body, or the connection could not be used again."""
        blocks, self._blocks = self._blocks, None
        if blocks is None:
            return
        with suppress(TimeoutError, httpx2.HTTPError):
            async with asyncio.timeout(_LAST_S):
                while await anext(blocks, None) is not None:
                    pass

    async def _more(self) -> None:
        """One block from the network; what goes wrong comes after its texts."""
        try:
            async with asyncio.timeout_at(self._limit()):
                block = await self._block()
            self._read(block)
        except FAILURES as failure:
            self._trouble = failure
        except TimeoutError:
            self._trouble = OutcomeUnknown(
                "the stream fell silent", self.spent, late=self._heard is None
            )
        except openai.OpenAIError as error:
            self._trouble = reaction(error, self._now)
        except httpx2.HTTPError:
            self._trouble = OutcomeUnknown("the stream broke off", self.spent)

    def _limit(self) -> float:
        if self._heard is None:
            return self._until
        return min(self._until, self._heard + self._call.idle_s)

    async def _block(self) -> bytes | None:
        if self._blocks is None:
            self._response = await self._opening()
            self._id = self._response.headers.get("x-request-id", "")
            await _check_kind(self._response)
            self._blocks = self._response.aiter_bytes()
        return await anext(self._blocks, None)

    def _read(self, block: bytes | None) -> None:
        try:
            found = self._events.rest() if block is None else self._events.feed(block)
            for data in found:
                self._take(data)
        except TooLong as error:
            self._trouble = AskAgain(str(error), self.spent)
        if block is None and not self._ended and not self._trouble:
            self._at_end()

    def _at_end(self) -> None:
        """Without a reason and without `[DONE]` it was cut off, however politely."""
        if not self._finish:
            self._trouble = OutcomeUnknown("the stream ended too early", self.spent)
        self._ended = True

    def _take(self, data: bytes) -> None:
        if self._ended or self._trouble:
            return
        if data.strip() == _DONE:
            self._ended = True
            self._finish = self._finish or "stop"
            return
        try:
            chunk = wire.CHUNK.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._trouble = AskAgain(f"a chunk cannot be read: {error}", self.spent)
            return
        self._learn(chunk, data)

    def _learn(self, chunk: wire.Chunk, data: bytes) -> None:
        if bytes(chunk.error) != b"null":
            self._trouble = wire.trouble(data) or AskAgain("a chunk is an error")
            return
        if self._heard is not None:
            self._heard = self._clock()
        self._model = chunk.model or self._model
        self._tier = chunk.service_tier or self._tier
        self._id = self._id or chunk.id or ""
        self._count(chunk.usage)
        for choice in chunk.choices[:1]:
            self._choose(choice)

    def _count(self, told: msgspec.Raw) -> None:
        if bytes(told) != b"null":
            self.spent = wire.spent_by(told, self._model, self._tier)

    def _choose(self, choice: wire.Piece) -> None:
        self._count(choice.usage)
        if choice.delta.content:
            self._heard = self._clock()
            self._texts.append(choice.delta.content)
        for piece in choice.delta.tool_calls or ():
            self._heard = self._clock()
            self._calls[piece.index] = _joined(self._calls.get(piece.index), piece)
        self._finish = choice.finish_reason or self._finish
        try:
            ended(choice.finish_reason, choice.delta.refusal, self.spent)
        except FAILURES as failure:
            self._trouble = failure  # raised after the texts that came before it


def _joined(before: Called | None, piece: wire.ToolCall) -> Called:
    known = before or Called("", "", "")
    return Called(
        known.id or piece.id or "",
        known.name or piece.function.name or "",
        known.arguments + (piece.function.arguments or ""),
    )


async def _check_kind(response: httpx2.Response) -> None:
    """A server that answers with a body instead of a stream has something to say."""
    if "json" not in response.headers.get("content-type", ""):
        return
    body = b""
    async for block in response.aiter_bytes():
        body += block
        if len(body) > _MOST_BODY:
            break
    raise wire.trouble(body) or AskAgain("the answer is no stream")
