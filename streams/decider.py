"""Deciders: claim a partition, fold it, decide each command once, append one record.

Theory of operation. The owner of a command partition is the only intended writer of
the event partition of the same number. Group membership is a hint; the fence lies in
the log itself (`acceptance.py`). An owner folds the partition, appends a claim under a
new random owner id, reads up to its own claim, and only then serves commands, from the
highest accepted command offset plus one. It decides ahead of the acknowledgements and
confirms by contiguity: an acknowledged offset equal to the next expected one proves
that nobody wrote in between. Anything else (a gap, a failed produce) drops all state
in memory and claims again; nothing was believed that is not in the log.
"""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import structlog
from confluent_kafka import KafkaError, Message, Producer
from msgspec import Struct, ValidationError, structs

from schemas.clock import Clock
from schemas.envelope import (
    Envelope,
    Malformed,
    Record,
    TooLarge,
    encode,
)
from schemas.events.log import LogClaimed, LogRejected, LogUnchanged
from schemas.ids import event_id
from schemas.registry import Data, UnknownType, wire_name
from schemas.topics import PARKED, Family
from streams.acceptance import CLAIM, Fence, accept
from streams.domain.registry import RULES
from streams.domain.rejected import Rejected
from streams.reading import envelope_of, record_of

log = structlog.get_logger()

REMEMBERED = timedelta(days=35)
TRIES = 3


class Stream(Struct, frozen=True):
    version: int
    state: Struct


class StepDown(Exception):
    """This owner's picture may be wrong: drop it and claim again."""


