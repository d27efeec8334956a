"""What may be wished of a tenant, its people and their keys."""

from typing import TypeAlias

from msgspec import Struct


class CreateTenant(Struct, frozen=True, tag="io.contentops.tenant.create.v1"):
    name: str
    plan: str = "free"


class LimitTenant(Struct, frozen=True, tag="io.contentops.tenant.limit.v1"):
    """How much its assets may take, all versions counted; None = no limit."""

    asset_bytes: int | None = None
    asset_files: int | None = None


class AddUser(Struct, frozen=True, tag="io.contentops.user.add.v1"):
    role: str


class CreateKey(Struct, frozen=True, tag="io.contentops.key.create.v1"):
    user_id: str
    role: str
    sha256: str
    label: str = ""


class RevokeKey(Struct, frozen=True, tag="io.contentops.key.revoke.v1"):
    pass


TenantCommand: TypeAlias = CreateTenant | LimitTenant
UserCommand: TypeAlias = AddUser
KeyCommand: TypeAlias = CreateKey | RevokeKey
