"""Deciders: claim a partition, fold it, decide each command once, append one record.

Theory of operation. The owner of a command partition is the only intended writer of
the event partition of the same number. Group membership is a hint; the fence lies in
the log itself (`acceptance.py`). An owner folds the partition, appends a claim under a
new random owner id, reads up to its own claim, and only then serves commands, from the
highest accepted command offset plus one. It decides ahead of the acknowledgements and
confirms by contiguity: an acknowledged offset equal to the next expected one proves
that nobody wrote in between. Anything else (a gap, a failed produce) drops all state
in memory and claims again; nothing was believed that is not in the log.

Snapshots are write-behind and optional: they hold confirmed state only, are moved by
compare-and-set, and one that does not prove itself against the log is not used.
"""

from collections import deque
from collections.abc import Sequence
from uuid import uuid4

import structlog
from confluent_kafka import KafkaError, Message
from msgspec import Struct, structs

from schemas.clock import Clock
from schemas.envelope import Envelope, Malformed, TooLarge, headers
from schemas.events.log import LogClaimed, LogRejected, LogUnchanged
from schemas.ids import event_id
from schemas.registry import Data, decode, encode, wire_name
from streams import metrics, tracing
from streams.acceptance import CLAIM, Fence, accept
from streams.admitting import Bad, Place, admit
from streams.answer import answer
from streams.counting import count
from streams.faults import reach
from streams.folding import body, day_of, evolved, folded, initial_of, prove
from streams.judging import envelope_of, number
from streams.outlet import READER, Outlet
from streams.remembered import (
    KEPT_DAYS,
    KEPT_STREAMS,
    Mark,
    Outcome,
    Snapshot,
    Stream,
    Streams,
    forget_expired,
)

log = structlog.get_logger()

QUIET = frozenset({wire_name(LogRejected), wire_name(LogUnchanged)})


class Sent(Struct, frozen=True, gc=False):
    """A decision on its way: what is true of its stream once it is on the log."""

    id: str
    key: str
    version: int
    state: Struct
    day: int
    command_offset: int


