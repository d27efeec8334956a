"""The real decider, and weaker ones that the driver has to catch."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeAlias

from confluent_kafka import KafkaError, Message
from msgspec import Struct, structs

from schemas.envelope import Envelope
from schemas.events.log import LogUnchanged
from schemas.registry import Data
from streams import decider
from streams.acceptance import CLAIM, Fence, accept
from streams.decider import QUIET, Partition
from streams.judging import envelope_of, number
from streams.remembered import Stream, keys_filter

Reader: TypeAlias = Callable[[Envelope], bool]


class Variant(Struct, frozen=True):
    """`reader` makes a reader of the log, `losses` is the share of failed sends.

    `crowd` is how often others come, `at_once` how many of them. A snapshot that is not
    `checked` leaves its compare-and-set out.
    """

    name: str
    partition: type[Partition]
    reader: Callable[[], Reader]
    snapshots: float = 0.0
    losses: float = 0.02
    crowd: float = 0.03
    at_once: int = 1
    checked: bool = True


def by_epoch() -> Reader:
    """The acceptance rule."""
    fence = Fence()

    def takes(envelope: Envelope) -> bool:
        nonlocal fence
        after = accept(fence, envelope)
        fence = after or fence
        return after is not None

    return takes


def by_sequence() -> Reader:
    """Version of the stream and handled ids: the usual expected version."""
    versions: dict[str, int] = defaultdict(int)
    handled: set[str] = set()

    def takes(envelope: Envelope) -> bool:
        if envelope.type == CLAIM:
            return True
        quiet = envelope.type in QUIET
        wanted = versions[envelope.key] + (not quiet)
        if envelope.causation in handled or envelope.sequence != wanted:
            return False
        handled.add(envelope.causation)
        versions[envelope.key] = envelope.sequence
        return True

    return takes


def by_chain() -> Reader:
    """Each record names the one before it in its stream."""
    heads: dict[str, str] = {}

    def takes(envelope: Envelope) -> bool:
        if envelope.type == CLAIM:
            return True
        if envelope.traceparent != heads.get(envelope.key, ""):
            return False
        heads[envelope.key] = link(envelope)
        return True

    return takes


def by_trust() -> Reader:
    return lambda _envelope: True


def link(envelope: Envelope) -> str:
    """What the next record of the stream has to name."""
    text = f"{envelope.traceparent} {envelope.id} {envelope.type} {envelope.owner}"
    return hashlib.sha256(f"{text} {envelope.n}".encode()).hexdigest()[:16]


class Weak(Partition):
    """Believes what another rule lets through; its claims decide nothing."""

    def rule(self) -> Reader:
        raise NotImplementedError

    def _accepted(self, message: Message) -> Envelope | None:
        if not hasattr(self, "_takes"):
            self._takes = self.rule()
        self._expected = self._proven = number(message.offset()) + 1
        envelope = envelope_of(message)
        if not self._takes(envelope):
            return None
        self.resume = max(self.resume, envelope.command_offset + 1)
        return envelope

    def holds(self) -> bool:
        return self.claimed_at is not None


class BySequence(Weak):
    def rule(self) -> Reader:
        return by_sequence()


class ByTrust(Weak):
    """An acknowledgement is enough."""

    def rule(self) -> Reader:
        return by_trust()

    def _confirmed(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self._expected = number(message.offset())
        super()._confirmed(error, message)


class ByChain(Weak):
    def rule(self) -> Reader:
        self._heads: dict[str, str] = {}
        return by_chain()

    def _accepted(self, message: Message) -> Envelope | None:
        envelope = super()._accepted(message)
        if envelope is not None and envelope.type != CLAIM:
            self._heads[envelope.key] = link(envelope)
        return envelope

    def _decided(
        self,
        message: Message,
        envelope: Envelope,
        id_: str,
        data: Data,
        version: int,
    ) -> Envelope:
        heads = self.__dict__.setdefault("_heads", {})
        made = super()._decided(message, envelope, id_, data, version)
        linked = structs.replace(made, traceparent=heads.get(made.key, ""))
        heads[made.key] = link(linked)
        return linked


class Silent(Partition):
    """A command that changes nothing leaves no record."""

    def _serve_one(self, message: Message, envelope: Envelope) -> None:
        stream = self._stream(envelope)
        data, _ = decider.answer(
            self.place.family, envelope, message.value() or b"", stream
        )
        if not isinstance(data, LogUnchanged):
            super()._serve_one(message, envelope)


class SameName(Partition):
    """An owner is called after its machine."""

    def claim(self, command_topic_id: str) -> None:
        self._owner = "machine-1"
        super().claim(command_topic_id)


class Early(Partition):
    """Its snapshots hold what nobody has confirmed."""

    def _remember(self, stream: Stream, decided: Envelope) -> None:
        super()._remember(stream, decided)
        sent = self._sent[-1]
        self._streams.keep(sent.key, sent.version, sent.state, sent.id, sent.day)


class Forgetful(Partition):
    """What it let go it takes for new."""

    def serve(self, messages: Sequence[Message]) -> None:
        self._streams._gone = keys_filter(1)
        super().serve(messages)


REAL = Variant("epoch", Partition, by_epoch, snapshots=0.7)
PLANTED = (
    Variant("chain", ByChain, by_chain),
    Variant("seq", BySequence, by_sequence),
    Variant("naive", ByTrust, by_trust),
    Variant("silent no-op", Silent, by_epoch),
    Variant("reused owner", SameName, by_epoch, at_once=2),
    Variant("early save", Early, by_epoch, snapshots=1.0),
    Variant("forgetful", Forgetful, by_epoch, snapshots=1.0),
    Variant("no cas", Partition, by_epoch, snapshots=1.0, checked=False),
)
