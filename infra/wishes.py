"""Commands of a person at the machine itself: on the log, decided and visible."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import TypeAlias

from infra.problem import Stop
from infra.settings import Settings
from schemas.clock import utc_now
from schemas.envelope import command
from schemas.ids import derived, event_id
from schemas.registry import Command
from streams.decisions import Decision, Decisions
from streams.log import Log
from streams.pools import open_pool

WAIT_S = 30.0

Wish: TypeAlias = tuple[Command, str]


def decide_all(settings: Settings, tenant: str, wishes: Sequence[Wish]) -> None:
    """Each with the id of its stream, in order; raises Stop at the first refusal."""
    if not tenant.isascii() or not tenant.replace("-", "").isalnum():
        raise Stop("A tenant is letters, digits and hyphens.", code=2)
    if settings.kafka is None:
        raise Stop("No Kafka: start `contentops up` first, or set CONTENTOPS_KAFKA.")
    asyncio.run(_decide_all(settings, settings.kafka, tenant, wishes))


async def _decide_all(
    settings: Settings, kafka: str, tenant: str, wishes: Sequence[Wish]
) -> None:
    log = Log(kafka)
    conninfo = settings.dsn("worker")
    async with open_pool(conninfo, smallest=1, largest=2) as pool:
        decisions = Decisions(pool, conninfo)
        await decisions.open()
        for wish, aggregate_id in wishes:
            await _decide(log, decisions, tenant, wish, aggregate_id)
        await decisions.close()
    await log.close()


async def _decide(
    log: Log, decisions: Decisions, tenant: str, wish: Command, aggregate_id: str
) -> Decision:
    id_ = derived("wish at the machine", secrets.token_hex(16))
    record = command(
        wish,
        tenant=tenant,
        aggregate_id=aggregate_id,
        id=id_,
        time=utc_now(),
        auth_id="machine",
    )
    await log.append(record)
    found = await decisions.decision(tenant, id_, WAIT_S)
    if found is None:
        raise Stop(
            f"Nothing decided within {WAIT_S:.0f} s (event {event_id(id_)}); "
            "are the roles decider and projector running? See `contentops doctor`."
        )
    if found.problem is not None:
        raise Stop(f"{found.problem.code}: {found.problem.detail}")
    return found
