"""What a decider remembers of a partition's streams: states, handled ids, changes.

Everything is in memory until a snapshot has it. A partition folded from its first
record holds every stream (`complete`); once streams were let go, or the fold began at
a snapshot, those that are not here are fetched from the snapshot, many at a time. New
streams cost no question: Bloom filters tell that neither was the key let go nor did
the snapshot begin with it. Only confirmed records reach `changes`, which the next
snapshot takes.
"""

from collections.abc import Container, Iterable
from enum import Enum, auto
from itertools import islice
from typing import Protocol

from msgspec import Struct
from rbloom import Bloom

from streams.acceptance import Fence

KEPT_DAYS = 35
KEPT_STREAMS = 10_000
# A filter of this many keys has 1.6 megabytes; more keys make it ask more, never less.
LET_GO = 1_000_000
ASKED_IN_VAIN = 0.002


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

    def held(self) -> Container[str] | None:
        """At least the keys it was opened with; None as long as they are being read."""
        ...

    def fetch(self, keys: list[str]) -> dict[str, Stream]:
        """Streams as of the mark; raises SnapshotLost."""
        ...

    def save(self, mark: Mark, changes: dict[str, Change]) -> None:
        """Begin to move it to this mark; one at a time."""
        ...

    def outcome(self) -> tuple[Outcome, dict[str, Change]]:
        """Of the last save, and its changes if it failed; raises SnapshotLost."""
        ...


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
        # A partition folded from its first record began with nothing behind it.
        self._held: Container[str] | None = () if complete else None
        self._gone = keys_filter(LET_GO)

    def __len__(self) -> int:
        return len(self._here)

    def states(self) -> dict[str, Struct]:
        return {key: stream.state for key, stream in self._here.items()}

    def fetch(self, keys: Iterable[str]) -> None:
        """Have all these streams here; raises SnapshotLost."""
        if self.complete or self._snapshot is None:
            return
        missing = [key for key in dict.fromkeys(keys) if key not in self._here]
        if self._held is None:
            self._held = self._snapshot.held()
        if self._held is not None:
            there = self._held
            missing = [key for key in missing if key in self._gone or key in there]
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
                self._gone.add(key)


def keys_filter(keys: int) -> Bloom:
    """Of so many keys: "no" is always true, "yes" is wrong once in 500."""
    return Bloom(keys, ASKED_IN_VAIN)


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
