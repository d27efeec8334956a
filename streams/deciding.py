"""The decider role: takes command partitions over, serves them, gives them up."""

from collections import defaultdict
from threading import Event
from time import monotonic, sleep

import structlog
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from schemas.clock import Clock
from schemas.topics import FAMILIES
from streams.garbage import collect_rarely
from streams.outlet import StepDown
from streams.reading import CONSUMER, LogChanged, partition_counts
from streams.remembered import SnapshotLost
from streams.snapshots import Snapshots
from streams.taking import Seat, Spot, Stage, TakeOver
from streams.topic_ids import topic_ids
from streams.vitals import VITALS

log = structlog.get_logger()

FAMILY_OF_TOPIC = {each.commands.name: each for each in FAMILIES}
# Larger batches took more time a command (docs/decisions/0011).
COMMANDS_AT_ONCE = 250
# After this many more are let come: a request carries the answers to all of them.
FEW = 4
GATHER_S = 0.005
PIPELINE = 20_000
SAVE_S, SAVE_STREAMS = 2.0, 20_000
COMMIT_S = 5.0
GROUP = {
    **CONSUMER,
    "group.id": "contentops.decider",
    # A partition that is taken over joins the next fetch: this is what it waits.
    "fetch.wait.max.ms": 250,
}


class Decider:
    """One loop, one producer, any number of partitions. Not thread-safe.

    `postgres` is where snapshots are kept; without it every take-over folds the log
    from its beginning, and all streams stay in memory.
    """

    def __init__(
        self,
        bootstrap: str,
        clock: Clock,
        *,
        ordinal: int = 0,
        postgres: str | None = None,
        session_s: float = 10.0,
    ) -> None:
        self._snapshots = Snapshots(postgres) if postgres else None
        self._commands = Consumer(
            {
                **GROUP,
                "bootstrap.servers": bootstrap,
                "group.instance.id": f"decider-{ordinal}",
                "session.timeout.ms": round(session_s * 1000),
            }
        )
        self._take_over = TakeOver(
            bootstrap,
            clock,
            topic_ids(AdminClient({"bootstrap.servers": bootstrap})),
            partition_counts(self._commands),
            self._snapshots,
        )
        self._seats: dict[Spot, Seat] = {}
        self._committed_at = monotonic()
        self._pause = 0.0
        self._commands.subscribe(
            list(FAMILY_OF_TOPIC), on_assign=self._assign, on_revoke=self._revoke
        )

    def run(self, stop: Event) -> None:
        """Until told to stop; raises LogChanged when the log is not the one it knew."""
        collect_rarely()
        try:
            while not stop.is_set():
                self.turn(0.2)
        finally:
            self.close()

    def turn(self, wait_s: float) -> None:
        """Serve what is there, and one step of everything else."""
        VITALS.turn()
        busy = any(seat.stage is not Stage.SERVING for seat in self._seats.values())
        sleep(self._pause)
        first = self._commands.poll(0.001 if busy or self._waiting() else wait_s)
        commands = [] if first is None else [first]
        if first is not None:
            commands += self._commands.consume(COMMANDS_AT_ONCE - 1, timeout=0)
            self._serve(commands)
        drained = len(commands) < COMMANDS_AT_ONCE
        self._pause = GATHER_S if len(commands) >= FEW and drained else 0.0
        self._take_over.deliver(hurry=drained and (busy or self._waiting()))
        seats = list(self._seats.values())
        self._take_over.step([s for s in seats if s.stage is not Stage.SERVING])
        for seat in seats:
            self._look_after(seat)
        self._commit()

    def ready(self) -> bool:
        """True when every partition that is assigned is served."""
        stages = {seat.stage for seat in self._seats.values()}
        return stages == {Stage.SERVING}

    def settled(self, spot: Spot) -> int:
        """Every command below this offset is recorded, parked, or a repeat."""
        seat = self._seats.get(spot)
        served = seat is not None and seat.stage is Stage.SERVING
        return seat.partition.settled if served and seat and seat.partition else 0

    def _waiting(self) -> bool:
        seats = self._seats.values()
        return any(s.partition is not None and s.partition.waiting() for s in seats)

    def _serve(self, messages: list[Message]) -> None:
        found: dict[Spot, list[Message]] = defaultdict(list)
        for message in messages:
            if message.error() is not None:
                _refuse(message.error())
                continue
            found[(message.topic() or "", message.partition() or 0)].append(message)
        for spot, commands in found.items():
            seat = self._seats.get(spot)
            if seat is not None and seat.stage is Stage.SERVING:
                self._serve_seat(seat, commands)

    def _serve_seat(self, seat: Seat, commands: list[Message]) -> None:
        if seat.partition is None or seat.partition.broken:
            return
        try:
            seat.partition.serve(commands)
        except (StepDown, SnapshotLost) as wrong:
            self._take_over.step_down(seat, str(wrong))

    def _look_after(self, seat: Seat) -> None:
        partition = seat.partition
        if seat.stage is Stage.CLAIMED:
            self._begin(seat)
        elif partition is not None and seat.stage is Stage.SERVING:
            if partition.broken:
                self._take_over.step_down(seat, partition.broken)
            else:
                self._save(seat)
        self._hold_back(seat)

    def _begin(self, seat: Seat) -> None:
        """From the first command that no accepted record tells of."""
        try:
            start = self._first_command(seat)
            self._commands.seek(TopicPartition(*seat.spot, start))
        except KafkaException as wrong:
            # The fetcher of a partition starts a moment after its assignment.
            if wrong.args[0].code() != KafkaError._STATE:  # noqa: SLF001  its public name
                self._take_over.step_down(seat, str(wrong), missed="kafka")
            return
        seat.served()

    def _first_command(self, seat: Seat) -> int:
        start = seat.partition.resume if seat.partition is not None else 0
        low, high = self._take_over.bounds(seat.spot)
        if start > high:
            raise LogChanged(
                f"{seat.spot} ends at {high}, but commands up to {start} are decided: "
                "it lost records; restore it, or accept the loss: "
                "`contentops doctor --restored`"
            )
        if start < low:
            words = "Commands ran out of their time before they were decided."
            log.error(words, action="claim", place=seat.spot, first=start, last=low - 1)
        return max(start, low)

    def _save(self, seat: Seat) -> None:
        partition, now = seat.partition, monotonic()
        if partition is None:
            return
        if now - seat.saved_at < SAVE_S and partition.unsaved() < SAVE_STREAMS:
            return
        seat.saved_at = now
        try:
            partition.write_behind()
        except SnapshotLost as wrong:
            self._take_over.step_down(seat, str(wrong))

    def _hold_back(self, seat: Seat) -> None:
        """No new commands before it serves, or with too many unconfirmed."""
        waiting = seat.partition.waiting() if seat.partition is not None else 0
        limit = PIPELINE // 2 if seat.paused else PIPELINE
        paused = seat.stage is not Stage.SERVING or waiting >= limit
        if paused == seat.paused:
            return
        change = self._commands.pause if paused else self._commands.resume
        change([TopicPartition(*seat.spot)])
        seat.paused = paused

    def _commit(self) -> None:
        """For tools that show lag; nothing here ever reads it."""
        if monotonic() - self._committed_at < COMMIT_S:
            return
        self._committed_at = monotonic()
        moved = []
        for seat in self._seats.values():
            if seat.partition is None or seat.stage is not Stage.SERVING:
                continue
            if seat.partition.settled > seat.committed:
                seat.committed = seat.partition.settled
                moved.append(TopicPartition(*seat.spot, seat.committed))
        if moved:
            self._commands.commit(offsets=moved, asynchronous=True)

    def _assign(self, consumer: Consumer, found: list[TopicPartition]) -> None:
        """At an offset that is there: a logical one would have to be asked for.

        When the answer to that question is outdated by our seek, librdkafka asks again
        half a second later and jumps, over whatever commands came meanwhile.
        """
        starts = self._take_over.starts(
            [(each.topic, each.partition) for each in found]
        )
        for each in found:
            seat = Seat(FAMILY_OF_TOPIC[each.topic], each.partition)
            self._seats[seat.spot] = seat
            each.offset = starts[seat.spot]
        consumer.incremental_assign(found)
        consumer.pause(found)

    def _revoke(self, consumer: Consumer, lost: list[TopicPartition]) -> None:
        """What is on its way lands before the next owner's claim, if all goes well."""
        self._take_over.flush(1)
        for each in lost:
            self._seats.pop((each.topic, each.partition), None)
        consumer.incremental_unassign(lost)

    def close(self) -> None:
        """Wait for what is on its way, save what is confirmed, leave the group."""
        self._take_over.flush(5)
        for seat in self._seats.values():
            seat.saved_at = 0
            self._save(seat)
        self._commands.close()
        self._take_over.close()
        if self._snapshots is not None:
            self._snapshots.close()


def _refuse(error: KafkaError | None) -> None:
    if error is None or error.retriable():
        return
    if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001  its public name
        raise LogChanged(
            f"{error.str()}: commands that were not decided are gone; "
            "run `contentops topics check`"
        )
    raise KafkaException(error)
