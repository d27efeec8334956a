"""Questions of jobs that may cost money: set aside first, settled after, asked once.

StartAttempt is the intent: it is on the log before anything goes out. Whoever takes a
job over whose attempt never told its end cannot know whether a model was asked and
paid, so it asks nobody: the job ends with `outcome_unknown`, unless the routing of the
tenant says of such asks that they may be repeated.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

import psycopg
from msgspec import structs

from ai_adapter.base import Answer, Ask, Attempt
from ai_adapter.errors import Refused, Unavailable
from ai_adapter.policies import resolved
from schemas.clock import Clock
from schemas.commands.budget import SettleBudget
from schemas.ids import budget_id
from schemas.registry import Command
from streams.agents import money
from streams.agents.answers import Answers
from streams.agents.work import Impossible, Job, Parked
from streams.ai_terms import AiTerms
from streams.log import NotAcknowledged

LONGEST = timedelta(minutes=15)
"""A call nobody answered for until then is settled as unknown by the dispatcher."""
LOST = "outcome_unknown"


class Gateway(Protocol):
    async def ask(self, ask: Ask) -> Answer: ...

    async def ready(self, ask: Ask) -> Answer | None: ...

    async def opens_at(self, ask: Ask) -> datetime | None: ...

    def most(self, ask: Ask) -> dict[str, Decimal] | None: ...


class Terms(Protocol):
    async def look(self, tenant: str, /) -> AiTerms: ...


class Asks(Protocol):
    """Whoever answers the questions of one attempt."""

    async def ask(self, ask: Ask) -> Answer: ...


class Till:
    """One per worker process; every attempt gets its own `of`."""

    def __init__(self, gateway: Gateway, terms: Terms, answers: Answers) -> None:
        self.gateway = gateway
        self.terms = terms
        self.answers = answers

    def of(self, job: Job) -> Asks:
        return Purchases(self, job)


class Purchases:
    """The questions of one attempt, in their order; each is a purchase of its own."""

    def __init__(self, till: Till, job: Job) -> None:
        self._till = till
        self._job = job
        self._count = 0

    async def ask(self, ask: Ask) -> Answer:
        """Raises Refused, Impossible where nothing may be bought, Parked."""
        own = self._own(ask)
        terms = await self._till.terms.look(self._job.tenant)
        most = self._till.gateway.most(own)
        if self._job.lost and most != {}:
            free = await self._lost(own, terms, most)
            if free is not None:
                return free
        await self._park(own)
        name = f"{self._job.token}:{self._count}"
        self._count += 1
        if not terms.limited or most == {}:
            return await self._asked(own)
        if not await self._reserved(own, name, most):
            return await self._asked(own)
        return await self._paid(own, name)

    def _own(self, ask: Ask) -> Ask:
        job = self._job
        person = job.requested_by.removeprefix("user/")
        return structs.replace(
            ask, tenant_id=job.tenant, project_id=job.project_id, person_id=person
        )

    async def _lost(
        self, ask: Ask, terms: AiTerms, most: dict[str, Decimal] | None
    ) -> Answer | None:
        """The answer of the attempt before, where it was kept; raises Impossible."""
        kept = await self._till.gateway.ready(ask)
        if kept is not None or resolved(terms.policy, ask).rule.repeat_lost:
            return kept
        if terms.limited:
            await self._tell(SettleBudget(f"{self._job.lost}:{self._count}"), "lost")
        raise Impossible(
            LOST,
            "An earlier attempt was cut off and may have been answered and billed "
            f"({_words(most)}). It is not repeated: ask again if you want another.",
        )

    async def _park(self, ask: Ask) -> None:
        until = await self._till.gateway.opens_at(ask)
        if until is not None:
            raise _parked(until, self._till.answers.clock)

    async def _reserved(
        self, ask: Ask, name: str, most: dict[str, Decimal] | None
    ) -> bool:
        now = self._till.answers.clock()
        purchase = money.Purchase(name, now + LONGEST, ask.project_id, ask.person_id)
        wish = money.reserve(purchase, most, now)
        decision = await self._till.answers.ask(
            self._job, wish, budget_id(self._job.tenant), mark=name
        )
        if decision.event_type == money.REFUSED:
            raise Impossible(
                money.EXHAUSTED,
                "A budget for AI calls is used up; see /api/v1/ai/budgets.",
            )
        return decision.status == "accepted"

    async def _paid(self, ask: Ask, name: str) -> Answer:
        attempts: tuple[Attempt, ...] | None = None
        try:
            answer = await self._asked(ask)
            attempts = answer.attempts
            return answer
        except Refused as no:
            attempts = no.attempts
            raise
        finally:
            unknown = SettleBudget(name)
            wish = unknown if attempts is None else money.settlement(name, attempts)
            await asyncio.shield(self._tell(wish, name))

    async def _asked(self, ask: Ask) -> Answer:
        try:
            return await self._till.gateway.ask(ask)
        except Unavailable as away:
            if away.until is None or away.attempts:
                raise
            raise _parked(away.until, self._till.answers.clock) from away

    async def _tell(self, wish: Command, mark: str) -> None:
        """What cannot be told is settled by the end of the reservation."""
        stream = budget_id(self._job.tenant)
        with suppress(NotAcknowledged, psycopg.OperationalError):
            await self._till.answers.tell(self._job, wish, stream, mark=mark)


def _parked(until: datetime, clock: Clock) -> Parked:
    pause = max(until - clock(), timedelta(0))
    return Parked("models_away", "No model can be asked before then.", pause)


def _words(most: dict[str, Decimal] | None) -> str:
    """What it may have cost at most, for a person."""
    if most is None:
        return "at a price nobody knows"
    return "at most " + ", ".join(f"{cost:f} {name}" for name, cost in most.items())
