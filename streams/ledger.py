"""The auditor's own files: per partition its signed checkpoints and all its leaves.

`<topic>-<partition>.jsonl` is only appended to; `<topic>-<partition>.leaves` holds the
leaf of offset n at byte 32 n. Leaves are on the disk before the line that covers them.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from schemas.audit import Checkpoint, Stretch
from streams.hashing import LEAF

TAIL = 16 * 1024
_CHECKPOINT = msgspec.json.Decoder(Checkpoint)
_STRETCH = msgspec.json.Decoder(Stretch)


class Forged(Exception):
    """A checkpoint that this key did not sign: find out who wrote it."""


class Busy(Exception):
    """Another auditor writes to this folder: end it first."""


def public_key(seed: bytes) -> str:
    """In hex; whoever has it can verify without any secret."""
    return (
        Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw().hex()
    )


def signed(stretch: Stretch, seed: bytes) -> bytes:
    """One line, without its end; the same bytes go to the topic."""
    raw = msgspec.json.encode(stretch)
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(raw)
    return msgspec.json.encode(Checkpoint(msgspec.Raw(raw), signature.hex()))


def opened(line: bytes, key: str) -> Stretch:
    """Raises Forged unless `key` signed exactly this."""
    try:
        found = _CHECKPOINT.decode(line)
        raw = bytes(found.stretch)
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        public.verify(bytes.fromhex(found.signature), raw)
        return _STRETCH.decode(raw)
    except InvalidSignature as wrong:
        raise Forged(f"not signed by {key[:16]}…") from wrong
    except ValueError as wrong:
        raise Forged(f"no checkpoint: {wrong}") from wrong


def claim(folder: Path) -> TextIO:
    """One auditor per folder, until the returned file is closed; raises Busy."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (folder / "lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as taken:
        lock.close()
        raise Busy(f"{folder} belongs to a running auditor") from taken
    return lock


def places(folder: Path) -> list[tuple[str, int]]:
    """The partitions this folder knows."""
    found = (path.stem.rpartition("-") for path in folder.glob("*.jsonl"))
    return sorted((topic, int(number)) for topic, _, number in found)


class Ledger:
    """The two files of one partition."""

    def __init__(self, folder: Path, topic: str, partition: int) -> None:
        self._lines = folder / f"{topic}-{partition}.jsonl"
        self._leaves = folder / f"{topic}-{partition}.leaves"

    def last(self) -> bytes | None:
        """The newest line; one that a crash tore is cut off, it was never told."""
        if not self._lines.exists():
            return None
        with self._lines.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            begin = max(0, size - TAIL)
            file.seek(begin)
            tail = file.read()
            whole = tail.rfind(b"\n") + 1
            file.truncate(begin + whole)
        lines = tail[:whole].splitlines()
        return lines[-1] if lines else None

    def add(self, line: bytes, start: int, leaves: bytes) -> None:
        """Both are on the disk when this returns; leaves may come twice."""
        _write(self._leaves, leaves, os.O_WRONLY, start * LEAF)
        _write(self._lines, line + b"\n", os.O_WRONLY | os.O_APPEND, 0)

    def lines(self) -> Iterator[bytes]:
        if self._lines.exists():
            with self._lines.open("rb") as file:
                yield from (line.rstrip(b"\n") for line in file)

    def leaves(self, start: int, end: int) -> bytes:
        """As many as there are of [start, end)."""
        if not self._leaves.exists():
            return b""
        with self._leaves.open("rb") as file:
            file.seek(start * LEAF)
            return file.read((end - start) * LEAF)


def _write(path: Path, content: bytes, flags: int, at: int) -> None:
    file = os.open(path, flags | os.O_CREAT, 0o600)
    try:
        if flags & os.O_APPEND:
            os.write(file, content)
        else:
            os.pwrite(file, content, at)
        os.fsync(file)
    finally:
        os.close(file)
