"""How the boxes of an uploaded MP4 lie; whatever is wrong with them is no error."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

MOST_BOXES = 10_000
MOST_HEADER = 64 << 20


class Layout(Struct, frozen=True):
    """`edited`: a list cuts or shifts a track; `fast_start`: the index comes first.

    Both are False for what is no MP4, or no whole one.
    """

    edited: bool = False
    fast_start: bool = False


def layout(path: Path) -> Layout:
    size = path.stat().st_size
    with path.open("rb") as file:
        places: dict[bytes, tuple[int, int]] = {}
        for kind, start, end in _top(file, size):
            places.setdefault(kind, (start, end))
        if b"moov" not in places or b"mdat" not in places:
            return Layout()
        start, end = places[b"moov"]
        file.seek(start)
        header = file.read(min(end - start, MOST_HEADER))
    return Layout(_edited(header), places[b"moov"] < places[b"mdat"])


def _top(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    at = 0
    for _ in range(MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return
        length, kind = struct.unpack_from(">I4s", head)
        if length == 1 and len(head) == 16:
            (length,) = struct.unpack_from(">Q", head, 8)
        end = size if length == 0 else at + length
        if length in range(1, 8) or end > size:
            return
        yield kind, at, end
        at = end


def _edited(header: bytes) -> bool:
    """Any list but one that shows a track whole and from its beginning."""
    at = header.find(b"elst")
    while at >= 0:
        if _moves(header[at + 4 : at + 32]):
            return True
        at = header.find(b"elst", at + 4)
    return False


def _moves(body: bytes) -> bool:
    if len(body) < 20:
        return False
    wide = body[0] == 1
    count = int.from_bytes(body[4:8])
    first = body[16:24] if wide else body[12:16]
    return count > 1 or int.from_bytes(first, signed=True) != 0
