"""Circuit breakers: a model that mostly fails is left alone for a while.

State follows from the attempts alone, and every deadline is a moment on the clock, so
no timer has to fire. Moments are seconds of a monotonic clock.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, TypeAlias

from ai_adapter.base import BreakerChanged

WINDOW_S = 60
LEAST_ATTEMPTS = 20
OPEN_AT = 0.5
HARD_IN_A_ROW = 5
OPEN_FIRST_S = 30.0
OPEN_MOST_S = 300.0
PROBE_S = 60.0
"""A probe that says nothing for so long no longer keeps others from trying."""
_MOST_KEPT = 1000

State: TypeAlias = Literal["closed", "open", "half_open"]
Seen: TypeAlias = Literal["good", "hard", "soft", "limited"]
"""`hard`: no answer at all. `soft`: one of no use. `limited`: too many calls."""
_WEIGHTS: dict[Seen, float] = {"good": 0.0, "hard": 1.0, "soft": 1.0, "limited": 0.5}


@dataclass(slots=True)
class _Second:
    """All attempts that ended within one second: the window stays small."""

    at: int
    attempts: int = 0
    failed: float = 0.0


class Admission(NamedTuple):
    """Leave to make one call; a probe decides about the state by itself."""

    probe: bool


@dataclass(slots=True)
class Breaker:
    """One model at one provider under one key."""

    state: State = "closed"
    until: float = 0.0
    times_opened: int = 0
    _in_a_row: int = 0
    _seconds: deque[_Second] = field(default_factory=deque)

    def admit(self, now: float) -> Admission | None:
        """None while it is open, or half open with a probe on its way."""
        if self.state == "closed":
            return Admission(probe=False)
        if now < self.until:
            return None
        self.state, self.until = "half_open", now + PROBE_S
        return Admission(probe=True)

    def note(self, seen: Seen, now: float, admission: Admission) -> None:
        """Each attempt is noted once; what began before it opened is not heeded."""
        if admission.probe:
            self._probed(seen, now)
        elif self.state == "closed":
            self._count(seen, now)
            if seen != "good" and self._should_open():
                self._open(now)

    def withdraw(self, now: float, admission: Admission) -> None:
        """The call was given up by who asked, which says nothing: probe again."""
        if admission.probe and self.state == "half_open":
            self.state, self.until = "open", now

    def rate(self) -> float:
        """The share of failures within the window, as of the last attempt."""
        attempts = sum(second.attempts for second in self._seconds)
        failed = sum(second.failed for second in self._seconds)
        return failed / attempts if attempts else 0.0

    def _probed(self, seen: Seen, now: float) -> None:
        if seen == "good":
            self.state, self.times_opened, self._in_a_row = "closed", 0, 0
            self._seconds.clear()
        else:
            self._open(now)

    def _count(self, seen: Seen, now: float) -> None:
        second = int(now)
        if not self._seconds or self._seconds[-1].at != second:
            self._seconds.append(_Second(second))
        while self._seconds[0].at <= second - WINDOW_S:
            self._seconds.popleft()
        self._seconds[-1].attempts += 1
        self._seconds[-1].failed += _WEIGHTS[seen]
        if seen != "limited":
            self._in_a_row = self._in_a_row + 1 if seen == "hard" else 0

    def _should_open(self) -> bool:
        if self._in_a_row >= HARD_IN_A_ROW:
            return True
        attempts = sum(second.attempts for second in self._seconds)
        return attempts >= LEAST_ATTEMPTS and self.rate() >= OPEN_AT

    def _open(self, now: float) -> None:
        pause = min(OPEN_MOST_S, OPEN_FIRST_S * 2.0 ** min(self.times_opened, 10))
        self.state, self.until = "open", now + pause
        self.times_opened += 1


class Place(NamedTuple):
    """A tenant's own key that fails says nothing about anybody else's."""

    provider: str
    model: str
    key: str

    def __repr__(self) -> str:
        """Without the key."""
        return f"Place({self.provider!r}, {self.model!r})"


@dataclass(slots=True)
class Leave:
    """To make one call; whoever has it says once how that ended."""

    breakers: "Breakers"
    place: Place
    admission: Admission
    over: bool = False

    def end(self, seen: Seen | None) -> None:
        """Only the first time counts; None says nothing about the model."""
        if not self.over:
            self.over = True
            self.breakers.end(self, seen)


class Breakers:
    """The breakers of one process, each made when its model is first asked."""

    def __init__(
        self,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
        tell: Callable[[BreakerChanged], None],
    ) -> None:
        self._monotonic = monotonic
        self._now = now
        self._tell = tell
        self._made: dict[Place, Breaker] = {}

    def admit(self, place: Place) -> "Leave | None":
        """None while nobody should be asked."""
        breaker = self._of(place)
        before = breaker.state
        admission = breaker.admit(self._monotonic())
        self._told(place, breaker, before)
        return Leave(self, place, admission) if admission else None

    def end(self, leave: "Leave", seen: Seen | None) -> None:
        """None: the call says nothing about health."""
        breaker = self._of(leave.place)
        before = breaker.state
        if seen is None:
            breaker.withdraw(self._monotonic(), leave.admission)
        else:
            breaker.note(seen, self._monotonic(), leave.admission)
        self._told(leave.place, breaker, before)

    def opens_at(self, place: Place) -> datetime | None:
        """When a call may be made; None = at once."""
        breaker = self._made.get(place)
        if breaker is None or breaker.state == "closed":
            return None
        left = breaker.until - self._monotonic()
        return self._now() + timedelta(seconds=left) if left > 0 else None

    def _of(self, place: Place) -> Breaker:
        found = self._made.get(place)
        if found is None:
            self._forget_closed()
            found = self._made[place] = Breaker()
        return found

    def _forget_closed(self) -> None:
        # Keys are rotated for years; without this each would leave its breaker.
        if len(self._made) >= _MOST_KEPT:
            kept = {p: b for p, b in self._made.items() if b.state != "closed"}
            self._made = kept

    def _told(self, place: Place, breaker: Breaker, before: State) -> None:
        if breaker.state == before:
            return
        closed = breaker.state == "closed"
        until = None if closed else self.opens_at(place)
        self._tell(
            BreakerChanged(
                place.provider,
                place.model,
                breaker.state,
                self._now(),
                until,
                round(breaker.rate(), 3),
            )
        )
