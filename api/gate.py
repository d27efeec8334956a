"""Who may come in now: rates, fair shares, and what to refuse before it is accepted.

Nothing is refused after it was appended, so nothing accepted is lost.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from time import monotonic
from typing import TypeAlias

from msgspec import Struct
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.limits import Limits
from api.problems import Problem, document
from streams.backlog import NOTHING, Load
from streams.metrics import REFUSED

Waiting: TypeAlias = Callable[[str], Load]
"""By the name of a family: the commands that wait for their decision."""
Depth: TypeAlias = Callable[[], int]

HALF = 0.5
SHARE_S = 5.0
BURST_S = 2.0
BUCKETS_MAX = 10_000
RETRY_MAX_S = 30
# Probes must be answered when nothing else is; streams have limits of their own.
UNCOUNTED = ("/healthz", "/readyz", "/metrics", "/api/v1/events/stream")


class Quota(Struct, frozen=True):
    """What a tenant may still ask at once, for the RateLimit headers."""

    rate: int
    left: int

    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Policy": _policy(self.rate),
            "RateLimit": f'"tenant";r={self.left};t={int(BURST_S)}',
        }


@cache
def _policy(rate: int) -> str:
    return f'"tenant";q={int(rate * BURST_S)};w={int(BURST_S)}'


class Buckets:
    """A token bucket per tenant: `rate` a second, and two seconds' worth at once."""

    def __init__(self, rate: int, clock: Callable[[], float] = monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, tenant: str) -> Quota | None:
        """None when the bucket is empty."""
        now, full = self._clock(), self._rate * BURST_S
        before, left = self._left.get(tenant, (now, full))
        left = min(full, left + (now - before) * self._rate)
        if len(self._left) >= BUCKETS_MAX:
            self._left.clear()
        self._left[tenant] = (now, left - 1 if left >= 1 else left)
        return Quota(self._rate, int(left - 1)) if left >= 1 else None


@dataclass(slots=True)
class _Shares:
    """How many writes each tenant had let in, over the last five to ten seconds."""

    now: Counter[str]
    before: Counter[str]
    since: float

    def note(self, tenant: str) -> None:
        if monotonic() - self.since > SHARE_S:
            self.before, self.now, self.since = self.now, Counter(), monotonic()
        self.now[tenant] += 1

    def over(self, tenant: str) -> bool:
        return above_share(self.now + self.before, tenant)


def above_share(held: Counter[str], tenant: str) -> bool:
    """A tenant alone is never above its share; the whole limit is its own."""
    return len(held) > 1 and held[tenant] > held.total() / len(held)


class Gate:
    """One per process; every method is called on its event loop."""

    def __init__(
        self,
        limits: Limits | None = None,
        depth: Depth = lambda: 0,
        waiting: Waiting = lambda _: NOTHING,
    ) -> None:
        self.limits = limits or Limits()
        self._depth = depth
        self._waiting = waiting
        self._buckets = Buckets(self.limits.rate)
        self._held: Counter[str] = Counter()
        self._shares = _Shares(Counter(), Counter(), monotonic())
        self.in_flight = 0

    @property
    def depth(self) -> int:
        """Records the producer of this process still has in its hands."""
        return self._depth()

    def enter(self) -> None:
        """Raises Problem 503 while this process has all hands full."""
        if self.in_flight >= self.limits.in_flight:
            detail = "This process has as many requests as it takes."
            raise busy(detail, 1, "in_flight")
        self.in_flight += 1

    def leave(self, tenant: str | None) -> None:
        self.in_flight -= 1
        if tenant is not None:
            self._held[tenant] -= 1
            if not self._held[tenant]:
                del self._held[tenant]

    def admit(self, tenant: str) -> Quota:
        """One request of a known tenant; raises Problem 429 above rate or share."""
        quota = self._buckets.take(tenant)
        if quota is None:
            empty = Quota(self.limits.rate, 0)
            detail = "This tenant asks faster than it may."
            raise too_many(detail, 1, "rate", empty)
        if self.in_flight >= HALF * self.limits.in_flight:
            _check_share(1, over=above_share(self._held, tenant))
        return quota

    def hold(self, tenant: str) -> None:
        """One of the requests in flight is this tenant's, until `leave`."""
        self._held[tenant] += 1

    def admit_write(self, tenant: str, family: str) -> None:
        """Before a command is appended; raises Problem 429 or 503 with Retry-After."""
        load = self._waiting(family)
        pressure = max(
            self._depth() / self.limits.producer_records,
            load.undecided / self.limits.undecided,
            load.lag_s / self.limits.lag_s,
        )
        later = min(RETRY_MAX_S, max(1, math.ceil(load.lag_s)))
        if pressure >= 1:
            raise busy(_backlog(family, load, self._depth()), later, "backlog")
        if pressure >= HALF:
            _check_share(later, over=self._shares.over(tenant))
        self._shares.note(tenant)


def _backlog(family: str, load: Load, unsent: int) -> str:
    return (
        f"{load.undecided} commands of {family} wait for their decision, the oldest "
        f"for {load.lag_s:.0f} s, and {unsent} for the broker."
    )


def _check_share(later: int, *, over: bool) -> None:
    if over:
        detail = "Others wait; this tenant has more than its share."
        raise too_many(detail, later, "share")


def busy(detail: str, retry_s: int, reason: str) -> Problem:
    """To be raised; counted under its reason, as `too_many` is."""
    REFUSED.labels(reason).inc()
    return Problem(503, detail, code="busy", headers={"Retry-After": str(retry_s)})


def too_many(
    detail: str, retry_s: int, reason: str, quota: Quota | None = None
) -> Problem:
    REFUSED.labels(reason).inc()
    told = {"Retry-After": str(retry_s)}
    if quota is not None:
        told |= quota.headers()
    return Problem(429, detail, code="too_many", headers=told)


def _raw(quota: Quota) -> list[tuple[bytes, bytes]]:
    found = quota.headers().items()
    return [(name.lower().encode(), text.encode()) for name, text in found]


class Shedding:
    """Counts requests in and out, and adds what the tenant may still ask."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNCOUNTED:
            await self._app(scope, receive, send)
            return
        try:
            self._gate.enter()
        except Problem as full:
            await document(full)(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["counted"] = True

        async def told(message: Message) -> None:
            quota: Quota | None = state.get("quota")
            if quota is not None and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_raw(quota)]
            await send(message)

        try:
            await self._app(scope, receive, told)
        finally:
            self._gate.leave(state.get("tenant"))
