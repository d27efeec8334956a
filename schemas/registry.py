"""Every wire name with its class, and which aggregate it belongs to."""

from collections.abc import Iterable
from typing import TypeAlias, cast, get_args

import msgspec

from schemas.commands.account import AccountCommand
from schemas.commands.asset import AssetCommand
from schemas.commands.budget import BudgetCommand
from schemas.commands.chain import ChainCommand, RunCommand
from schemas.commands.content import CopyCommand, ProjectCommand
from schemas.commands.experiment import ExperimentCommand, ExposureCommand
from schemas.commands.job import JobCommand
from schemas.commands.lead import LeadCommand, PageCommand
from schemas.commands.model import ModelCommand
from schemas.commands.moderation import ModerationCommand, WordlistCommand
from schemas.commands.policy import PolicyCommand
from schemas.commands.prompt import PromptCommand
from schemas.commands.publication import PublicationCommand
from schemas.commands.service import ServiceCommand
from schemas.commands.subtitle import SubtitleCommand
from schemas.commands.tenant import KeyCommand, TenantCommand, UserCommand
from schemas.commands.timeline import TimelineCommand
from schemas.events.account import AccountEvent
from schemas.events.asset import AssetEvent
from schemas.events.budget import BudgetEvent
from schemas.events.chain import ChainEvent, RunEvent
from schemas.events.content import CopyEvent, ProjectEvent
from schemas.events.experiment import ExperimentEvent, ExposureEvent
from schemas.events.job import JobEvent
from schemas.events.lead import LeadEvent, PageEvent
from schemas.events.log import LogRecord
from schemas.events.model import ModelEvent
from schemas.events.moderation import ModerationEvent, WordlistEvent
from schemas.events.policy import PolicyEvent
from schemas.events.prompt import PromptEvent
from schemas.events.publication import PublicationEvent
from schemas.events.service import ServiceEvent
from schemas.events.subtitle import SubtitleEvent
from schemas.events.tenant import KeyEvent, TenantEvent, UserEvent
from schemas.events.timeline import TimelineEvent
from schemas.observations import Observation
from schemas.rulings import LogRuled
from schemas.upcasts import UPCASTS, Upcast

Event: TypeAlias = (
    TenantEvent
    | UserEvent
    | KeyEvent
    | ProjectEvent
    | CopyEvent
    | AssetEvent
    | TimelineEvent
    | SubtitleEvent
    | JobEvent
    | AccountEvent
    | PublicationEvent
    | PageEvent
    | LeadEvent
    | BudgetEvent
    | PolicyEvent
    | ModerationEvent
    | WordlistEvent
    | PromptEvent
    | ChainEvent
    | RunEvent
    | ServiceEvent
    | ExperimentEvent
    | ExposureEvent
    | ModelEvent
)
Command: TypeAlias = (
    TenantCommand
    | UserCommand
    | KeyCommand
    | ProjectCommand
    | CopyCommand
    | AssetCommand
    | TimelineCommand
    | SubtitleCommand
    | JobCommand
    | AccountCommand
    | PublicationCommand
    | PageCommand
    | LeadCommand
    | BudgetCommand
    | PolicyCommand
    | ModerationCommand
    | WordlistCommand
    | PromptCommand
    | ChainCommand
    | RunCommand
    | ServiceCommand
    | ExperimentCommand
    | ExposureCommand
    | ModelCommand
)
Data: TypeAlias = Event | Command | LogRecord | LogRuled | Observation


class UnknownType(Exception):
    """A newer build wrote this; update this one before it reads on."""


