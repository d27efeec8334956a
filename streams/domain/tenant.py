"""Rules of a tenant."""

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.tenant import LimitTenant, TenantCommand
from schemas.events.tenant import TenantCreated, TenantEvent, TenantLimited
from streams.domain.rejected import Rejected, missing


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
    for field in ("asset_bytes", "asset_files"):
        if (getattr(command, field) or 0) < 0:
            raise Rejected(
                "invalid",
                "negative",
                "A limit is 0 or more; leave it out for none.",
                pointer=f"/{field}",
            )
    wanted = TenantLimited(command.asset_bytes, command.asset_files)
    return None if wanted == tenant.limits else wanted


def evolve(tenant: Tenant, event: TenantEvent) -> Tenant:
    if isinstance(event, TenantLimited):
        return replace(tenant, limits=event)
    return replace(tenant, exists=True)
