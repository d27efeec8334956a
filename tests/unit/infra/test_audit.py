"""Every way to change a log that was signed is found, at the offset where it begins."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from infra.audit import Verdict, verdicts
from schemas.audit import Stretch
from schemas.topics import AUDIT
from streams import ledger
from streams.audit import AUDITED
from streams.hashing import START, Entry, gap, grown, leaf
from streams.ledger import Busy, Forged, Ledger

SEED = bytes(range(32))
KEY = ledger.public_key(SEED)
TOPIC = "contentops.content.events.v1"
PLACE = (TOPIC, 1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
BYTES = st.none() | st.binary(max_size=6)
PARTS = st.tuples(
    st.integers(0, 2**40),
    BYTES,
    st.lists(st.tuples(st.text(max_size=3), BYTES), max_size=3).map(tuple),
    BYTES,
)


class FakeLog:
    """Partitions as lists; no broker."""

    def __init__(self, entries: list[Entry], lines: list[bytes]) -> None:
        self.kept = entries
        self.lines = lines

    def places(self) -> list[tuple[str, int]]:
        return [PLACE, (AUDIT.name, 0)]

    def entries(self, topic: str, partition: int) -> Iterator[Entry]:
        if topic == TOPIC:
            yield from self.kept
        for offset, line in enumerate(self.lines if topic == AUDIT.name else ()):
            yield Entry(AUDIT.name, 0, offset, 0, f"{TOPIC}:1".encode(), (), line)


def entry(offset: int, value: bytes | None = b"{}") -> Entry:
    return Entry(TOPIC, 1, offset, 1000 + offset, b"t:1", (("ce_id", b"1"),), value)


def sign(folder: Path, entries: list[Entry], *cuts: int) -> list[bytes]:
    """Checkpoints at these ends, in the files; returns what goes to the topic."""
    files = Ledger(folder, *PLACE)
    there = {each.offset: leaf(each) for each in entries}
    root, start, lines = START, 0, []
    for end in cuts:
        leaves = [there.get(n, gap(*PLACE, n)) for n in range(start, end)]
        after = grown(root, leaves)
        stretch = Stretch(TOPIC, "id", 1, start, end, root.hex(), after.hex(), NOW, KEY)
        lines.append(ledger.signed(stretch, SEED))
        files.add(lines[-1], start, b"".join(leaves))
        root, start = after, end
    return lines


def verdict(folder: Path, log: FakeLog) -> Verdict:
    (found,) = verdicts(log, folder, KEY)
    return found


@pytest.fixture
def signed_log(tmp_path: Path) -> FakeLog:
    entries = [entry(n) for n in range(10)]
    return FakeLog(entries, sign(tmp_path, entries, 4, 6, 9))


def test_an_unchanged_log_is_good(tmp_path: Path, signed_log: FakeLog) -> None:
    assert verdict(tmp_path, signed_log) == Verdict(*PLACE, records=10, signed=9)


@given(parts=PARTS, other=PARTS)
def test_a_leaf_covers_every_part_of_a_record(
    parts: tuple[int, bytes | None, tuple[tuple[str, bytes | None], ...], bytes | None],
    other: tuple[int, bytes | None, tuple[tuple[str, bytes | None], ...], bytes | None],
) -> None:
    assert (leaf(Entry(TOPIC, 1, 0, *parts)) == leaf(Entry(TOPIC, 1, 0, *other))) == (
        parts == other
    )


def test_a_record_cannot_be_moved() -> None:
    here = leaf(entry(3))

    assert here != leaf(entry(4))
    assert here != leaf(structs.replace(entry(3), partition=2))
    assert here != leaf(structs.replace(entry(3), topic=AUDITED[0]))
    assert here != gap(*PLACE, 3)


@given(
    count=st.integers(1, 30),
    cuts=st.sets(st.integers(1, 30)),
    at=st.integers(0, 29),
    change=st.sampled_from(["value", "key", "header", "time", "gone", "cut", "added"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_the_first_offset_that_differs_is_named(
    tmp_path_factory: pytest.TempPathFactory,
    count: int,
    cuts: set[int],
    at: int,
    change: str,
) -> None:
    folder = tmp_path_factory.mktemp("audit")
    entries = [entry(n, str(n).encode()) for n in range(count)]
    ends = sorted(each for each in cuts if each <= count)
    log = FakeLog(entries, sign(folder, entries, *ends))
    at %= count
    log.kept = changed(entries, at, change)

    signed = max(ends, default=0)
    wanted = at if at < signed else None
    assert verdict(folder, log).offset == wanted


def changed(entries: list[Entry], at: int, how: str) -> list[Entry]:
    before, one, after = entries[:at], entries[at], entries[at + 1 :]
    match how:
        case "value":
            return [*before, structs.replace(one, value=b"other"), *after]
        case "key":
            return [*before, structs.replace(one, key=None), *after]
        case "header":
            return [*before, structs.replace(one, headers=()), *after]
        case "time":
            return [*before, structs.replace(one, at_ms=one.at_ms + 1), *after]
        case "gone":
            return [*before, *after]
        case "cut":
            return before
    moved = [structs.replace(each, offset=each.offset + 1) for each in (one, *after)]
    return [*before, structs.replace(one, value=b"new"), *moved]


def test_an_offset_that_no_reader_is_given_stays_one(tmp_path: Path) -> None:
    entries = [entry(n) for n in (2, 3, 6)]
    log = FakeLog(entries, sign(tmp_path, entries, 5, 7))

    assert verdict(tmp_path, log).offset is None
    log.kept = [entry(n) for n in (2, 3, 4, 6)]
    assert verdict(tmp_path, log).offset == 4


def test_an_offset_that_is_there_twice_is_named(
    tmp_path: Path, signed_log: FakeLog
) -> None:
    signed_log.kept.insert(5, entry(4))

    assert verdict(tmp_path, signed_log).offset == 4


def test_without_leaves_the_stretch_is_named(
    tmp_path: Path, signed_log: FakeLog
) -> None:
    (tmp_path / f"{TOPIC}-1.leaves").unlink()
    assert verdict(tmp_path, signed_log).offset is None

    signed_log.kept[5] = entry(5, b"other")
    found = verdict(tmp_path, signed_log)

    assert found.offset == 4
    assert "up to 5" in found.why


def test_changed_leaves_accuse_nobody(tmp_path: Path, signed_log: FakeLog) -> None:
    path = tmp_path / f"{TOPIC}-1.leaves"
    path.write_bytes(path.read_bytes()[:-40] + bytes(40))

    assert verdict(tmp_path, signed_log).offset is None


def test_a_checkpoint_of_another_key_is_forged(
    tmp_path: Path, signed_log: FakeLog
) -> None:
    stretch = ledger.opened(signed_log.lines[1], KEY)
    signed_log.lines[1] = ledger.signed(stretch, bytes(32))

    found = verdict(tmp_path, signed_log)

    assert found.offset == 4
    assert "forged" in found.why


def test_a_changed_checkpoint_is_forged(tmp_path: Path, signed_log: FakeLog) -> None:
    signed_log.lines[2] = signed_log.lines[2].replace(b'"end":9', b'"end":8')

    assert "forged" in verdict(tmp_path, signed_log).why
    with pytest.raises(Forged):
        ledger.opened(b"{}", KEY)


def test_two_roots_for_one_stretch_are_named(
    tmp_path: Path, signed_log: FakeLog
) -> None:
    stretch = ledger.opened(signed_log.lines[1], KEY)
    other = structs.replace(stretch, root="00" * 32)
    signed_log.lines[1] = ledger.signed(other, SEED)

    assert "two roots" in verdict(tmp_path, signed_log).why


@pytest.mark.parametrize(("line", "offset"), [(0, 0), (1, 4)])
def test_a_checkpoint_that_the_topic_lacks_is_named(
    tmp_path: Path, signed_log: FakeLog, line: int, offset: int
) -> None:
    del signed_log.lines[line]

    found = verdict(tmp_path, signed_log)

    assert found.offset == offset
    assert f"{AUDIT.name} lacks" in found.why


@pytest.mark.parametrize(("line", "offset"), [(0, 0), (1, 4), (2, 6)])
def test_a_checkpoint_that_the_file_lacks_is_named(
    tmp_path: Path, signed_log: FakeLog, line: int, offset: int
) -> None:
    path = tmp_path / f"{TOPIC}-1.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[line]
    path.write_bytes(b"".join(lines))

    found = verdict(tmp_path, signed_log)

    assert found.offset == offset
    assert "file" in found.why


def test_the_newest_checkpoint_may_be_on_its_way_to_the_topic(
    tmp_path: Path, signed_log: FakeLog
) -> None:
    signed_log.lines.pop()

    assert verdict(tmp_path, signed_log).offset is None


def test_a_checkpoint_of_another_partition_is_no_proof(
    tmp_path: Path, signed_log: FakeLog
) -> None:
    stretch = ledger.opened(signed_log.lines[1], KEY)
    moved = ledger.signed(structs.replace(stretch, partition=2), SEED)
    signed_log.lines[1] = moved

    assert "another partition" in verdict(tmp_path, signed_log).why


def test_a_line_that_a_crash_tore_is_cut_off(tmp_path: Path) -> None:
    lines = sign(tmp_path, [entry(0), entry(1)], 1, 2)
    path = tmp_path / f"{TOPIC}-1.jsonl"
    whole = path.read_bytes()
    files = Ledger(tmp_path, *PLACE)

    for length in range(len(lines[0]) + 1, len(whole)):
        path.write_bytes(whole[:length])
        assert files.last() == lines[0]
        assert path.read_bytes() == lines[0] + b"\n"
    path.write_bytes(lines[0][:9])
    assert files.last() is None


def test_two_auditors_never_share_a_folder(tmp_path: Path) -> None:
    first = ledger.claim(tmp_path / "audit")
    with pytest.raises(Busy, match="belongs to a running auditor"):
        ledger.claim(tmp_path / "audit")
    first.close()
    ledger.claim(tmp_path / "audit").close()
