"""Making an API key on the machine itself: tenant, person and key, all on the log."""

import asyncio
import hashlib
import secrets

from infra.problem import Stop
from infra.settings import Settings
from schemas.clock import utc_now
from schemas.commands.tenant import AddUser, CreateKey, CreateTenant
from schemas.envelope import command
from schemas.ids import derived, event_id
from schemas.registry import Command
from streams.decisions import Decision, Decisions
from streams.log import Log
from streams.pools import open_pool

WAIT_S = 30.0


def create(settings: Settings, tenant: str, role: str) -> str:
    """The new key, once its row is visible; it is shown once and stored hashed."""
    return asyncio.run(_create(settings, tenant, role))


async def _create(settings: Settings, tenant: str, role: str) -> str:
    if not tenant.isascii() or not tenant.replace("-", "").isalnum():
        raise Stop("--tenant takes letters, digits and hyphens.")
    if settings.kafka is None:
        raise Stop("No Kafka: start `contentops up` first, or set CONTENTOPS_KAFKA.")
    key = f"co_{secrets.token_urlsafe(32)}"
    sha256 = hashlib.sha256(key.encode()).hexdigest()
    user_id = derived("user", tenant, role)
    wishes: list[tuple[Command, str]] = [
        (CreateTenant(name=tenant), tenant),
        (AddUser(role=role), user_id),
        (
            CreateKey(user_id=user_id, role=role, sha256=sha256),
            derived("key", sha256),
        ),
    ]
    log = Log(settings.kafka)
    conninfo = settings.dsn("worker")
    async with open_pool(conninfo, smallest=1, largest=2) as pool:
        decisions = Decisions(pool, conninfo)
        await decisions.open()
        for wish, aggregate_id in wishes:
            await _decide(log, decisions, tenant, wish, aggregate_id)
        await decisions.close()
    await log.close()
    return key


async def _decide(
    log: Log, decisions: Decisions, tenant: str, wish: Command, aggregate_id: str
) -> Decision:
    id_ = derived("key create", secrets.token_hex(16))
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
