"""Tenants, users and keys; a key is known by its SHA-256 alone."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.tenant import (
    KeyCreated,
    KeyRevoked,
    TenantCreated,
    TenantLimited,
    UserAdded,
)
from schemas.registry import Data

TENANTS = Table("tenants")
USERS = Table("users")
KEYS = Table("keys")


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case TenantCreated(name=name, plan=plan):
            return (row(TENANTS, record, name=name, plan=plan),)
        case TenantLimited(asset_bytes=most, asset_files=files):
            return (row(TENANTS, record, asset_bytes=most, asset_files=files),)
        case UserAdded(role=role):
            return (row(USERS, record, role=role),)
        case KeyCreated() as key:
            return (
                row(
                    KEYS,
                    record,
                    user_id=key.user_id,
                    role=key.role,
                    sha256=key.sha256,
                    label=key.label,
                    revoked=False,
                ),
            )
        case KeyRevoked():
            return (row(KEYS, record, revoked=True),)
        case _:
            return ()
