"""Rules of a tenant."""

from msgspec import Struct

from schemas.commands.tenant import TenantCommand
from schemas.events.tenant import TenantCreated, TenantEvent


class Tenant(Struct, frozen=True):
    exists: bool = False


initial = Tenant()


def decide(command: TenantCommand, tenant: Tenant) -> TenantEvent | None:
    if tenant.exists:
        return None
    return TenantCreated(name=command.name, plan=command.plan)


def evolve(_tenant: Tenant, _event: TenantEvent) -> Tenant:
    return Tenant(exists=True)
