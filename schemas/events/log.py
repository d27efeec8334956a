"""Records the log keeps about itself: claims, refusals and decisions of no effect."""

from typing import TypeAlias

from msgspec import Struct


class LogClaimed(Struct, frozen=True, tag="io.contentops.log.claimed.v1"):
    """A decider takes a partition; `command_topic_id` is where it reads from."""

    command_topic_id: str


class LogRejected(Struct, frozen=True, tag="io.contentops.log.rejected.v1"):
    """`kind`: invalid, conflict, stale, missing, forbidden or command_failed."""

    kind: str
    code: str
    pointer: str = ""
    detail: str = ""


class LogUnchanged(Struct, frozen=True, tag="io.contentops.log.unchanged.v1"):
    pass


LogRecord: TypeAlias = LogClaimed | LogRejected | LogUnchanged