class Unwritable(Exception):
    """This may not go on the log: correct the field it names in whoever made it."""


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
    "timeline": _members(TimelineCommand),
    "subtitle": _members(SubtitleCommand),
    "job": _members(JobCommand),
    "account": _members(AccountCommand),
    "publication": _members(PublicationCommand),
    "page": _members(PageCommand),
    "lead": _members(LeadCommand),
    "budget": _members(BudgetCommand),
    "policy": _members(PolicyCommand),
    "moderation": _members(ModerationCommand),
    "wordlist": _members(WordlistCommand),
    "prompt": _members(PromptCommand),
    "experiment": _members(ExperimentCommand),
    "exposure": _members(ExposureCommand),
    "chain": _members(ChainCommand),
    "run": _members(RunCommand),
    "model": _members(ModelCommand),
    "service": _members(ServiceCommand),
}
EVENTS_OF: dict[str, tuple[type[msgspec.Struct], ...]] = {
    "tenant": _members(TenantEvent),
    "user": _members(UserEvent),
    "key": _members(KeyEvent),
    "project": _members(ProjectEvent),
    "copy": _members(CopyEvent),
    "asset": _members(AssetEvent),
    "timeline": _members(TimelineEvent),
    "subtitle": _members(SubtitleEvent),
    "job": _members(JobEvent),
    "account": _members(AccountEvent),
    "publication": _members(PublicationEvent),
    "page": _members(PageEvent),
    "lead": _members(LeadEvent),
    "budget": _members(BudgetEvent),
    "policy": _members(PolicyEvent),
    "moderation": _members(ModerationEvent),
    "wordlist": _members(WordlistEvent),
    "prompt": _members(PromptEvent),
    "experiment": _members(ExperimentEvent),
    "exposure": _members(ExposureEvent),
    "chain": _members(ChainEvent),
    "run": _members(RunEvent),
    "model": _members(ModelEvent),
    "service": _members(ServiceEvent),
}
AGGREGATE_OF = {
    kind: aggregate for aggregate, kinds in COMMANDS_OF.items() for kind in kinds
}
_ENCODER = msgspec.json.Encoder()


def encode(data: msgspec.Struct) -> bytes:
    return _ENCODER.encode(data)


class Registry:
    """Kinds by wire name, and what leads from an old version to the next one.

    A value: a test builds its own, with kinds of tomorrow in it.
    """

    def __init__(
        self, kinds: Iterable[type[msgspec.Struct]], upcasts: Iterable[Upcast] = ()
    ) -> None:
        self._upcasts = {each.old: each for each in upcasts}
        every = (*kinds, *self._upcasts)
        self.kinds = {wire_name(kind): kind for kind in every}
        if len(self.kinds) < len(every):
            raise ValueError("a wire name is used twice")
        for old in self._upcasts:
            if next_name(wire_name(old)) not in self.kinds:
                raise ValueError(f"{wire_name(old)} has an upcast to nowhere")
        self._decoders: dict[str, msgspec.json.Decoder[Data]] = {
            name: msgspec.json.Decoder(kind) for name, kind in self.kinds.items()
        }

    def newest(self, name: str) -> type[msgspec.Struct]:
        """What data of this wire name is read as."""
        while self.kinds[name] in self._upcasts:
            name = next_name(name)
        return self.kinds[name]

    def decode(self, name: str, value: bytes) -> Data:
        """In the newest version; unknown fields of a newer minor version are ignored.

        Raises UnknownType for a wire name of a newer build, msgspec.DecodeError for a
        body that is not what the name says.
        """
        decoder = self._decoders.get(name)
        if decoder is None:
            raise UnknownType(name)
        try:
            found = decoder.decode(value)
        except (RecursionError, UnicodeDecodeError) as wrong:
            raise msgspec.DecodeError(str(wrong)) from wrong
        return self._raised(found) if self._upcasts else found

    def _raised(self, found: Data) -> Data:
        while step := self._upcasts.get(type(found)):
            wanted = self.kinds[next_name(wire_name(type(found)))]
            changed = step.change(found)
            if type(changed) is not wanted:
                raise TypeError(f"an upcast made no {wanted.__name__}")
            found = cast(Data, changed)
        return found

    def checked(self, data: msgspec.Struct) -> bytes:
        """The bytes of a record's data, only if every reader can read them.

        Raises Unwritable: a kind nobody registered, an old version, or a value that
        its field does not allow (a type checker cannot see all of these).
        """
        decoder = self._decoders.get(wire_name(type(data)))
        if decoder is None or decoder.type is not type(data):
            raise Unwritable(f"{type(data).__name__} is not registered in schemas")
        if type(data) in self._upcasts:
            raise Unwritable(f"{wire_name(type(data))} is only read: write the next")
        try:
            value = encode(data)
            decoder.decode(value)
        except (ValueError, TypeError, RecursionError) as wrong:
            raise Unwritable(f"{wire_name(type(data))}: {wrong}") from wrong
        return value


def next_name(name: str) -> str:
    """The wire name one version up."""
    stem, _, number = name.rpartition(".v")
    return f"{stem}.v{int(number) + 1}"


CURRENT = tuple(
    kind
    for group in (
        *COMMANDS_OF.values(),
        *EVENTS_OF.values(),
        _members(LogRecord),
        _members(LogRuled),
        _members(Observation),
    )
    for kind in group
)
REGISTRY = Registry(CURRENT, UPCASTS)
TYPES = REGISTRY.kinds
decode = REGISTRY.decode
