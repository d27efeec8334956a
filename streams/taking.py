"""Taking a partition over: open its snapshot, fold, claim, fold up to the claim.

Each turn of the role's loop takes one small step for every seat, so a partition with a
long history, or one whose broker is away, never keeps another from being served.
"""

import random
from collections import defaultdict
from enum import Enum, auto
from time import monotonic
from typing import TypeAlias

import structlog
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from schemas.clock import Clock
from schemas.topics import Family
from streams import metrics
from streams.admitting import Place
from streams.database import Away
from streams.decider import Partition
from streams.faults import reach
from streams.outlet import READER, KafkaOutlet, Parked, Shared, StepDown
from streams.reading import CONSUMER, LogChanged, log_starts
from streams.remembered import SnapshotLost
from streams.snapshots import PostgresSnapshot, Snapshots
from streams.vitals import VITALS

log = structlog.get_logger()

Spot: TypeAlias = tuple[str, int]

# Larger slices took more time a record (docs/decisions/0011).
EVENTS_AT_ONCE = 500
SAVED_AT_ONCE, UNSAVED = 20_000, 100_000
ASK_S = 5.0
# So much of a log is folded sooner than Postgres is waited for.
SHORT_LOG = 200_000
PATIENCE_S = 30.0
AGAIN_S = (0.0, 0.05, 0.2, 1.0, 5.0)
TRIES = 3


class Stage(Enum):
    """What a seat waits for."""

    OPENING = auto()
    READING = auto()
    CLAIMING = auto()
    CLAIMED = auto()
    SERVING = auto()


class Seat:
    """One partition of the role, from its assignment until it is revoked."""

    def __init__(self, family: Family, number: int) -> None:
        self.family = family
        self.number = number
        self.stage = Stage.OPENING
        self.paused = True
        self.committed = -1
        self.saved_at = monotonic()
        self.failures = 0
        self.not_before = 0.0
        self.away_since: float | None = None
        self.missed = ""
        self.end = 0
        self.partition: Partition | None = None

    @property
    def spot(self) -> Spot:
        """Its commands."""
        return self.family.commands.name, self.number

    @property
    def events(self) -> Spot:
        return self.family.events.name, self.number

    def served(self) -> None:
        self.stage = Stage.SERVING
        self.failures = 0
        self.away_since = None
        self.missed = ""

    def start_again(self) -> None:
        """Drop all that was believed; soon at first, later with more patience."""
        self.partition = None
        self.stage = Stage.OPENING
        most = AGAIN_S[min(self.failures, len(AGAIN_S) - 1)]
        # Two owners who both believe they are assigned must not claim in step.
        self.not_before = monotonic() + random.uniform(most / 2, most)  # noqa: S311
        self.failures += 1


