"""One ask on its way through the chain: its clock, its budget and what was tried."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from msgspec.structs import replace
from tenacity import RetryCallState

from ai_adapter.base import (
    Ask,
    Attempt,
    AttemptMade,
    Call,
    Outcome,
    PriceUnknown,
    Reply,
    Spent,
    Usage,
)
from ai_adapter.breakers import Seen
from ai_adapter.errors import (
    FAILURES,
    AskAgain,
    Failure,
    Misconfigured,
    OutcomeUnknown,
    Refused,
    TryLater,
)
from ai_adapter.ports import ListedPrices, Prices, Tell, tell_nobody
from ai_adapter.providers.port import Provider
from schemas.clock import Clock, utc_now

MAX_ATTEMPTS = 4
MAX_PER_MODEL = 3
MAX_REPAIRS = 1
_WAIT_FIRST_S = 0.5
_WAIT_MOST_S = 8.0
_WAIT_FOR_S = 2.0
"""Nobody waits longer than this for one model while another could be asked."""
PATIENCE_S = 10.0
"""Who gives a model less time than this learns nothing of its health."""


class Told(Protocol):
    """An answer of any kind that says what it used."""

    @property
    def spent(self) -> Spent: ...


T = TypeVar("T", bound=Told)


@dataclass(frozen=True)
class Timing:
    """The two clocks, the chance and the sleep; tests pass their own."""

    monotonic: Callable[[], float] = time.monotonic
    now: Clock = utc_now
    chance: Callable[[], float] = random.SystemRandom().random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Shut(Exception):
    """The breaker lets no call through: whoever is next in the list is asked."""


@dataclass
class Run:
    """The attempts of one ask; the deadline is a moment, so waits count too.

    Of each attempt at an `ask` is told once it has ended. `others`: there is somebody
    else who could be asked. `repair` is what was wrong with the last answer.
    """

    timing: Timing
    begun: float
    deadline: float
    prices: Prices = field(default_factory=ListedPrices)
    ask: Ask | None = None
    tell: Tell = tell_nobody
    streamed: bool = False
    first_token_ms: int | None = None
    others: bool = False
    attempts: list[Attempt] = field(default_factory=list)
    repair: str = ""

    def left(self) -> float:
        return self.deadline - self.timing.monotonic()

    def over(self) -> bool:
        return len(self.attempts) >= MAX_ATTEMPTS or self.left() <= 0

    def elapsed_ms(self) -> int:
        return round((self.timing.monotonic() - self.begun) * 1000)

    async def attempt(self, provider: Provider, call: Call) -> Reply:
        """One call, noted with its time and cost whether it answers or fails."""
        return await self.noted(provider.name, call.model, _in_time(provider, call))

    async def noted(self, provider: str, model: str, asked: Awaitable[T]) -> T:
        """Awaits the call of any kind; `FAILURES` are noted and raised again."""
        call = self.call(provider, model)
        try:
            reply = await asked
        except FAILURES as error:
            call.failed(error)
            raise
        except BaseException:
            call.ended("unknown", None, "given up by who asked")
            raise
        call.ended("answered", reply.spent)
        return reply

    def call(self, provider: str, model: str) -> "Made":
        """A call that goes out now; its end must be told."""
        timing = self.timing
        return Made(self, provider, model, timing.monotonic(), timing.now())

    def again(self, error: BaseException) -> bool:
        """Whether the same model is worth another call."""
        if isinstance(error, AskAgain):
            self.repair = str(error) if error.spent else ""
            repairs = sum(a.outcome == "ask_again" for a in self.attempts)
            return repairs <= MAX_REPAIRS
        # Text is cheap, so a lost answer is asked for again and both are on the
        # list. Paid generations must look it up instead.
        if isinstance(error, OutcomeUnknown):
            return not (self.ask and self.ask.paid_once)
        return isinstance(error, TryLater)

    def wait(self, state: RetryCallState) -> float:
        """Full jitter, and never less than the provider asked for."""
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, AskAgain):
            return 0.0
        most = min(_WAIT_MOST_S, _WAIT_FIRST_S * 2.0 ** (state.attempt_number - 1))
        jitter = most * self.timing.chance()
        return max(jitter, (error.after or 0.0) if isinstance(error, TryLater) else 0)

    def stop(self, state: RetryCallState) -> bool:
        """A wait that ends after the deadline is not begun."""
        late = state.upcoming_sleep >= self.left()
        late = late or (state.upcoming_sleep > _WAIT_FOR_S and self.others)
        return late or self.over() or state.attempt_number >= MAX_PER_MODEL


@dataclass
class Made:
    """One call that went out: ended once, then priced, listed and told."""

    run: Run
    provider: str
    model: str
    begun: float
    at: datetime
    over: bool = False

    def failed(self, error: Failure) -> None:
        self.ended(*noted(error))

    def ended(self, outcome: Outcome, spent: Spent | None, reason: str = "") -> None:
        """Only the first time counts."""
        if self.over:
            return
        self.over = True
        took = round((self.run.timing.monotonic() - self.begun) * 1000)
        usage = self._usage(spent) if spent else None
        attempt = Attempt(self.provider, self.model, outcome, took, usage, reason)
        self.run.attempts.append(attempt)
        self._tell(attempt)

    def _usage(self, spent: Spent) -> Usage:
        """What a port of prices may not know of is kept as it was told."""
        run = self.run
        priced = run.prices.usage_of(self.provider, spent, self.at)
        if priced.cost is None and run.ask:
            named = (self.provider, spent.model_name, run.ask.tenant_id, self.at)
            run.tell(PriceUnknown(*named))
        return replace(priced, estimated=spent.estimated, told=spent.told)

    def _tell(self, attempt: Attempt) -> None:
        run = self.run
        if run.ask:
            first = run.first_token_ms
            run.tell(AttemptMade(run.ask, attempt, self.at, run.streamed, first))


async def _in_time(provider: Provider, call: Call) -> Reply:
    # The HTTP time-out is per read; a server that drips a byte a second passes it.
    try:
        async with asyncio.timeout(call.timeout_s):
            return await provider.ask(call)
    except TimeoutError as error:
        raise OutcomeUnknown("no answer before the deadline", late=True) from error


def noted(error: Failure) -> tuple[Outcome, Spent | None, str]:
    match error:
        case TryLater():
            return "try_later", error.spent, str(error)
        case AskAgain():
            return "ask_again", error.spent, str(error)
        case Refused():
            return "refused", error.spent, error.code
        case OutcomeUnknown():
            return "unknown", error.spent, str(error)
        case Misconfigured():
            return "misconfigured", None, str(error)


def seen_of(error: Failure, given_s: float) -> Seen | None:
    """What a failure says of the model's health; None = nothing.

    A refusal, or an answer that was paid and is of no use, is an answer: one tenant's
    odd questions must not take a model from everybody.
    """
    match error:
        case TryLater():
            return "limited" if error.limited else "hard"
        case AskAgain():
            return "good" if error.spent else "soft"
        case Refused():
            return "good"
        case OutcomeUnknown():
            return None if error.late and given_s < PATIENCE_S else "hard"
        case Misconfigured():
            return "hard"
