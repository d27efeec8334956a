"""What may have happened to a policy: versions that stay, and which one counts."""

from typing import TypeAlias

from msgspec import Struct


class PolicyWritten(Struct, frozen=True, tag="io.contentops.policy.written.v1"):
    """A version never changes; the next one has the next number, whatever its name."""

    name: str
    number: int
    document: str


class PolicyLabelled(Struct, frozen=True, tag="io.contentops.policy.labelled.v1"):
    """`name` is that version's; `before` is the number that had the label until now."""

    name: str
    number: int
    label: str = "live"
    before: int = 0


PolicyEvent: TypeAlias = PolicyWritten | PolicyLabelled
