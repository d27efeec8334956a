"""`contentops audit`: is the log what was signed, and where does it first differ?"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from msgspec import Struct

from infra.inspect import topic_name
from infra.problem import Stop
from infra.segments import Damaged, Files
from infra.settings import Settings
from schemas.audit import Stretch
from schemas.topics import AUDIT
from streams import ledger
from streams.audit import AUDITED
from streams.following import when_up
from streams.hashing import START, Entry, entry_of, gap, grown, leaf, split
from streams.ledger import Ledger

Say = Callable[[str], None]
WAIT_S = 10.0


class Verdict(Struct, frozen=True):
    """`signed` records of `records` are covered; `offset` is the first that differs."""

    topic: str
    partition: int
    records: int
    signed: int
    offset: int | None = None
    why: str = ""

    def line(self) -> str:
        place = f"{self.topic}[{self.partition}]"
        if self.offset is not None:
            return f"{place}: differs first at offset {self.offset}: {self.why}"
        return f"{place}: {self.records} records, {self.signed} of them signed, good"


class Log(Protocol):
    """The partitions to verify, from a broker or from files."""

    def places(self) -> list[tuple[str, int]]: ...

    def entries(self, topic: str, partition: int) -> Iterator[Entry]: ...


class Broker:
    """The log as the running broker hands it out, checksums compared."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "contentops.audit-verify",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                # An open fetch of the last partition delays the first of the next.
                "fetch.wait.max.ms": 10,
                "check.crcs": True,
                "isolation.level": "read_uncommitted",
            }
        )

    def places(self) -> list[tuple[str, int]]:
        try:
            known = self._consumer.list_topics(timeout=WAIT_S).topics
        except KafkaException as wrong:
            raise Stop(f"Kafka does not answer: {wrong.args[0].str()}.") from wrong
        return [(name, each) for name in known for each in known[name].partitions]

    def entries(self, topic: str, partition: int) -> Iterator[Entry]:
        """One partition at a time; raises Damaged where a checksum is wrong."""
        low, end = self._bounds(TopicPartition(topic, partition))
        self._consumer.assign([TopicPartition(topic, partition, low)])
        while low < end:
            entry = self._next(low)
            if entry is None:
                return
            low = entry.offset + 1
            yield entry

    @when_up
    def _bounds(self, place: TopicPartition) -> tuple[int, int]:
        return self._consumer.get_watermark_offsets(place, timeout=WAIT_S)

    def _next(self, wanted: int) -> Entry | None:
        """None: what is left is no record but the broker's own."""
        message = self._consumer.poll(WAIT_S)
        if message is None:
            return None
        error = message.error()
        if error is None:
            return entry_of(message)
        if error.code() == KafkaError._BAD_MSG:  # noqa: SLF001  its public name
            raise Damaged(wanted, error.str())
        raise Stop(f"Kafka does not hand the log out: {error.str()}.")


class Claims(Struct, frozen=True):
    """What was signed for a partition: the file's stretches, and every root by end."""

    stretches: tuple[Stretch, ...]
    roots: dict[int, str]

    @property
    def end(self) -> int:
        return max(self.roots, default=0)


class Walk:
    """From the beginning of one partition to the first leaf or root that differs."""

    def __init__(self, files: Ledger, claims: Claims) -> None:
        self._files = files
        self._roots = claims.roots
        self._stretches = iter(claims.stretches)
        self._known: list[bytes] = []
        self._until = 0
        self._good = 0
        self._root = START
        self.offset = 0

    def step(self, found: bytes, why: str) -> None:
        """Raises Damaged when this is not the leaf that was signed."""
        if self.offset == self._until:
            self._turn()
        known = self._known.pop() if self._known else found
        if known != found:
            raise Damaged(self.offset, why)
        self._root = grown(self._root, [found])
        self.offset += 1
        signed = self._roots.get(self.offset)
        if signed is not None and signed != self._root.hex():
            last = self.offset - 1
            raise Damaged(self._good, f"or at a later one up to {last}; no leaves tell")
        self._good = self.offset if signed else self._good

    def _turn(self) -> None:
        """Leaves of the next stretch, if they are those that were signed."""
        stretch = next(self._stretches, None)
        if stretch is None:
            return
        leaves = split(self._files.leaves(stretch.start, stretch.end))
        genuine = grown(bytes.fromhex(stretch.previous), leaves).hex() == stretch.root
        self._known = leaves[::-1] if genuine else []
        self._until = stretch.end


