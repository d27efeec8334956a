"""Reading a broker's log directory without a broker: a copy, a backup, a disk image."""

import mmap
from collections.abc import Iterator
from pathlib import Path
from struct import Struct as Layout

from aiokafka.record.default_records import DefaultRecordBatch

from infra.problem import Stop
from schemas.topics import PREFIX
from streams.hashing import Entry

_FRAME = Layout(">qi")


class Damaged(Exception):
    """The log itself is broken at `offset`: restore these files from a backup."""

    def __init__(self, offset: int, why: str) -> None:
        super().__init__(why)
        self.offset = offset


class Files:
    """A copied log directory; no broker needs to run on it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if not self.places():
            raise Stop(
                f"{folder} holds no partition of ours: name the folder of the broker's "
                "logs, in a data directory it is kafka/logs."
            )

    def places(self) -> list[tuple[str, int]]:
        """Topics of ours and their partitions that have a folder here."""
        found = []
        for path in self._folder.glob(f"{PREFIX}*-*"):
            topic, _, number = path.name.rpartition("-")
            if path.is_dir() and number.isdigit():
                found.append((topic, int(number)))
        return sorted(found)

    def entries(self, topic: str, partition: int) -> Iterator[Entry]:
        """What a reader would be given, in order; raises Damaged where that ends.

        Records of a batch with a wrong checksum come before the error as far as they
        can be made out, so that the one that changed is told from its neighbours.
        """
        seen = 0
        for path in sorted((self._folder / f"{topic}-{partition}").glob("*.log")):
            for base, raw in _batches(path, seen):
                batch = DefaultRecordBatch(bytearray(raw))
                whole = batch.validate_crc()
                if not batch.is_control_batch:
                    for entry in _records(batch, base, topic, partition):
                        seen = entry.offset + 1
                        yield entry
                if not whole:
                    raise Damaged(base, f"the batch from {base} has a wrong checksum")


def _batches(path: Path, seen: int) -> Iterator[tuple[int, bytes]]:
    """First offset and bytes of each batch; what a crash left half is not there."""
    if not path.stat().st_size:
        return
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as log,
    ):
        at = 0
        while at + _FRAME.size <= len(log):
            base, length = _FRAME.unpack_from(log, at)
            end = at + _FRAME.size + length
            if length <= 0 or end > len(log):
                return
            if base < seen or log[at + 16] != 2:
                raise Damaged(seen, f"no record begins at byte {at} of {path.name}")
            yield base, log[at:end]
            seen, at = base + 1, end


def _records(
    batch: DefaultRecordBatch, base: int, topic: str, partition: int
) -> Iterator[Entry]:
    try:
        for found in batch:
            yield Entry(
                topic=topic,
                partition=partition,
                offset=found.offset,
                at_ms=found.timestamp,
                key=found.key,
                headers=tuple(found.headers),
                value=found.value,
            )
    # Whatever a decompressor or a parser says of changed bytes means the same here.
    except Exception as wrong:
        raise Damaged(
            base, f"the batch from {base} cannot be read: {wrong!r}"
        ) from wrong
