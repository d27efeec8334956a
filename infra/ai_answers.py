"""Kept answers of this installation: removed for a tenant, and when they are old."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from ai_adapter.cache import Away
from infra.settings import Settings
from infra.wiring import Ports, pool_of
from schemas.clock import utc_now
from streams.answer_store import AnswerStore

SWEEP_S = 600.0
_log = structlog.get_logger("ai_answers")


def purge(settings: Settings, tenant: str) -> int:
    """How many there were."""

    async def main() -> int:
        async with pool_of(settings, "worker", largest=1) as pool:
            return await AnswerStore(pool).purge(tenant)

    return asyncio.run(main())


async def keep_swept(opened: Ports) -> None:
    """Begins now and ends with the ports; for one role that sees all tenants' rows."""
    store = AnswerStore(await opened.pool(largest=1))
    await opened.enter(_sweeping(store))


@asynccontextmanager
async def _sweeping(store: AnswerStore) -> AsyncIterator[None]:
    task = asyncio.create_task(_sweep(store))
    try:
        yield
    finally:
        task.cancel()


async def _sweep(store: AnswerStore) -> None:
    while True:
        try:
            await store.sweep(utc_now())
        except Away as away:
            _log.warning("old answers stay", action="sweep_later", reason=str(away))
        await asyncio.sleep(SWEEP_S)
