"""Single calls: with a key, behind a breaker, repeated by the one layer of retries."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace
from tenacity import AsyncRetrying, retry_if_exception

from ai_adapter.attempts import Run, Shut, Timing, seen_of
from ai_adapter.base import Call, Reply
from ai_adapter.breakers import Breakers, Leave, Place
from ai_adapter.errors import (
    FAILURES,
    AskAgain,
    Misconfigured,
    OutcomeUnknown,
    Refused,
    TryLater,
)
from ai_adapter.open_streams import OpenStream, begun
from ai_adapter.ports import Keys
from ai_adapter.providers.port import Provider
from ai_adapter.registry import Target

T = TypeVar("T")
Once = Callable[[Call, Target, Run], Awaitable[T]]


@dataclass(frozen=True)
class Caller:
    """The providers of one gateway, and what is known of their health."""

    timing: Timing
    providers: Mapping[str, Provider]
    keys: Keys
    breakers: Breakers

    async def asked(self, call: Call, target: Target, run: Run) -> Reply:
        """One call and its whole answer."""
        ready, leave = await self._ready(call, target, run)
        try:
            reply = await run.attempt(self.providers[target.provider], ready)
        except FAILURES as failure:
            leave.end(seen_of(failure, ready.timeout_s))
            raise
        except BaseException:
            leave.end(None)
            raise
        leave.end("good")
        return reply

    async def opened(self, call: Call, target: Target, run: Run) -> OpenStream:
        """One call and the beginning of its answer."""
        ready, leave = await self._ready(call, target, run)
        flow = self.providers[target.provider].stream(ready)
        made = run.call(target.provider, target.model)
        return await begun(ready, flow, made, leave)

    async def repeated(
        self, once: Once[T], call: Call, target: Target, run: Run
    ) -> T | None:
        """All calls one model gets; None when the next in the list should be asked."""
        if run.over():
            return None
        retrying = AsyncRetrying(
            sleep=self.timing.sleep,
            retry=retry_if_exception(run.again),
            wait=run.wait,
            stop=run.stop,
            reraise=True,
        )
        try:
            return await retrying(once, call, target, run)
        except (TryLater, AskAgain, Misconfigured, Shut):
            return None  # each call is on the run's list, with its reason
        except OutcomeUnknown as lost:
            if call.ask.paid_once:
                raise Refused("outcome_unknown", str(lost)) from lost
            return None

    async def opens_at(self, tenant: str, targets: Iterable[Target]) -> datetime | None:
        """The earliest time one of them may be asked; None = now, or nobody is."""
        moments = [
            self.breakers.opens_at(await self._place(tenant, target))
            for target in targets
        ]
        later = [moment for moment in moments if moment is not None]
        return min(later) if later and len(later) == len(moments) else None

    async def _ready(self, call: Call, target: Target, run: Run) -> tuple[Call, Leave]:
        place = await self._place(call.ask.tenant_id, target)
        leave = self.breakers.admit(place)
        if leave is None:
            raise Shut
        left = max(run.left(), 0.001)
        ready = replace(
            call,
            model=target.model,
            timeout_s=left,
            key=place.key,
            repair=run.repair,
        )
        return ready, leave

    async def _place(self, tenant: str, target: Target) -> Place:
        key = await self.keys.key(tenant, target.provider)
        return Place(target.provider, target.model, key)