class Partition:
    """One partition between a claim and the next; not thread-safe.

    `void` counts the records the acceptance rule made it skip, `parked` the commands
    it put aside, `broken` says why it must be dropped once it is not empty.
    """

    def __init__(
        self,
        place: Place,
        outlet: Outlet,
        clock: Clock,
        snapshot: Snapshot | None = None,
        *,
        kept: int = KEPT_STREAMS,
    ) -> None:
        self.place = place
        self.resume = 0
        self.command_topic_id = ""
        self.broken = ""
        self.void = 0
        self.parked = 0
        self._outlet = outlet
        self._clock = clock
        self._look_at_clock()
        self._snapshot = snapshot
        self._owner = str(uuid4())
        self._fence = Fence()
        self._expected = 0
        self._proven = 0
        self._prove: Fence | None = None
        self._served = 0
        self._saving = False
        self._sent: deque[Sent] = deque()
        self._answers: list[Data] = []
        self._claim_offset: int | None = None
        complete = True
        if snapshot is not None and snapshot.mark.next_offset:
            complete = False
            self._begin_at(snapshot.mark)
        self._streams = Streams(snapshot, complete=complete, kept=kept)

    def _begin_at(self, mark: Mark) -> None:
        """One record early: it must be the very one the snapshot ended with."""
        self._fence = self._prove = mark.fence
        self._expected = mark.next_offset - 1
        self._proven = mark.next_offset
        self.resume = mark.resume
        self.command_topic_id = mark.command_topic_id

    @property
    def next_offset(self) -> int:
        return self._expected

    @property
    def proven(self) -> int:
        """The log was known to reach to here."""
        return self._proven

    @property
    def saving(self) -> bool:
        """True while a snapshot is being written."""
        return self._saving

    @property
    def claimed_at(self) -> int | None:
        """The claim's own offset, once the broker has told it."""
        return self._claim_offset

    @property
    def settled(self) -> int:
        """Every command below this offset is recorded, parked, or a repeat."""
        if self._sent:
            return self._sent[0].command_offset
        return max(self._served, self.resume)

    def waiting(self) -> int:
        """Decisions that the broker has not confirmed."""
        return len(self._sent)

    def fold(self, messages: Sequence[Message]) -> None:
        """Apply records of the event partition; raises LogChanged or SnapshotLost."""
        found = [(each, self._accepted(each)) for each in messages]
        counted = [(m, e) for m, e in found if e is not None and e.type != CLAIM]
        self._streams.fetch(envelope.key for _, envelope in counted)
        self._look_at_clock()
        for message, envelope in counted:
            self._fold_one(message, envelope)

    def claim(self, command_topic_id: str) -> None:
        """Append a claim under this owner's new random id."""
        reach("decider.claiming")
        self.command_topic_id = command_topic_id
        now = self._clock()
        envelope = Envelope(
            id=str(uuid4()),
            type=CLAIM,
            subject=f"partition/{self.place.number}",
            tenant="_log",
            time=now,
            recorded=now,
            epoch=self._fence.epoch + 1,
            owner=self._owner,
        )
        value = encode(LogClaimed(command_topic_id))
        self._outlet.append("", value, headers(envelope), self._claimed)

    def holds(self) -> bool:
        """True when the claim was accepted and everything before it is folded."""
        return self._fence.owner == self._owner

    def serve(self, messages: Sequence[Message]) -> None:
        """Decide commands, each once; raises StepDown or SnapshotLost."""
        good, bad = admit(messages, self.place)
        if bad:
            self._park(bad)
        self._streams.fetch(envelope.key for _, envelope in good)
        self._look_at_clock()
        for message, envelope in good:
            if tracing.on():
                self._serve_traced(message, envelope)
            else:
                self._serve_one(message, envelope)
        self._served = number(messages[-1].offset()) + 1
        count(self.place.family, self._answers)
        self._answers.clear()

    def write_behind(self) -> None:
        """Hand what is confirmed to the snapshot; never waits. Raises SnapshotLost."""
        if self._snapshot is None:
            return
        outcome, tried = self._snapshot.outcome()
        self._saving = outcome is Outcome.SAVING
        if self._saving:
            return
        if outcome is Outcome.FAILED:
            self._streams.put_back(tried)
        self._streams.let_go(sent.key for sent in self._sent)
        if self._streams.changes:
            self._snapshot.save(self._mark(), self._streams.take_changes())
            self._saving = True

    def states(self) -> dict[str, Struct]:
        """Of the streams that are in memory, what is on the way included."""
        return self._streams.states()

    def unsaved(self) -> int:
        return len(self._streams.changes)

    def _accepted(self, message: Message) -> Envelope | None:
        self._expected = number(message.offset()) + 1
        try:
            envelope = envelope_of(message)
        except Malformed:
            envelope = None
        if self._prove is not None:
            prove(self._prove, envelope)
            self._prove = None
            return None
        after = None if envelope is None else accept(self._fence, envelope)
        if envelope is None or after is None:
            self.void += 1
            return None
        self._fence = after
        self._proven = self._expected
        self.resume = max(self.resume, envelope.command_offset + 1)
        if envelope.type == CLAIM:
            self._see_claim(message)
        return envelope

    def _see_claim(self, message: Message) -> None:
        claimed = decode(CLAIM, message.value() or b"{}")
        if isinstance(claimed, LogClaimed):
            self.command_topic_id = claimed.command_topic_id

    def _fold_one(self, message: Message, envelope: Envelope) -> None:
        stream = self._stream(envelope)
        day = day_of(envelope.time)
        # A snapshot moved on by a frozen owner may hold this record already.
        if envelope.id in stream.handled:
            return
        if envelope.type not in QUIET and envelope.sequence > stream.version:
            stream.version = envelope.sequence
            stream.state = folded(stream.state, envelope, message)
        if self._today - day <= KEPT_DAYS:
            stream.handled[envelope.id] = day
        self._streams.keep(envelope.key, stream.version, stream.state, envelope.id, day)

    def _park(self, bad: Bad) -> None:
        for message, reason in bad:
            log.error(
                "A command is parked.",
                action="park",
                topic=self.place.family.commands.name,
                partition=self.place.number,
                offset=message.offset(),
                reason=reason,
            )
        self._outlet.park(bad)
        self.parked += len(bad)
        metrics.PARKED.labels(READER).inc(len(bad))

    def _serve_traced(self, message: Message, envelope: Envelope) -> None:
        """The record continues the trace of its command."""
        name = f"decide {self.place.family.name}"
        with tracing.step(name, envelope.traceparent, command=envelope.id) as trace:
            self._serve_one(message, structs.replace(envelope, traceparent=trace))

    def _serve_one(self, message: Message, envelope: Envelope) -> None:
        stream = self._stream(envelope)
        id_ = event_id(envelope.id)
        if id_ in stream.handled:
            return
        data, value = answer(self.place.family, envelope, body(message), stream)
        quiet = isinstance(data, LogRejected | LogUnchanged)
        version = stream.version if quiet else stream.version + 1
        decided = self._decided(message, envelope, id_, data, version)
        reach("decider.before_append")
        try:
            self._outlet.append(envelope.key, value, headers(decided), self._confirmed)
        except TooLarge as wrong:
            self._park([(message, str(wrong))])
            return
        if not quiet:
            stream.version = version
            stream.state = evolved(stream.state, stream.aggregate, decided, data)
        self._answers.append(data)
        self._remember(stream, decided)
        reach("decider.sent")

    def _decided(
        self,
        message: Message,
        envelope: Envelope,
        id_: str,
        data: Data,
        version: int,
    ) -> Envelope:
        return structs.replace(
            envelope,
            id=id_,
            type=wire_name(type(data)),
            recorded=self._now,
            sequence=version,
            epoch=self._fence.epoch,
            owner=self._owner,
            n=self._fence.n,
            command_offset=number(message.offset()),
            causation=envelope.id,
            expected_version=None,
        )

    def _remember(self, stream: Stream, decided: Envelope) -> None:
        day = day_of(decided.time)
        stream.handled[decided.id] = day
        self._fence = Fence(self._fence.epoch, self._owner, self._fence.n + 1)
        self._sent.append(
            Sent(
                decided.id,
                decided.key,
                stream.version,
                stream.state,
                day,
                decided.command_offset,
            )
        )

    def _stream(self, envelope: Envelope) -> Stream:
        stream = self._streams.of(envelope.key)
        # Before its first event a stream is of whatever kind it is asked to be.
        if not stream.version:
            stream.aggregate = envelope.aggregate
            stream.state = initial_of(stream.aggregate)
        if stream.handled:
            forget_expired(stream, self._today)
        return stream

    def _look_at_clock(self) -> None:
        """Once for all records of a batch."""
        self._now = self._clock()
        self._today = day_of(self._now)

    def _claimed(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.broken = str(error)
            return
        self._claim_offset = number(message.offset())
        if self._claim_offset == self._expected:
            # Nobody wrote in between, so it is accepted: no need to read it back.
            self._fence = Fence(self._fence.epoch + 1, self._owner, 0)
            self._expected = self._proven = self._claim_offset + 1

    def _confirmed(self, error: KafkaError | None, message: Message) -> None:
        if self.broken:
            return
        if error is not None:
            self.broken = str(error)
        elif message.offset() != self._expected:
            self.broken = f"offset {message.offset()} after {self._expected - 1}"
        else:
            self._expected += 1
            self._proven = self._expected
            sent = self._sent.popleft()
            self.resume = sent.command_offset + 1
            self._streams.keep(sent.key, sent.version, sent.state, sent.id, sent.day)
            reach("decider.confirmed")

    def _mark(self) -> Mark:
        """Where the confirmed records end."""
        fence = self._fence
        return Mark(
            next_offset=self._proven,
            fence=Fence(fence.epoch, fence.owner, fence.n - len(self._sent)),
            resume=self.resume,
            command_topic_id=self.command_topic_id,
        )
