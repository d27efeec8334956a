"""Every wire name with its class, and which aggregate it belongs to."""

from typing import TypeAlias, get_args

import msgspec

from schemas.commands.account import AccountCommand
from schemas.commands.asset import AssetCommand
from schemas.commands.content import CopyCommand, ProjectCommand
from schemas.commands.job import JobCommand
from schemas.commands.lead import LeadCommand, PageCommand
from schemas.commands.publication import PublicationCommand
from schemas.commands.tenant import KeyCommand, TenantCommand, UserCommand
from schemas.events.account import AccountEvent
from schemas.events.asset import AssetEvent
from schemas.events.content import CopyEvent, ProjectEvent
from schemas.events.job import JobEvent
from schemas.events.lead import LeadEvent, PageEvent
from schemas.events.log import LogRecord
from schemas.events.publication import PublicationEvent
from schemas.events.tenant import KeyEvent, TenantEvent, UserEvent
from schemas.observations import Observation

Event: TypeAlias = (
    TenantEvent
    | UserEvent
    | KeyEvent
    | ProjectEvent
    | CopyEvent
    | AssetEvent
    | JobEvent
    | AccountEvent
    | PublicationEvent
    | PageEvent
    | LeadEvent
)
Command: TypeAlias = (
    TenantCommand
    | UserCommand
    | KeyCommand
    | ProjectCommand
    | CopyCommand
    | AssetCommand
    | JobCommand
    | AccountCommand
    | PublicationCommand
    | PageCommand
    | LeadCommand
)
Data: TypeAlias = Event | Command | LogRecord | Observation


class UnknownType(Exception):
    """A newer build wrote this; update this one before it reads on."""


def _members(union: object) -> tuple[type[msgspec.Struct], ...]:
    return get_args(union) or (union,)


def wire_name(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)


COMMANDS_OF: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "tenant": _members(TenantCommand),
    "user": _members(UserCommand),
    "key": _members(KeyCommand),
    "project": _members(ProjectCommand),
    "copy": _members(CopyCommand),
    "asset": _members(AssetCommand),
    "job": _members(JobCommand),
    "account": _members(AccountCommand),
    "publication": _members(PublicationCommand),
    "page": _members(PageCommand),
    "lead": _members(LeadCommand),
}
EVENTS_OF: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "tenant": _members(TenantEvent),
    "user": _members(UserEvent),
    "key": _members(KeyEvent),
    "project": _members(ProjectEvent),
    "copy": _members(CopyEvent),
    "asset": _members(AssetEvent),
    "job": _members(JobEvent),
    "account": _members(AccountEvent),
    "publication": _members(PublicationEvent),
    "page": _members(PageEvent),
    "lead": _members(LeadEvent),
}
AGGREGATE_OF = {
    kind: aggregate for aggregate, kinds in COMMANDS_OF.items() for kind in kinds
}
TYPES: dict[str, type[msgspec.Struct]] = {
    wire_name(kind): kind
    for group in (
        *COMMANDS_OF.values(),
        *EVENTS_OF.values(),
        _members(LogRecord),
        _members(Observation),
    )
    for kind in group
}
_DECODERS: dict[str, msgspec.json.Decoder[Data]] = {
    name: msgspec.json.Decoder(kind) for name, kind in TYPES.items()
}
_ENCODER = msgspec.json.Encoder()


def encode(data: msgspec.Struct) -> bytes:
    return _ENCODER.encode(data)


def decode(name: str, value: bytes) -> Data:
    """Unknown fields of a newer minor version are ignored.

    Raises UnknownType for a wire name of a newer build, msgspec.ValidationError
    or msgspec.DecodeError for a body that is not what the name says.
    """
    decoder = _DECODERS.get(name)
    if decoder is None:
        raise UnknownType(name)
    return decoder.decode(value)
