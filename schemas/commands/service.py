"""What may be wished of a tool that somebody else runs."""

from typing import TypeAlias

from msgspec import Struct


class RegisterService(Struct, frozen=True, tag="io.contentops.service.register.v1"):
    """`input` and `output` are JSON Schema as text; the secret is only referred to."""

    name: str
    url: str
    tool_version: str
    about: str
    input: str
    output: str
    secret_ref: str


class RemoveService(Struct, frozen=True, tag="io.contentops.service.remove.v1"):
    """Nobody is asked any more; what was made stays."""


ServiceCommand: TypeAlias = RegisterService | RemoveService
