"""A gateway whose calls leave a body behind; nobody waits for it to be written."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

import structlog
from msgspec.structs import replace

from ai_adapter.base import Answer, Ask, Delta, Piece
from ai_adapter.errors import Refused
from ai_adapter.gateway import Gateway
from schemas.clock import utc_now
from streams.call_bodies import Bodies, key_of

MOST_WAITING = 200
"""Beyond that calls leave no body: the store is slower than the models."""
AT_ONCE = 4
LAST_S = 5.0
_log = structlog.get_logger("ai_audit")


class Keeper:
    """Writes bodies a few at a time, beside the calls; `close` waits for the rest."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._room = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def keep(self, ask: Ask, answer: Answer) -> str:
        """The key it will have; empty where there is none."""
        if len(self._tasks) >= MOST_WAITING:
            _log.warning("a call leaves no body", action="go_on", tenant=ask.tenant_id)
            return ""
        at = utc_now()
        key = key_of(ask, answer, at)
        task = asyncio.create_task(self._keep(key, ask, answer, at))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return key

    async def close(self) -> None:
        """Five seconds at most."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_S)

    async def _keep(self, key: str, ask: Ask, answer: Answer, at: datetime) -> None:
        async with self._room:
            try:
                await self._bodies.keep(key, ask, answer, at)
            except Exception as error:  # noqa: BLE001  (a call is never lost for its audit)
                reason = type(error).__name__
                _log.warning("a body is lost", action="go_on", reason=reason, key=key)


class AuditedGateway(Gateway):
    """Answers name the body of their call; those given again name none."""

    _keeper: Keeper | None = None

    def audited_by(self, keeper: Keeper) -> None:
        """Without one no call leaves a body."""
        self._keeper = keeper

    async def ask(self, ask: Ask) -> Answer:
        """Raises only `Refused`."""
        return self._noted(ask, await super().ask(ask))

    async def stream(self, ask: Ask) -> AsyncGenerator[Piece, None]:
        async with aclosing(super().stream(ask)) as pieces:
            async for piece in pieces:
                try:
                    yield self._told(ask, piece)
                except Refused as stopped:
                    # Whoever reads stops early; what came until then has a body too.
                    yield self._told(ask, await pieces.athrow(stopped))
                    return

    def _told(self, ask: Ask, piece: Piece) -> Piece:
        if isinstance(piece, Delta):
            return piece
        return replace(piece, answer=self._noted(ask, piece.answer))

    async def close(self) -> None:
        if self._keeper is not None:
            await self._keeper.close()
        await super().close()

    def _noted(self, ask: Ask, answer: Answer) -> Answer:
        """A body is of a call that went out and whose answer is text."""
        spoken = answer.attempts and not answer.cached_from and ask.task != "embed"
        if self._keeper is None or not spoken:
            return answer
        return replace(answer, body_key=self._keeper.keep(ask, answer))
