"""What may be wished of a platform account."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct


class ConnectAccount(Struct, frozen=True, tag="io.contentops.account.connect.v1"):
    platform: str
    open_id: str
    name: str
    mode: str
    secret_ref: str


class ReserveSlot(Struct, frozen=True, tag="io.contentops.slot.reserve.v1"):
    publication_id: str
    video_id: str
    at: datetime


class ReleaseSlot(Struct, frozen=True, tag="io.contentops.slot.release.v1"):
    publication_id: str


AccountCommand: TypeAlias = ConnectAccount | ReserveSlot | ReleaseSlot
