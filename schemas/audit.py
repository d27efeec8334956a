"""What the auditor signs: how far a partition is hashed, and to which root."""

from datetime import datetime

from msgspec import Raw, Struct


class Stretch(Struct, frozen=True):
    """Offsets [start, end) of one partition; `root` stands for all of [0, end).

    Roots are SHA-256 in hex, `key` is the public Ed25519 key in hex.
    """

    topic: str
    topic_id: str
    partition: int
    start: int
    end: int
    previous: str
    root: str
    at: datetime
    key: str


class Checkpoint(Struct, frozen=True):
    """`stretch` stays the bytes that were signed, so a newer field breaks nothing."""

    stretch: Raw
    signature: str
