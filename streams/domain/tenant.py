"""Rules of a tenant."""

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.tenant import LimitTenant, TenantCommand
from schemas.events.tenant import TenantCreated, TenantEvent, TenantLimited
from streams.domain.limits import refuse_negative
from streams.domain.rejected import missing


class Tenant(Struct, frozen=True):
    exists: bool = False
    limits: TenantLimited = TenantLimited()


initial = Tenant()


def decide(command: TenantCommand, tenant: Tenant) -> TenantEvent | None:
    if isinstance(command, LimitTenant):
        return _limit(command, tenant)
    if tenant.exists:
        return None
    return TenantCreated(name=command.name, plan=command.plan)


def _limit(command: LimitTenant, tenant: Tenant) -> TenantEvent | None:
    if not tenant.exists:
        raise missing("tenant")
    refuse_negative(command)
    wanted = TenantLimited(command.asset_bytes, command.asset_files)
    return None if wanted == tenant.limits else wanted


def evolve(tenant: Tenant, event: TenantEvent) -> Tenant:
    if isinstance(event, TenantLimited):
        return replace(tenant, limits=event)
    return replace(tenant, exists=True)
