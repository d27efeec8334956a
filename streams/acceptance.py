"""The acceptance rule: which records of an event topic count, in O(1) per partition.

Every reader applies this one function. A claim is accepted iff its epoch is the current
one plus one; any other record iff it carries the current epoch and owner and the next
number. Everything else is void: a frozen or fenced owner may write whatever it likes,
late, and no reader will believe it.
"""

from msgspec import Struct

from schemas.envelope import Envelope
from schemas.events.log import LogClaimed
from schemas.registry import wire_name

CLAIM = wire_name(LogClaimed)


class Fence(Struct, frozen=True, gc=False):
    """Who may write to a partition now, and the number its next record carries."""

    epoch: int = 0
    owner: str = ""
    n: int = 0


def accept(fence: Fence, envelope: Envelope) -> Fence | None:
    """The fence after this record, or None when the record is void."""
    if envelope.type == CLAIM:
        if envelope.epoch != fence.epoch + 1:
            return None
        return Fence(envelope.epoch, envelope.owner, 0)
    if (envelope.epoch, envelope.owner, envelope.n) != (
        fence.epoch,
        fence.owner,
        fence.n,
    ):
        return None
    return Fence(fence.epoch, fence.owner, fence.n + 1)
