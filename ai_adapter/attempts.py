"""One ask on its way through the chain: its clock, its budget and what was tried."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from tenacity import RetryCallState

from ai_adapter import price_book
from ai_adapter.base import Attempt, Call, Outcome, Provider, Reply, Spent
from ai_adapter.errors import (
    AskAgain,
    Misconfigured,
    OutcomeUnknown,
    Refused,
    TryLater,
)
from schemas.clock import Clock, utc_now

MAX_ATTEMPTS = 4
MAX_PER_MODEL = 3
MAX_REPAIRS = 1
_WAIT_FIRST_S = 0.5
_WAIT_MOST_S = 8.0


class Told(Protocol):
    """An answer of any kind that says what it used."""

    @property
    def spent(self) -> Spent: ...


T = TypeVar("T", bound=Told)
Failure = TryLater | AskAgain | Refused | OutcomeUnknown | Misconfigured
FAILURES = (TryLater, AskAgain, Refused, OutcomeUnknown, Misconfigured)


@dataclass(frozen=True)
class Timing:
    """The two clocks, the chance and the sleep; tests pass their own."""

    monotonic: Callable[[], float] = time.monotonic
    now: Clock = utc_now
    chance: Callable[[], float] = random.SystemRandom().random
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass
class Run:
    """The attempts of one ask; the deadline is a moment, so waits count too."""

    timing: Timing
    begun: float
    deadline: float
    attempts: list[Attempt] = field(default_factory=list)

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
        begun, at = self.timing.monotonic(), self.timing.now()
        outcome: Outcome = "answered"
        spent: Spent | None = None
        reason = ""
        try:
            reply = await asked
            spent = reply.spent
            return reply
        except FAILURES as error:
            outcome, spent, reason = _noted(error)
            raise
        finally:
            usage = price_book.usage_of(provider, spent, at) if spent else None
            took = round((self.timing.monotonic() - begun) * 1000)
            self.attempts.append(Attempt(provider, model, outcome, took, usage, reason))

    def again(self, error: BaseException) -> bool:
        """Whether the same model is worth another call."""
        if isinstance(error, AskAgain):
            repairs = sum(a.outcome == "ask_again" for a in self.attempts)
            return repairs <= MAX_REPAIRS
        # Text is cheap, so a lost answer is asked for again and both are on the
        # list. Paid generations must look it up instead.
        return isinstance(error, TryLater | OutcomeUnknown)

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
        return late or self.over() or state.attempt_number >= MAX_PER_MODEL


async def _in_time(provider: Provider, call: Call) -> Reply:
    # The HTTP time-out is per read; a server that drips a byte a second passes it.
    try:
        async with asyncio.timeout(call.timeout_s):
            return await provider.ask(call)
    except TimeoutError as error:
        raise OutcomeUnknown("no answer before the deadline") from error


def _noted(error: Failure) -> tuple[Outcome, Spent | None, str]:
    match error:
        case TryLater():
            return "try_later", None, str(error)
        case AskAgain():
            return "ask_again", error.spent, str(error)
        case Refused():
            return "refused", error.spent, error.code
        case OutcomeUnknown():
            return "unknown", None, str(error)
        case Misconfigured():
            return "misconfigured", None, str(error)
