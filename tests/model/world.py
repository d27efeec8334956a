"""One partition in memory: its log, its commands, its snapshot, and records on the way.

What Kafka and Postgres may do to an owner happens here: acknowledgements come late or
never, records land after their writer died, snapshots are saved late, lost or restored
from a backup.
"""

import random
from collections import deque
from collections.abc import Container, Iterable
from copy import deepcopy
from datetime import UTC, datetime

from confluent_kafka import KafkaError, Message
from msgspec import Struct

from schemas.commands.content import CreateProject
from schemas.envelope import Envelope, Headers, command, encode, read_headers
from schemas.ids import derived
from schemas.topics import CONTENT
from streams.log import Acknowledged
from streams.placing import partition_of
from streams.remembered import Change, Mark, Outcome, SnapshotLost, Stream

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PARTITIONS = 4
NUMBER = 2
COMMANDS = 14


class Lying:
    """A record where it lies, as a consumer would hand it over."""

    def __init__(self, offset: int, key: str, value: bytes, found: Headers) -> None:
        self._offset = offset
        self._key = key.encode() or None
        self._value = value
        self._headers = found

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes | None:
        return self._key

    def value(self) -> bytes:
        return self._value

    def headers(self) -> Headers:
        return self._headers

    def topic(self) -> str:
        return CONTENT.events.name

    def partition(self) -> int:
        return NUMBER

    def envelope(self) -> Envelope:
        return read_headers(self._headers)


class Sending(Struct):
    """A record on its way to the log, and whom to tell."""

    key: str
    value: bytes
    headers: Headers
    told: Acknowledged


class Channel:
    """One owner's producer: in order, until something goes wrong."""

    def __init__(self) -> None:
        self.queue: deque[Sending] = deque()
        self.acks: deque[tuple[Sending, Lying]] = deque()

    def append(
        self, key: str, value: bytes, found: Headers, on_delivery: Acknowledged
    ) -> None:
        self.queue.append(Sending(key, value, found, on_delivery))

    def park(self, bad: Iterable[tuple[Message, str]]) -> None:
        raise AssertionError(f"nothing here is malformed: {list(bad)}")


class Rows(Struct):
    """A snapshot at rest."""

    identity: int = 0
    mark: Mark = Mark()
    streams: dict[str, Stream] = {}


class World:
    """The state all owners share."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.log: list[Lying] = []
        self.commands = list(_commands(rng))
        self.ids = sorted({each.envelope().id for each in self.commands})
        self.late: deque[Sending] = deque()
        self.answers: dict[str, set[str]] = {}
        self.rows = Rows()
        self.backup = Rows()
        self.fetched = self.saved = self.readbacks = self.confirmed = 0
        self.generation = 0

    def land(self, sending: Sending) -> Lying:
        """Onto the log, behind whatever is there."""
        lying = Lying(len(self.log), sending.key, sending.value, sending.headers)
        self.log.append(lying)
        return lying

    def spoil_snapshot(self) -> None:
        """Lost, or an older backup is back."""
        if self.rng.random() < 0.5:
            self.rows = Rows(self.rows.identity + 1)
        else:
            self.rows, self.backup = deepcopy(self.backup), deepcopy(self.rows)


class FakeSnapshot:
    """The contract of Postgres' one: compare-and-set, saved whenever it likes."""

    def __init__(self, world: World, *, checked: bool = True) -> None:
        self._world = world
        self._checked = checked
        self._identity = world.rows.identity
        self.mark = world.rows.mark
        self._known = {self.mark}
        self._saving: tuple[Mark, dict[str, Change]] | None = None

    def held(self) -> Container[str] | None:
        """Read at any time after it was opened."""
        if self._world.rng.random() < 0.5:
            return None
        try:
            self._check()
        except SnapshotLost:
            return None
        return set(self._world.rows.streams)

    def fetch(self, keys: list[str]) -> dict[str, Stream]:
        self._check()
        self._world.fetched += 1
        there = self._world.rows.streams
        return {key: deepcopy(there[key]) for key in keys if key in there}

    def save(self, mark: Mark, changes: dict[str, Change]) -> None:
        self._known.add(mark)
        self._saving = (mark, changes)

    def outcome(self) -> tuple[Outcome, dict[str, Change]]:
        """The driver decides when a save is through; a frozen owner's comes late."""
        if self._saving is None:
            return Outcome.IDLE, {}
        if self._world.rng.random() < 0.3:
            return Outcome.SAVING, {}
        return self.finish(lose_answer=self._world.rng.random() < 0.2)

    def finish(self, *, lose_answer: bool) -> tuple[Outcome, dict[str, Change]]:
        assert self._saving is not None
        (mark, changes), self._saving = self._saving, None
        if lose_answer and self._world.rng.random() < 0.5:
            return Outcome.FAILED, changes
        self._check()
        self._merge(mark, changes)
        if lose_answer:
            return Outcome.FAILED, changes
        self._known = {mark}
        return Outcome.IDLE, {}

    def finish_late(self) -> None:
        """What a dead or frozen owner still had on its way."""
        if self._saving is not None:
            try:
                self.finish(lose_answer=True)
            except SnapshotLost:
                return

    def _check(self) -> None:
        rows = self._world.rows
        if not self._checked:
            return
        if rows.identity != self._identity or rows.mark not in self._known:
            raise SnapshotLost("moved")

    def _merge(self, mark: Mark, changes: dict[str, Change]) -> None:
        rows = self._world.rows
        self._world.saved += 1
        for key, change in changes.items():
            stream = rows.streams.get(key) or Stream(aggregate=change.aggregate)
            stream.version, stream.state = change.version, change.state
            stream.handled |= dict(change.handled)
            rows.streams[key] = stream
        rows.mark = mark
        if self._world.rng.random() < 0.2:
            self._world.backup = deepcopy(rows)


FAILED = KafkaError(KafkaError._MSG_TIMED_OUT)


def _commands(rng: random.Random) -> Iterable[Lying]:
    """Wishes for two purses; every third or so is sent twice."""
    sent: list[tuple[str, bytes, Headers]] = []
    for number in range(COMMANDS):
        wish = command(
            CreateProject(str(rng.choice([-3, -2, -1, 0, 1, 2]))),
            tenant="t",
            aggregate_id=rng.choice(PURSES),
            id=derived("model", str(number)),
            time=NOW,
        )
        value, found = encode(wish)
        sent.append((wish.envelope.key, value, found))
        if rng.random() < 0.3:
            sent.append(rng.choice(sent))
    for offset, (key, value, found) in enumerate(sent):
        yield Lying(offset, key, value, found)


def _purses() -> list[str]:
    """Ids whose keys belong into this partition."""
    found = (f"purse-{number}" for number in range(100))
    mine = [p for p in found if partition_of(f"t:{p}".encode(), PARTITIONS) == NUMBER]
    return mine[:3]


PURSES = _purses()
