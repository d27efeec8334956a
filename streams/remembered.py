"""What a decider remembers of a partition's streams: states, handled ids, changes.

Everything is in memory until a snapshot has it. A partition folded from its first
record holds every stream (`complete`); once streams were let go, or the fold began at
a snapshot, those that are not here are fetched from the snapshot, many at a time. Only
confirmed records reach `changes`, which the next snapshot takes.
"""

from collections.abc import Iterable
from enum import Enum, auto
from itertools import islice
from typing import Protocol

from msgspec import Struct

from streams.acceptance import Fence

KEPT_DAYS = 35
KEPT_STREAMS = 10_000


class Unreadable(Struct, frozen=True):
    """The state of a stream whose history this build cannot fold."""

    reason: str


UNKNOWN = Unreadable("nothing of it was seen yet")


class Stream(Struct, gc=False):
    """`handled`: id of each record of the last 35 days, with its command's day."""

    version: int = 0
    state: Struct = UNKNOWN
    aggregate: str = ""
    handled: dict[str, int] = {}
    unsaved_expired: int = 0


class Change(Struct, gc=False):
    """What a snapshot lacks of one stream; the first `expired` ids it has may go."""

    aggregate: str
    version: int
    state: Struct
    handled: list[tuple[str, int]] = []
    expired: int = 0


class Mark(Struct, frozen=True):
    """What a snapshot is of: the log before `next_offset`, and its fence there."""

    next_offset: int = 0
    fence: Fence = Fence()
    resume: int = 0
    command_topic_id: str = ""


class Outcome(Enum):
    """What became of the last save."""

    IDLE = auto()
    SAVING = auto()
    FAILED = auto()


class SnapshotLost(Exception):
    """The snapshot cannot be used any more: fold the partition again without it."""


class Snapshot(Protocol):
    """Of one partition, as its owner uses it; only `fetch` waits."""

    mark: Mark

    def fetch(self, keys: list[str]) -> dict[str, Stream]:
        """Streams as of the mark; raises SnapshotLost."""
        ...

    def save(self, mark: Mark, changes: dict[str, Change]) -> None:
        """Begin to move it to this mark; one at a time."""
        ...

    def outcome(self) -> tuple[Outcome, dict[str, Change]]:
        """Of the last save, and its changes if it failed; raises SnapshotLost."""
        ...


class LetGo:
    """Keys that were let go: "no" is always true, "yes" costs a question at worst.

    A Bloom filter of two megabytes; with a million keys one "yes" in 200 is wrong.
    """

    BITS = 24

    def __init__(self) -> None:
        self._bits = bytearray(1 << self.BITS - 3)

    def add(self, key: str) -> None:
        for place in self._places(key):
            self._bits[place >> 3] |= 1 << (place & 7)

    def __contains__(self, key: str) -> bool:
        bits = self._bits
        return all(bits[place >> 3] >> (place & 7) & 1 for place in self._places(key))

    def _places(self, key: str) -> tuple[int, int, int]:
        found, mask = hash(key), (1 << self.BITS) - 1
        return found & mask, found >> 20 & mask, found >> 40 & mask


class Streams:
    """Not thread-safe. Without a snapshot nothing is ever let go."""

    def __init__(
        self,
        snapshot: Snapshot | None = None,
        *,
        complete: bool = True,
        kept: int = KEPT_STREAMS,
    ) -> None:
        self.complete = complete
        self.changes: dict[str, Change] = {}
        self._snapshot = snapshot
        self._kept = kept
        self._here: dict[str, Stream] = {}
        # What a partition folded from its first record has seen, it can tell itself.
        self._gone = LetGo() if complete and snapshot is not None else None

    def __len__(self) -> int:
        return len(self._here)

    def states(self) -> dict[str, Struct]:
        return {key: stream.state for key, stream in self._here.items()}

    def fetch(self, keys: Iterable[str]) -> None:
        """Have all these streams here; raises SnapshotLost."""
        if self.complete or self._snapshot is None:
            return
        missing = [key for key in dict.fromkeys(keys) if key not in self._here]
        if self._gone is not None:
            missing = [key for key in missing if key in self._gone]
        if missing:
            self._here.update(self._snapshot.fetch(missing))

    def of(self, key: str) -> Stream:
        """The stream; call `fetch` first. It counts as used just now."""
        stream = self._here.pop(key, None)
        if stream is None:
            stream = Stream()
        self._here[key] = stream
        return stream

    def keep(self, key: str, version: int, state: Struct, id_: str, day: int) -> None:
        """A record of this stream is on the log for good: the next snapshot has it."""
        if self._snapshot is None:
            return
        stream = self._here[key]
        change = self.changes.get(key)
        if change is None:
            change = self.changes[key] = Change(stream.aggregate, version, state)
        change.version, change.state = version, state
        change.handled.append((id_, day))
        change.expired += stream.unsaved_expired
        stream.unsaved_expired = 0

    def take_changes(self) -> dict[str, Change]:
        taken, self.changes = self.changes, {}
        return taken

    def put_back(self, taken: dict[str, Change]) -> None:
        """A snapshot failed: what it had comes before what changed meanwhile."""
        for key, newer in self.changes.items():
            older = taken.get(key)
            if older is not None:
                newer.handled[:0] = older.handled
                newer.expired += older.expired
        self.changes = {**taken, **self.changes}

    def let_go(self, in_flight: Iterable[str]) -> None:
        """Forget the longest unused beyond the limit, but nothing unsaved."""
        too_many = len(self._here) - self._kept
        if too_many <= 0 or self._snapshot is None:
            return
        pinned = {*self.changes, *in_flight}
        oldest = list(islice(self._here, too_many))
        for key in oldest:
            if key not in pinned:
                del self._here[key]
                self.complete = False
                if self._gone is not None:
                    self._gone.add(key)


def forget_expired(stream: Stream, today: int) -> None:
    """Drop handled ids whose commands are older than 35 days, oldest first."""
    expired = 0
    for day in stream.handled.values():
        if today - day <= KEPT_DAYS:
            break
        expired += 1
    for id_ in list(islice(stream.handled, expired)):
        del stream.handled[id_]
    stream.unsaved_expired += expired