class TakeOver:
    """The steps from an assignment to the first command served. Not thread-safe."""

    def __init__(
        self,
        bootstrap: str,
        clock: Clock,
        topic_ids: dict[str, str],
        partitions: dict[str, int],
        snapshots: Snapshots | None,
    ) -> None:
        self._bootstrap = bootstrap
        self._clock = clock
        self._ids = topic_ids
        self._partitions = partitions
        self._snapshots = snapshots
        self._parked = Parked(bootstrap)
        self._reading: set[Spot] = set()
        self._shared = Shared(bootstrap)
        self._events = Consumer(
            {
                **CONSUMER,
                "bootstrap.servers": bootstrap,
                "group.id": "contentops.fold",
                # A longer wait at the log's end would hold up the next assignment.
                "fetch.wait.max.ms": 20,
            }
        )

    def step(self, seats: list[Seat]) -> None:
        """One step for each that is not served yet; raises LogChanged."""
        for seat in seats:
            try:
                self._step(seat)
            except StepDown as wrong:
                self.step_down(seat, str(wrong))
                if seat.failures % TRIES == 0:
                    # After a fatal error no producer recovers; others hear of theirs.
                    self._shared.renew()
            except KafkaException as wrong:
                self.step_down(seat, str(wrong), missed="kafka")
                # The next would wait for the same silent broker: they come in turns.
                break
            except SnapshotLost as wrong:
                away = isinstance(wrong, Away)
                self.step_down(seat, str(wrong), missed="postgres" if away else "")
        self._read({seat.events: seat for seat in seats})
        for seat in seats:
            if seat.missed:
                VITALS.wait_for(seat.missed, f"{seat.spot} is not served")

    def step_down(self, seat: Seat, reason: str, *, missed: str = "") -> None:
        """Drop this owner's picture and claim again; `missed` is who did not answer."""
        words = "A partition is claimed again."
        log.warning(words, action="claim", place=seat.spot, reason=reason)
        metrics.CONFLICTS.labels(seat.family.name).inc()
        seat.missed = missed
        seat.start_again()

    def deliver(self, *, hurry: bool) -> None:
        self._shared.deliver(hurry=hurry)

    def bounds(self, spot: Spot) -> tuple[int, int]:
        """First offset and end of a partition; raises KafkaException.

        Asked by the consumer of events: that of commands would queue the question
        behind the fetch it waits in.
        """
        place = TopicPartition(*spot)
        low, high = self._events.get_watermark_offsets(place, timeout=ASK_S)
        return int(low), int(high)

    def starts(self, spots: list[Spot]) -> dict[Spot, int]:
        """The first offset of each, in one question; raises KafkaException."""
        return log_starts(self._events, spots)

    def flush(self, limit_s: float) -> None:
        self._shared.now.flush(limit_s)

    def close(self) -> None:
        self._events.close()

    def _step(self, seat: Seat) -> None:
        if seat.stage is Stage.OPENING and monotonic() >= seat.not_before:
            self._open(seat)
        partition = seat.partition
        if partition is None:
            return
        if seat.stage is Stage.READING and partition.next_offset >= seat.end:
            self._read_all(seat, partition)
        elif seat.stage is Stage.CLAIMING:
            self._look_for_claim(seat, partition)

    def _open(self, seat: Seat) -> None:
        low, high = self.bounds(seat.events)
        snapshot = self._snapshot(seat, high)
        place = Place(seat.family, seat.number, self._partitions[seat.events[0]])
        outlet = KafkaOutlet(self._shared, self._parked, *seat.events)
        seat.partition = Partition(place, outlet, self._clock, snapshot)
        if low > seat.partition.next_offset or high < seat.partition.proven:
            raise LogChanged(
                f"{seat.events} has offsets {low} to {high}, but records up to "
                f"{seat.partition.proven} were decided on: restore the topic, or "
                "accept the loss: `contentops doctor --restored`"
            )
        seat.end = high
        seat.stage = Stage.READING

    def _snapshot(self, seat: Seat, end: int) -> PostgresSnapshot | None:
        """None: fold from the first record. Raises Away while it is worth to wait."""
        if self._snapshots is None:
            return None
        try:
            topic_id = self._ids[seat.events[0]]
            return self._snapshots.open(seat.family, seat.number, topic_id)
        except Away:
            since = seat.away_since = seat.away_since or monotonic()
            if end > SHORT_LOG and monotonic() - since < PATIENCE_S:
                raise
            words = "No snapshot: the partition is folded from its first record."
            log.warning(words, action="fold", place=seat.events, records=end)
            return None

    def _read_all(self, seat: Seat, partition: Partition) -> None:
        if partition.holds():
            seat.stage = Stage.CLAIMED
            reach("decider.claimed")
            return
        if partition.claimed_at is not None:
            raise StepDown("another owner claimed first")
        wanted = self._ids[seat.spot[0]]
        if partition.command_topic_id not in ("", wanted):
            raise LogChanged(
                f"{seat.spot[0]} is another topic than the one decided so far; "
                "restore it, or run `contentops topics check`"
            )
        partition.claim(wanted)
        metrics.CLAIMS.labels(seat.family.name).inc()
        seat.stage = Stage.CLAIMING

    def _look_for_claim(self, seat: Seat, partition: Partition) -> None:
        if partition.broken:
            raise StepDown(partition.broken)
        if partition.claimed_at is not None:
            seat.end = partition.claimed_at + 1
            seat.stage = Stage.READING

    def _read(self, seats: dict[Spot, Seat]) -> None:
        """A slice of every event partition that somebody has to fold."""
        wanted = {
            spot: seat
            for spot, seat in seats.items()
            if seat.stage is Stage.READING
            and seat.partition is not None
            and seat.partition.next_offset < seat.end
        }
        self._assign(wanted)
        if not wanted or any(self._overfull(seat) for seat in wanted.values()):
            return
        first = self._events.poll(0.005)
        if first is None:
            return
        found: dict[Spot, list[Message]] = defaultdict(list)
        for each in (first, *self._events.consume(EVENTS_AT_ONCE, timeout=0)):
            spot = (each.topic() or "", each.partition() or 0)
            error = each.error()
            if error is None:
                found[spot].append(each)
            elif spot in wanted:
                self.step_down(wanted[spot], error.str(), missed="kafka")
        for spot, messages in found.items():
            self._fold(wanted[spot], messages)

    def _fold(self, seat: Seat, messages: list[Message]) -> None:
        if seat.partition is None:
            return
        try:
            due = [m for m in messages if (m.offset() or 0) < seat.end]
            before = seat.partition.void
            seat.partition.fold(due)
            if void := seat.partition.void - before:
                metrics.VOID.labels(READER, seat.events[0]).inc(void)
            if seat.partition.unsaved() >= SAVED_AT_ONCE:
                seat.partition.write_behind()
        except SnapshotLost as wrong:
            self.step_down(seat, str(wrong))

    def _overfull(self, seat: Seat) -> bool:
        """More is read than can be saved; Postgres being away holds nobody up."""
        partition = seat.partition
        if partition is None or partition.unsaved() < UNSAVED:
            return False
        try:
            partition.write_behind()
        except SnapshotLost as wrong:
            self.step_down(seat, str(wrong))
        return partition.saving

    def _assign(self, wanted: dict[Spot, Seat]) -> None:
        if self._reading == wanted.keys():
            return
        self._reading = set(wanted)
        self._events.assign(
            [
                TopicPartition(*spot, seat.partition.next_offset)
                for spot, seat in wanted.items()
                if seat.partition is not None
            ]
        )
