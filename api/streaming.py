"""An answer that comes in pieces: read to its end for one client, and settled anyhow.

begin ─► gateway ─► pump ─► queue ─► client
                      └─► settle

The pump belongs to nobody's request: a client that goes away does not take the account
of what was delivered along.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import structlog

from ai_adapter.answers import text_of
from ai_adapter.base import Answer, Ask, Delta, Done, Piece
from ai_adapter.errors import Refused
from api.asking import Asking, begin, settle, unanswered
from api.writes import Write

Ended: TypeAlias = Callable[[Answer], Awaitable[object]]
Failed: TypeAlias = Callable[[Exception], Awaitable[object]]

AHEAD = 64
"""Pieces the provider may be ahead of its reader."""
STALL_S = 60.0
"""Who reads nothing for so long is taken for gone."""
GONE = Refused("client_gone", "the client went away")
_PUMPS: set[asyncio.Task[None]] = set()
_log = structlog.get_logger("streaming")


class Telling:
    """The pieces of one stream, each once."""

    def __init__(
        self, pieces: AsyncGenerator[Piece, None], ended: Ended, failed: Failed
    ) -> None:
        """`ended` hears of the answer as far as it came, `failed` of none at all."""
        self._pieces = pieces
        self._ended = ended
        self._failed = failed
        self._queue: asyncio.Queue[Piece | Exception] = asyncio.Queue(AHEAD)
        self._gone = False

    async def open(self) -> AsyncIterator[Piece]:
        """Returns with the first piece; raises what there was instead of one."""
        pump = asyncio.create_task(self._pump(), name="stream")
        _PUMPS.add(pump)
        pump.add_done_callback(_PUMPS.discard)
        try:
            first = await self._queue.get()
        except BaseException:
            self._leave()
            raise
        if isinstance(first, Exception):
            raise first
        return self._from(first)

    async def _from(self, piece: Piece | Exception) -> AsyncIterator[Piece]:
        try:
            while not isinstance(piece, Exception):
                yield piece
                if not isinstance(piece, Delta):
                    return
                piece = await self._queue.get()
            raise piece
        finally:
            self._leave()

    def _leave(self) -> None:
        """Whoever waits for room in the queue has it now."""
        self._gone = True
        while not self._queue.empty():
            self._queue.get_nowait()

    async def _pump(self) -> None:
        try:
            answer = await self._read()
        except Exception as wrong:  # noqa: BLE001  whoever reads raises it
            await self._failed(wrong)
            await self._put(wrong)
            return
        try:
            await self._ended(answer)
        except Exception:  # noqa: BLE001  told in the log, with its trace
            # Nobody waits any more; the job ends by itself at its deadline.
            _log.exception("a stream was not settled")

    async def _read(self) -> Answer:
        async with contextlib.aclosing(self._pieces) as pieces:
            async for piece in pieces:
                # Told why it stops, it says what came and what that cost.
                gone = self._gone and isinstance(piece, Delta)
                told = await pieces.athrow(GONE) if gone else piece
                await self._put(told)
                if not isinstance(told, Delta):
                    return told.answer
        raise RuntimeError("a stream ended without an end")

    async def _put(self, piece: Piece | Exception) -> None:
        if self._gone:
            return
        try:
            async with asyncio.timeout(STALL_S):
                await self._queue.put(piece)
        except TimeoutError:
            self._leave()


async def settled(within_s: float) -> None:
    """Waits for the accounts of streams that are under way, but not for ever."""
    if _PUMPS:
        await asyncio.wait(_PUMPS, timeout=within_s)


async def streamed(write: Write, ask: Ask) -> AsyncIterator[Piece]:
    """Money and intent first, then the pieces; it holds a place until it is settled.

    Raises Problem and Refused before the first piece only.
    """
    place = contextlib.ExitStack()
    place.enter_context(write.parts.direct.call(write.who.tenant))
    try:
        asking = await begin(write, ask)
    except BaseException:
        place.close()
        raise

    async def ended(answer: Answer) -> None:
        with place:
            await settle(asking, answer)

    async def failed(wrong: Exception) -> None:
        with place:
            await _unanswered(asking, wrong)

    return await Telling(write.parts.gateway.stream(asking.ask), ended, failed).open()


async def _unanswered(asking: Asking, wrong: Exception) -> None:
    if isinstance(wrong, Refused):
        await unanswered(asking, wrong.code, wrong.reason, wrong.attempts)
        return
    words = "The gateway ended unexpectedly."
    await unanswered(asking, "gateway_failed", words, None)


async def told_at_once(answer: Answer) -> AsyncIterator[Piece]:
    """An answer that is there already, as a stream has it."""
    yield Delta(text_of(answer.output))
    yield Done(answer)
