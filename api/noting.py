"""Answers that cost nothing: given at once, told to the log a moment later, in bunches.

There is nothing to decide about them, so nobody waits for a decision. What a killed
process had not told yet is lost, half a second at most; money never is among it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import structlog

from ai_adapter.base import Answer, Ask
from api.writes import Write
from schemas.clock import Clock
from schemas.envelope import Envelope, Record
from schemas.ids import derived, observation_id, stream_key
from schemas.observations import AnswersGiven, FreeAnswer
from schemas.registry import Data, wire_name
from schemas.topics import TRACKING, Topic
from streams.log import Appended, NotAcknowledged
from streams.metrics import REFUSED

Append: TypeAlias = Callable[[Record[Data], Topic], Awaitable[Appended]]

SOON_S = 0.5
AGAIN_S = 1.0
MOST = 5_000
"""Answers not yet on the log; above, the next ones are decided first like any other."""
BUNCH = 200
_log = structlog.get_logger("answers")


async def free(write: Write, ask: Ask, notes: "Notes") -> Answer | None:
    """An answer nobody pays for, where there is one and nobody asks to keep it.

    Raises Refused.
    """
    if not write.drawn or not notes.room():
        return None
    answer = await write.parts.gateway.ready(ask)
    if answer is not None:
        notes.note(write.who.tenant, _noted(write, ask, answer))
    return answer


def _noted(write: Write, ask: Ask, answer: Answer) -> FreeAnswer:
    return FreeAnswer(
        id=write.command_id,
        at=write.parts.clock(),
        task=ask.task,
        provider=answer.provider,
        model_name=answer.model_name,
        prompt_hash=answer.prompt_hash,
        scene=ask.scene,
        tool=ask.tool,
        prompt_version=answer.prompt_version,
        latency_ms=answer.latency_ms,
        degraded=answer.degraded,
        stale=answer.stale,
        cached_from=answer.cached_from,
        project_id=ask.project_id,
        person_id=write.who.user_id,
    )


class Notes:
    """One per process; `room` tells whether another answer may go out untold."""

    def __init__(self, append: Append, clock: Clock) -> None:
        self._append = append
        self._clock = clock
        self._waiting: dict[str, list[FreeAnswer]] = {}
        self._count = 0
        self._telling: asyncio.Task[None] | None = None

    def room(self) -> bool:
        if self._count < MOST:
            return True
        REFUSED.labels("notes").inc()
        return False

    def note(self, tenant: str, answer: FreeAnswer) -> None:
        """Returns at once; the log has it half a second later."""
        self._waiting.setdefault(tenant, []).append(answer)
        self._count += 1
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell(), name="answers")

    async def told(self) -> None:
        """Once everything is on the log that was noted until then."""
        if self._telling is not None:
            await asyncio.shield(self._telling)

    async def close(self) -> None:
        """Tells what is left, once."""
        if self._telling is not None:
            self._telling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._telling
        with contextlib.suppress(NotAcknowledged):
            await self._tell_all()

    async def _tell(self) -> None:
        wait_s = SOON_S
        while self._count:
            await asyncio.sleep(wait_s)
            try:
                await self._tell_all()
                wait_s = SOON_S
            except NotAcknowledged:
                _log.warning("answers not told yet", answers=self._count)
                wait_s = AGAIN_S

    async def _tell_all(self) -> None:
        for tenant in list(self._waiting):
            await self._tell_one(tenant)

    async def _tell_one(self, tenant: str) -> None:
        """What is not acknowledged stays; the ids of answers make that safe."""
        waiting = self._waiting[tenant]
        while bunch := waiting[:BUNCH]:
            await self._append(self._record(tenant, tuple(bunch)), TRACKING)
            del waiting[: len(bunch)]
            self._count -= len(bunch)
        del self._waiting[tenant]

    def _record(
        self, tenant: str, answers: tuple[FreeAnswer, ...]
    ) -> Record[AnswersGiven]:
        made = derived("answers", *(each.id for each in answers))
        envelope = Envelope(
            id=observation_id("answers", made),
            type=wire_name(AnswersGiven),
            subject=f"answers/{made}",
            tenant=tenant,
            time=self._clock(),
            key=stream_key(tenant, made),
            auth_id="api",
        )
        return Record(envelope=envelope, data=AnswersGiven(answers))
