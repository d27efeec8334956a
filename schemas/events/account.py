"""What may have happened to a platform account and the slots it grants."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct


class AccountConnected(Struct, frozen=True, tag="io.contentops.account.connected.v1"):
    """`secret_ref` names the sealed credential; the credential never is on the log."""

    platform: str
    open_id: str
    name: str
    mode: str
    secret_ref: str


class SlotGranted(Struct, frozen=True, tag="io.contentops.slot.granted.v1"):
    publication_id: str
    video_id: str
    at: datetime


class SlotRefused(Struct, frozen=True, tag="io.contentops.slot.refused.v1"):
    publication_id: str
    code: str
    reason: str


class SlotReleased(Struct, frozen=True, tag="io.contentops.slot.released.v1"):
    publication_id: str


AccountEvent: TypeAlias = AccountConnected | SlotGranted | SlotRefused | SlotReleased
