"""How many AI calls one API process makes at a time, for all and for each tenant."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from api.problems import Problem
from streams.metrics import REFUSED

RETRY_S = 2


class Direct:
    """Refuses instead of queueing: whoever wants to wait asks for a task instead."""

    def __init__(self, most: int = 50, per_tenant: int = 10) -> None:
        self._most = most
        self._per_tenant = per_tenant
        self._calls: Counter[str] = Counter()

    @property
    def busy(self) -> int:
        """Calls under way."""
        return self._calls.total()

    @contextmanager
    def call(self, tenant: str) -> Iterator[None]:
        """Holds one place; raises Problem 503 with Retry-After when none is free."""
        if self._calls[tenant] >= self._per_tenant:
            raise _full(f"This tenant has {self._per_tenant} calls under way.")
        if self._calls.total() >= self._most:
            raise _full("This process makes as many calls as it may.")
        self._calls[tenant] += 1
        try:
            yield
        finally:
            self._calls[tenant] -= 1
            if not self._calls[tenant]:
                del self._calls[tenant]


def _full(detail: str) -> Problem:
    REFUSED.labels("direct").inc()
    return Problem(
        503,
        f"{detail} Ask again later, or with `Prefer: respond-async`.",
        code="direct_full",
        headers={"Retry-After": str(RETRY_S)},
    )
