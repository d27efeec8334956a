"""What may be wished of a policy, the document that says which model answers what."""

from typing import TypeAlias

from msgspec import Struct


class WritePolicy(Struct, frozen=True, tag="io.contentops.policy.write.v1"):
    """`document` is JSON; what may be in it is said where it is read."""

    name: str
    document: str


class LabelPolicy(Struct, frozen=True, tag="io.contentops.policy.label.v1"):
    """Make a version the one that counts; 0 = none, what is built in counts again."""

    number: int
    label: str = "live"


PolicyCommand: TypeAlias = WritePolicy | LabelPolicy
