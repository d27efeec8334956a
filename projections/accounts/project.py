"""Accounts: which platform account a tenant connected, never its credential."""

from collections.abc import Iterable

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.account import (
    AccountConnected,
    SlotGranted,
    SlotRefused,
    SlotReleased,
)
from schemas.registry import Data

ACCOUNTS = Table("accounts")


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case AccountConnected() as connected:
            return (
                row(
                    ACCOUNTS,
                    record,
                    platform=connected.platform,
                    open_id=connected.open_id,
                    name=connected.name,
                    mode=connected.mode,
                    secret_ref=connected.secret_ref,
                    status="connected",
                ),
            )
        case SlotGranted() | SlotRefused() | SlotReleased():
            return (row(ACCOUNTS, record),)
        case _:
            return ()
