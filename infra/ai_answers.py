"""Kept answers and bodies of calls: removed for a tenant, and when they are old."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple

import structlog

from infra.settings import Settings
from infra.wiring import Ports, ports
from schemas.clock import utc_now
from streams.answer_store import AnswerStore
from streams.call_bodies import Bodies, Terms
from streams.pools import Pool

SWEEP_S = 600.0
_log = structlog.get_logger("ai_answers")


class Purged(NamedTuple):
    answers: int
    bodies: int


def purge(settings: Settings, tenant: str) -> Purged:
    """How many answers and how many bodies of calls there were."""

    async def main() -> Purged:
        async with ports(settings, "worker") as opened:
            rows = await opened.pool(largest=1)
            kept = await bodies(opened, rows)
            answers = await AnswerStore(rows).purge(tenant)
            return Purged(answers, await kept.purge(tenant))

    return asyncio.run(main())


async def bodies(opened: Ports, rows: Pool) -> Bodies:
    """Where the texts of calls go, on the terms of this installation."""
    settings = opened.settings
    span = timedelta(days=settings.ai_bodies_days)
    terms = Terms(span, raw=settings.ai_bodies == "raw")
    return Bodies(rows, opened.storage, await opened.keyring(), terms)


async def keep_swept(opened: Ports) -> None:
    """Begins now and ends with the ports; for one role that sees all tenants' rows."""
    rows = await opened.pool(largest=1)
    kept = await bodies(opened, rows)
    await opened.enter(_sweeping(AnswerStore(rows), kept))


@asynccontextmanager
async def _sweeping(store: AnswerStore, kept: Bodies) -> AsyncIterator[None]:
    task = asyncio.create_task(_sweep(store, kept))
    try:
        yield
    finally:
        task.cancel()


async def _sweep(store: AnswerStore, kept: Bodies) -> None:
    while True:
        try:
            await store.sweep(utc_now())
            await kept.sweep(utc_now())
        except Exception as away:  # noqa: BLE001  (whatever the stores say, later)
            reason = type(away).__name__
            _log.warning("old answers stay", action="sweep_later", reason=reason)
        await asyncio.sleep(SWEEP_S)
