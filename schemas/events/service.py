"""What may have happened to a tool that somebody else runs."""

from typing import TypeAlias

from msgspec import Struct


class ServiceRegistered(Struct, frozen=True, tag="io.contentops.service.registered.v1"):
    """Also when it is registered again, with what it says of itself now."""

    name: str
    url: str
    tool_version: str
    about: str
    input: str
    output: str
    secret_ref: str


class ServiceRemoved(Struct, frozen=True, tag="io.contentops.service.removed.v1"):
    name: str
    secret_ref: str


ServiceEvent: TypeAlias = ServiceRegistered | ServiceRemoved
