"""Rules of a platform account: it alone grants the slots to publish in."""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.account import (
    AccountCommand,
    ConnectAccount,
    ReleaseSlot,
    ReserveSlot,
)
from schemas.events.account import (
    AccountConnected,
    AccountEvent,
    SlotGranted,
    SlotRefused,
    SlotReleased,
)
from streams.domain.rejected import missing


class Account(Struct, frozen=True):
    """`slots` maps a publication to the video it may bring out here."""

    connected: AccountConnected | None = None
    slots: dict[str, str] = {}


initial = Account()


def decide(command: AccountCommand, account: Account) -> AccountEvent | None:
    match command:
        case ConnectAccount():
            return _connect(command, account)
        case ReserveSlot():
            return _reserve(command, account)
        case ReleaseSlot(publication_id=publication_id):
            if publication_id not in account.slots:
                return None
            return SlotReleased(publication_id=publication_id)
        case _:
            assert_never(command)


def _connect(command: ConnectAccount, account: Account) -> AccountEvent | None:
    wanted = AccountConnected(
        platform=command.platform,
        open_id=command.open_id,
        name=command.name,
        mode=command.mode,
        secret_ref=command.secret_ref,
    )
    return None if account.connected == wanted else wanted


def _reserve(command: ReserveSlot, account: Account) -> AccountEvent | None:
    """A refusal is an event: the publication has to learn of it."""
    if account.connected is None:
        raise missing("account")
    if command.publication_id in account.slots:
        return None
    if command.video_id in account.slots.values():
        return SlotRefused(
            publication_id=command.publication_id,
            code="duplicate_material",
            reason="This account already brings out this video.",
        )
    return SlotGranted(
        publication_id=command.publication_id,
        video_id=command.video_id,
        at=command.at,
    )


def evolve(account: Account, event: AccountEvent) -> Account:
    slots = dict(account.slots)
    match event:
        case AccountConnected():
            return replace(account, connected=event)
        case SlotGranted(publication_id=publication_id, video_id=video_id):
            slots[publication_id] = video_id
        case SlotReleased(publication_id=publication_id):
            slots.pop(publication_id, None)
        case SlotRefused():
            return account
        case _:
            assert_never(event)
    return replace(account, slots=slots)
