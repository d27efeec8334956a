"""What may have happened to a tenant, its people and their keys."""

from typing import TypeAlias

from msgspec import Struct


class TenantCreated(Struct, frozen=True, tag="io.contentops.tenant.created.v1"):
    name: str
    plan: str = "free"


class TenantLimited(Struct, frozen=True, tag="io.contentops.tenant.limited.v1"):
    asset_bytes: int | None = None
    asset_files: int | None = None


class UserAdded(Struct, frozen=True, tag="io.contentops.user.added.v1"):
    role: str


class KeyCreated(Struct, frozen=True, tag="io.contentops.key.created.v1"):
    """Only the SHA-256 of the key is known; the key itself was shown once."""

    user_id: str
    role: str
    sha256: str
    label: str = ""


class KeyRevoked(Struct, frozen=True, tag="io.contentops.key.revoked.v1"):
    pass


TenantEvent: TypeAlias = TenantCreated | TenantLimited
UserEvent: TypeAlias = UserAdded
KeyEvent: TypeAlias = KeyCreated | KeyRevoked
