"""The gateway of a process: its endpoints, and everything it needs from outside."""

import asyncio
import os
import platform
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ai_adapter.base import Fact
from ai_adapter.cache import Cache
from ai_adapter.gateway import Gateway
from ai_adapter.guard.guard import StandardGuard
from ai_adapter.metrics import Meters
from ai_adapter.ports import Policies
from infra import ai_spans, prices
from infra.ai_answers import bodies, keep_swept
from infra.ai_audited import AuditedGateway, Keeper
from infra.ai_endpoints import endpoints
from infra.ai_keys import ProviderKeys
from infra.ai_noting import noting
from infra.ai_prompts import Appends, LivePrompts
from infra.wiring import Ports
from streams.answer_store import AnswerStore


async def around(
    opened: Ports,
    log: Appends,
    policies: Policies | None = None,
    *,
    looks: bool = False,
) -> Gateway:
    """Closed with the ports; without an endpoint a template answers, and says so.

    `looks`: this process asks the providers daily which of their models end, and
    removes old answers of everybody.
    """
    settings = opened.settings
    rows = await opened.pool(largest=4)
    seen_by = f"{platform.node()}/{os.getpid()}"
    notes = await opened.enter(noting(log, seen_by))
    gateway = await opened.enter(
        _closing(
            AuditedGateway(
                endpoints(settings),
                policies=policies,
                cache=Cache(AnswerStore(rows)),
                keys=ProviderKeys(await opened.keyring()),
                prices=prices.book(settings),
                guard=StandardGuard(settings.secret_for("ai:canaries").encode()),
                prompts=LivePrompts(await opened.pool(largest=2), log),
                tell=_each(Meters().tell, ai_spans.tell, notes.tell),
                salt=settings.secret_for("ai:customers").encode(),
            )
        )
    )
    if settings.ai_bodies != "none":
        gateway.audited_by(Keeper(await bodies(opened, rows)))
    if looks:
        await keep_swept(opened)
        await opened.enter(_looking(gateway))
    return gateway


@asynccontextmanager
async def _closing(gateway: AuditedGateway) -> AsyncIterator[AuditedGateway]:
    try:
        yield gateway
    finally:
        await gateway.close()


@asynccontextmanager
async def _looking(gateway: Gateway) -> AsyncIterator[None]:
    looking = asyncio.create_task(gateway.keep_looking())
    try:
        yield
    finally:
        looking.cancel()


def _each(*listeners: Callable[[Fact], None]) -> Callable[[Fact], None]:
    def tell(fact: Fact) -> None:
        for listener in listeners:
            listener(fact)

    return tell