def verify(
    settings: Settings,
    *,
    topic: str | None = None,
    files: Path | None = None,
    key: str | None = None,
    say: Say = print,
) -> None:
    """Print one line per partition; raises Stop if any is not what was signed."""
    log = Files(files) if files else Broker(settings.need("kafka"))
    only = topic_name(topic) if topic else None
    found = [
        each
        for each in verdicts(log, settings.audit_folder, key or public_key(settings))
        if only in {None, each.topic}
    ]
    for each in found:
        say(each.line())
    wrong = [each for each in found if each.offset is not None]
    if wrong:
        raise Stop(
            f"{len(wrong)} of {len(found)} partitions are not what was signed: keep "
            "them as they are, and compare with a backup (docs/howto/audit.md)."
        )
    if not any(each.signed for each in found):
        raise Stop("Nothing is signed yet: start the role auditor, or name its --data.")


def public_key(settings: Settings) -> str:
    return ledger.public_key(settings.audit_seed())


def verdicts(log: Log, folder: Path, key: str) -> Iterator[Verdict]:
    """Of every audited partition that the log or the files know."""
    there = log.places()
    told = _told(log) if (AUDIT.name, 0) in there else None
    known = [place for place in there if place[0] in AUDITED]
    for place in sorted({*known, *ledger.places(folder)}):
        entries = log.entries(*place) if place in there else iter(())
        lines = (
            None if told is None else told.get(f"{place[0]}:{place[1]}".encode(), [])
        )
        yield _verdict(place, entries, Ledger(folder, *place), lines, key)


def _told(log: Log) -> dict[bytes, list[bytes]]:
    """The lines on the topic, by the key of their partition."""
    found: dict[bytes, list[bytes]] = defaultdict(list)
    for entry in log.entries(AUDIT.name, 0):
        found[entry.key or b""].append(entry.value or b"")
    return found


def _verdict(
    place: tuple[str, int],
    entries: Iterable[Entry],
    files: Ledger,
    told: list[bytes] | None,
    key: str,
) -> Verdict:
    walk, end = None, 0
    try:
        claims = signed(place, files, told, key)
        walk, end = Walk(files, claims), claims.end
        _compare(walk, place, entries, end)
    except Damaged as wrong:
        return Verdict(
            *place, walk.offset if walk else 0, end, wrong.offset, str(wrong)
        )
    return Verdict(*place, walk.offset, end)


def _compare(
    walk: Walk, place: tuple[str, int], entries: Iterable[Entry], end: int
) -> None:
    for entry in entries:
        while walk.offset < entry.offset:
            walk.step(gap(*place, walk.offset), "the record that was here is gone")
        if entry.offset < walk.offset:
            raise Damaged(entry.offset, "this offset is there twice")
        walk.step(leaf(entry), "the record is not the one that was signed")
    if walk.offset < end:
        raise Damaged(walk.offset, f"the log ends here, {end} records were signed")


def signed(
    place: tuple[str, int], files: Ledger, told: list[bytes] | None, key: str
) -> Claims:
    """Raises Damaged when a checkpoint is forged, missing, or the two sinks differ."""
    kept: list[Stretch] = []
    end, root = 0, START.hex()
    for line in files.lines():
        each = _open(line, place, key, end)
        if (each.start, each.previous) != (end, root):
            raise Damaged(end, "the file lacks the checkpoint that begins here")
        kept.append(each)
        end, root = each.end, each.root
    roots = {each.end: each.root for each in kept}
    ends: set[int] = set()
    for line in told or ():
        stretch = _open(line, place, key, max(ends, default=0))
        ends.add(stretch.end)
        if roots.setdefault(stretch.end, stretch.root) != stretch.root:
            raise Damaged(stretch.start, f"file and {AUDIT.name} have two roots for it")
    if told is not None:
        _agree(kept, ends, end)
    return Claims(tuple(kept), roots)


def _agree(kept: list[Stretch], ends: set[int], end: int) -> None:
    """The newest line may be on its way to the topic, or wait there for a restart."""
    missing = [each.start for each in kept[:-1] if each.end not in ends]
    if missing:
        raise Damaged(missing[0], f"{AUDIT.name} lacks the checkpoint that begins here")
    if max(ends, default=0) > end:
        raise Damaged(end, f"the file ends here, {AUDIT.name} has later checkpoints")


def _open(line: bytes, place: tuple[str, int], key: str, at: int) -> Stretch:
    try:
        found = ledger.opened(line, key)
    except ledger.Forged as wrong:
        raise Damaged(at, f"a checkpoint from here on is forged: {wrong}") from wrong
    if (found.topic, found.partition) != place:
        raise Damaged(at, "a checkpoint of another partition lies among this one's")
    return found
