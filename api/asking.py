"""The one way of the edge to a model: money, intent, the call, and what it came to.

RequestJob ─► reserve ─► StartAttempt ─► the gateway ─► settle | unanswered

Nothing is called before all of this is decided. A tenant without limits pays for no
reservation, and neither does a call that cannot cost anything.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TypeAlias

from msgspec import structs

from ai_adapter.base import Answer, Ask, Attempt
from ai_adapter.errors import Refused
from api.problems import Problem
from api.writes import Write, append, decide, follow_up
from schemas.commands.budget import SettleBudget
from schemas.commands.job import (
    CancelJob,
    CompleteJob,
    FailJob,
    RequestJob,
    StartAttempt,
)
from schemas.generation import Generated
from schemas.ids import budget_id, derived
from schemas.registry import Command, encode
from streams.agents import money
from streams.agents.ai import Home, generated, given

Call: TypeAlias = Callable[[Ask], Awaitable[Answer]]
LONGEST = timedelta(minutes=10)
"""After this a direct call has ended, whatever became of the process that made it."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A call that may be made now; it ends with `settle` or `unanswered`, once.

    `held`: money is set aside for it under the job's id.
    """

    write: Write
    ask: Ask
    job_id: str
    held: bool

    @property
    def token(self) -> str:
        return derived("token", self.write.command_id)


def job_of(write: Write) -> str:
    """The job of this request; the same for every repetition."""
    return derived("job", write.command_id)


def wish_of(write: Write, ask: Ask) -> RequestJob:
    """The job that an ask becomes; role `direct` is run by the edge itself."""
    wanted = given(ask)
    return RequestJob(
        role="direct",
        subject=f"job/{job_of(write)}",
        input=wanted,
        digest=derived("digest", encode(wanted).decode()),
        deadline=write.parts.clock() + LONGEST,
        project_id=ask.project_id,
        requested_by=write.who.auth_id,
    )


async def begin(write: Write, ask: Ask, job: RequestJob | None = None) -> Asking:
    """`job` is the wish on the log where it is more than the ask.

    Raises Problem: 402 where the budget says no, 503 where nothing was decided.
    """
    who, job_id = write.who, job_of(write)
    own = structs.replace(ask, tenant_id=who.tenant, person_id=who.user_id)
    await decide(write, job or wish_of(write, own), job_id)
    asking = Asking(write, own, job_id, await _reserve(write, own, job_id))
    try:
        await _start(asking)
    except BaseException:
        await asyncio.shield(_tell(asking, ()))
        raise
    return asking


async def answered(asking: Asking, call: Call | None = None) -> Answer:
    """The gateway's answer, or that of `call`, which asks it in a way of its own.

    Not settled yet. Raises Refused after telling the log.
    """
    try:
        return await (call or asking.write.parts.gateway.ask)(asking.ask)
    except Refused as no:
        await unanswered(asking, no.code, no.reason, no.attempts)
        raise
    except BaseException:
        words = "The gateway ended unexpectedly."
        await asyncio.shield(unanswered(asking, "gateway_failed", words, None))
        raise


async def settle(asking: Asking, answer: Answer) -> Generated:
    """The result as it is on the log now, and what is left of the money is free."""
    write, ask = asking.write, asking.ask
    home = Home(write.who.tenant, asking.job_id, ask.task, ask.scene, ask.tool)
    result = await generated(home, answer, write.parts.storage)
    seconds = result.latency_ms / 1000
    wish = CompleteJob(token=asking.token, result=result, seconds=seconds)
    await asyncio.gather(
        _tell(asking, answer.attempts),
        decide(follow_up(write, "complete"), wish, asking.job_id),
    )
    return result


async def unanswered(
    asking: Asking, code: str, reason: str, attempts: tuple[Attempt, ...] | None
) -> None:
    """`attempts` None: nobody knows what went out, so what was set aside is spent."""
    wish = FailJob(token=asking.token, code=code, reason=reason)
    await asyncio.gather(
        _tell(asking, attempts),
        decide(follow_up(asking.write, "fail"), wish, asking.job_id),
    )


async def _reserve(write: Write, ask: Ask, job_id: str) -> bool:
    """True once money is set aside."""
    parts, now = write.parts, write.parts.clock()
    terms = await parts.terms.look(write.who.tenant)
    most = _most(write, ask) if terms.limited else {}
    if most == {}:
        return False
    call = money.Purchase(job_id, now + LONGEST, ask.project_id, ask.person_id)
    step = follow_up(write, "reserve")
    budget = budget_id(write.who.tenant)
    outcome = await decide(step, money.reserve(call, most, now), budget)
    if outcome.decided is None:
        await _append(write, "release", money.settlement(job_id, ()), budget)
        raise _undecided(write)
    if outcome.decided.event_type == money.REFUSED:
        await _append(write, "cancel", CancelJob(money.EXHAUSTED), job_id)
        raise exhausted()
    return outcome.status == "accepted"


def _most(write: Write, ask: Ask) -> dict[str, Decimal] | None:
    try:
        return write.parts.gateway.most(ask)
    except Refused:
        return {}  # nothing will be called; the gateway says so once more


def exhausted() -> Problem:
    return Problem(
        402,
        "A budget for AI calls is used up; see /api/v1/ai/budgets for which one.",
        code=money.EXHAUSTED,
    )


async def _start(asking: Asking) -> None:
    """Nothing that costs money happens before the attempt is in the log."""
    step = follow_up(asking.write, "start")
    start = StartAttempt(token=asking.token)
    outcome = await decide(step, start, asking.job_id)
    if outcome.decided is None:
        raise _undecided(asking.write)


def _undecided(write: Write) -> Problem:
    return Problem(
        503,
        "The start of this call was not decided in time; nothing was asked.",
        code="undecided",
        headers={"Retry-After": "1", "Location": write.location},
    )


async def _tell(asking: Asking, attempts: tuple[Attempt, ...] | None) -> None:
    """What is not told in time is settled by the reservation's own end."""
    if not asking.held:
        return
    name, budget = asking.job_id, budget_id(asking.write.who.tenant)
    wish: Command = (
        SettleBudget(name) if attempts is None else money.settlement(name, attempts)
    )
    await _append(asking.write, "settle", wish, budget)


async def _append(write: Write, step: str, wish: Command, stream: str) -> None:
    await append(follow_up(write, step), wish, stream)