class Partition:
    """One partition of one family, between a claim and the next."""

    def __init__(
        self, family: Family, number: int, producer: Producer, clock: Clock
    ) -> None:
        self.family = family
        self.number = number
        self._producer = producer
        self._clock = clock
        self._owner = str(uuid4())
        self._fence = Fence()
        self._streams: dict[str, Stream] = {}
        self._handled: set[str] = set()
        self._expected = 0
        self._unconfirmed = 0
        self._claim_offset: int | None = None
        self.resume = 0
        self.command_topic_id = ""
        self.broken = ""

    def fold(self, message: Message) -> None:
        """Apply one record of the event partition, as every reader does."""
        envelope = envelope_of(message)
        self._expected = (message.offset() or 0) + 1
        after = accept(self._fence, envelope)
        if after is None:
            return
        self._fence = after
        self.resume = max(self.resume, envelope.command_offset + 1)
        record = record_of(message, envelope)
        if isinstance(record.data, LogClaimed):
            self.command_topic_id = record.data.command_topic_id
            return
        if envelope.time > self._clock() - REMEMBERED:
            self._handled.add(envelope.causation)
        self._apply(envelope, record.data)

    def claim(self, command_topic_id: str) -> None:
        """Append a claim under this owner's new random id."""
        envelope = Envelope(
            id=str(uuid4()),
            type=CLAIM,
            subject=f"partition/{self.number}",
            tenant="_log",
            time=self._clock(),
            recorded=self._clock(),
            epoch=self._fence.epoch + 1,
            owner=self._owner,
        )
        claim = Record[Data](envelope=envelope, data=LogClaimed(command_topic_id))
        self._append(claim, self._claimed)

    @property
    def next_offset(self) -> int:
        return self._expected

    @property
    def claimed_at(self) -> int | None:
        """The claim's own offset, once the broker has told it."""
        return self._claim_offset

    def holds(self) -> bool:
        """True when the claim was accepted and everything before it is folded."""
        return self._fence.owner == self._owner

    def serve(self, message: Message) -> None:
        """Decide one command and append exactly one record, once."""
        try:
            envelope = envelope_of(message)
        except Malformed as wrong:
            self._park(message, str(wrong))
            return
        if envelope.id in self._handled:
            return
        offset = message.offset() or 0
        made = self._decide(message, envelope, offset)
        self._handled.add(envelope.id)
        self._fence = Fence(self._fence.epoch, self._owner, self._fence.n + 1)
        self._apply(made.envelope, made.data)
        self._unconfirmed += 1
        self._append(made, self._confirmed)

    def waiting(self) -> int:
        return self._unconfirmed

    def _apply(self, envelope: Envelope, data: Data) -> None:
        if isinstance(data, LogRejected | LogUnchanged | LogClaimed):
            return
        rules = RULES[envelope.aggregate]
        before = self._streams.get(envelope.key)
        state = rules.initial if before is None else before.state
        self._streams[envelope.key] = Stream(
            envelope.sequence, rules.evolve(state, data)
        )

    def _decide(
        self, message: Message, envelope: Envelope, offset: int
    ) -> Record[Data]:
        stream = self._streams.get(envelope.key)
        version = stream.version if stream else 0
        state = stream.state if stream else RULES[envelope.aggregate].initial
        data = self._answer(message, envelope, state, version)
        quiet = isinstance(data, LogRejected | LogUnchanged)
        return Record(
            envelope=structs.replace(
                envelope,
                id=event_id(envelope.id),
                type=wire_name(type(data)),
                recorded=self._clock(),
                sequence=version if quiet else version + 1,
                epoch=self._fence.epoch,
                owner=self._owner,
                n=self._fence.n,
                command_offset=offset,
                causation=envelope.id,
                expected_version=None,
            ),
            data=data,
        )

    def _answer(
        self, message: Message, envelope: Envelope, state: Struct, version: int
    ) -> Data:
        """A command that cannot be decided is refused, loudly; it never stops us."""
        try:
            _check_version(envelope, version)
            command = record_of(message, envelope).data
            found = _steadily(lambda: RULES[envelope.aggregate].decide(command, state))
            answer: Data = LogUnchanged() if found is None else found  # type: ignore[assignment]  # Rules speaks of structs
            encode(Record(envelope=envelope, data=answer))
        except Rejected as no:
            return LogRejected(no.kind, no.code, no.pointer, no.detail)
        except (UnknownType, ValidationError, TooLarge, CommandFailed) as wrong:
            log.exception("command failed", action="reject", command=envelope.id)
            return LogRejected("command_failed", type(wrong).__name__, "", str(wrong))
        return answer

    def _park(self, message: Message, reason: str) -> None:
        """Nobody can be answered about a command without an id; it is kept."""
        log.error("command without an id", action="park", reason=reason)
        self._producer.produce(
            PARKED.name,
            value=message.value(),
            key=message.key(),
            headers=[("reason", reason), ("topic", message.topic() or "")],
        )

    def _append(
        self,
        record: Record[Data],
        on_delivery: Callable[[KafkaError | None, Message], None],
    ) -> None:
        value, headers = encode(record)
        key = record.envelope.key.encode() or None
        try:
            self._producer.produce(
                self.family.events.name,
                value=value,
                key=key,
                headers=headers,
                partition=self.number,
                on_delivery=on_delivery,
            )
        except BufferError as full:
            raise StepDown("the producer's queue is full") from full

    def _claimed(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.broken = str(error)
            return
        self._claim_offset = message.offset()

    def _confirmed(self, error: KafkaError | None, message: Message) -> None:
        self._unconfirmed -= 1
        if error is not None:
            self.broken = str(error)
        elif message.offset() != self._expected:
            self.broken = f"offset {message.offset()} after {self._expected - 1}"
        else:
            self._expected += 1


class CommandFailed(Exception):
    """A rule raised something else than Rejected, three times: a bug to mend."""


def _check_version(envelope: Envelope, version: int) -> None:
    expected = envelope.expected_version
    if expected is not None and expected != version:
        raise Rejected(
            "stale",
            "version_other",
            f"It is at version {version} now; read it again, then repeat.",
        )


def _steadily(decide: Callable[[], Struct | None]) -> Struct | None:
    for left in reversed(range(TRIES)):
        try:
            return decide()
        except Rejected:
            raise
        except Exception as wrong:
            if not left:
                raise CommandFailed(f"{type(wrong).__name__}: {wrong}") from wrong
    raise AssertionError
