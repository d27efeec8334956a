"""Reads what a playlist needs from a fragmented MP4 file with one track.

Sizes and times come from the boxes themselves, so what the playlists declare is
what the bytes are.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from media_agents.errors import MediaRefused

_TFHD_BASE_OFFSET = 0x1
_TFHD_DESCRIPTION = 0x2
_TFHD_DURATION = 0x8
_TFHD_SIZE = 0x10
_TRUN_DATA_OFFSET = 0x1
_TRUN_FIRST_FLAGS = 0x4
_TRUN_DURATION = 0x100
_TRUN_SIZE = 0x200
_TRUN_FIELDS = (_TRUN_DURATION, _TRUN_SIZE, 0x400, 0x800)
_NESTED = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"}
_VISUAL_ENTRY = 78
_IDR = 5
_AUDIO_ENTRY = 28


@dataclass(frozen=True, slots=True)
class Box:
    kind: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """A `moof` with its `mdat`; `key_size` reaches to the end of the first sample."""

    offset: int
    size: int
    key_size: int
    ticks: int
    decode_time: int
    samples: int


@dataclass(frozen=True, slots=True)
class Track:
    codec: str
    timescale: int
    init_size: int
    fragments: tuple[Fragment, ...]

    @property
    def seconds(self) -> float:
        return sum(f.ticks for f in self.fragments) / self.timescale

    @property
    def samples(self) -> int:
        return sum(f.samples for f in self.fragments)


def read_track(path: Path) -> Track:
    with path.open("rb") as file:
        size = path.stat().st_size
        top = list(_top_boxes(file, size))
        moov = next((b for b in top if b.kind == b"moov"), None)
        if moov is None:
            raise _broken("it has no moov box")
        file.seek(moov.start)
        header = file.read(moov.end - moov.start)
        fragments = []
        for moof, mdat in _pairs(top):
            file.seek(moof.start)
            fragments.append(_fragment(file.read(moof.end - moof.start), moof, mdat))
    leaves = {box.kind: box for box in _leaves(header, 0, len(header))}
    return Track(
        _codec(header, leaves[b"stsd"]),
        _timescale(header, leaves[b"mdhd"]),
        moov.end,
        tuple(fragments),
    )


def begins_with_idr(path: Path, fragment: Fragment) -> bool:
    """Whether a decoder can start at this fragment of H.264: open GOPs cannot."""
    with path.open("rb") as file:
        file.seek(fragment.offset)
        moof = _box(file.read(16), 0, fragment.offset)
        file.seek(moof.end)
        mdat = _box(file.read(16), 0, moof.end)
        file.seek(mdat.body)
        sample = file.read(fragment.offset + fragment.key_size - mdat.body)
    return _IDR in set(_kinds(sample))


def _kinds(sample: bytes) -> Iterator[int]:
    """Of each NAL unit; their lengths are written in four bytes."""
    at = 0
    while at + 5 <= len(sample):
        yield sample[at + 4] & 0x1F
        at += 4 + int.from_bytes(sample[at : at + 4])


def _broken(why: str) -> MediaRefused:
    return MediaRefused("bad_output", f"the packaged file is not usable: {why}")


def _top_boxes(file: BinaryIO, size: int) -> Iterator[Box]:
    at = 0
    while at + 8 <= size:
        file.seek(at)
        box = _box(file.read(16), 0, at)
        if box.end > size:
            raise _broken("a box ends after the file")
        yield box
        at = box.end


def _box(header: bytes, position: int, shift: int = 0) -> Box:
    length, kind = struct.unpack_from(">I4s", header, position)
    body = 8
    # A length of one says that the real one follows in 64 bits.
    if length == 1:
        (length,) = struct.unpack_from(">Q", header, position + 8)
        body = 16
    if length < body:
        raise _broken("a box has no length")
    start = position + shift
    return Box(kind, start, start + body, start + length)


def _leaves(buffer: bytes, start: int, end: int) -> Iterator[Box]:
    while start + 8 <= end:
        box = _box(buffer, start)
        if box.kind in _NESTED:
            yield from _leaves(buffer, box.body, box.end)
        else:
            yield box
        start = box.end


def _pairs(top: list[Box]) -> Iterator[tuple[Box, Box]]:
    for first, second in pairwise(top):
        if first.kind == b"moof" and second.kind == b"mdat":
            yield first, second


def _timescale(header: bytes, mdhd: Box) -> int:
    at = mdhd.body + (20 if header[mdhd.body] == 1 else 12)
    return int.from_bytes(header[at : at + 4])


def _fragment(buffer: bytes, moof: Box, mdat: Box) -> Fragment:
    leaves = list(_leaves(buffer, 0, len(buffer)))
    duration, size = _defaults(buffer, next(b for b in leaves if b.kind == b"tfhd"))
    samples = [
        sample
        for box in leaves
        if box.kind == b"trun"
        for sample in _run(buffer, box, duration, size)
    ]
    tfdt = next(b for b in leaves if b.kind == b"tfdt")
    wide = 8 if buffer[tfdt.body] == 1 else 4
    at = tfdt.body + 4
    return Fragment(
        offset=moof.start,
        size=mdat.end - moof.start,
        key_size=mdat.body + samples[0][1] - moof.start,
        ticks=sum(ticks for ticks, _ in samples),
        decode_time=int.from_bytes(buffer[at : at + wide]),
        samples=len(samples),
    )


def _flags(buffer: bytes, box: Box) -> int:
    return int.from_bytes(buffer[box.body + 1 : box.body + 4])


def _defaults(buffer: bytes, tfhd: Box) -> tuple[int, int]:
    flags, at = _flags(buffer, tfhd), tfhd.body + 8
    found = {_TFHD_DURATION: 0, _TFHD_SIZE: 0}
    widths = {_TFHD_BASE_OFFSET: 8, _TFHD_DESCRIPTION: 4}
    for flag in (_TFHD_BASE_OFFSET, _TFHD_DESCRIPTION, _TFHD_DURATION, _TFHD_SIZE):
        if flags & flag:
            width = widths.get(flag, 4)
            found[flag] = int.from_bytes(buffer[at : at + width])
            at += width
    return found[_TFHD_DURATION], found[_TFHD_SIZE]


def _run(
    buffer: bytes, trun: Box, duration: int, size: int
) -> Iterator[tuple[int, int]]:
    flags = _flags(buffer, trun)
    count = int.from_bytes(buffer[trun.body + 4 : trun.body + 8])
    at = trun.body + 8
    at += 4 * sum(1 for f in (_TRUN_DATA_OFFSET, _TRUN_FIRST_FLAGS) if flags & f)
    fields = [f for f in _TRUN_FIELDS if flags & f]
    for _ in range(count):
        row = dict(
            zip(fields, struct.unpack_from(f">{len(fields)}I", buffer, at), strict=True)
        )
        yield row.get(_TRUN_DURATION, duration), row.get(_TRUN_SIZE, size)
        at += 4 * len(fields)


def _codec(header: bytes, stsd: Box) -> str:
    entry = _box(header, stsd.body + 8)
    skip = _VISUAL_ENTRY if entry.kind == b"avc1" else _AUDIO_ENTRY
    inner = {b.kind: b for b in _leaves(header, entry.body + skip, entry.end)}
    if entry.kind == b"avc1" and b"avcC" in inner:
        # RFC 6381 spells profile, constraints and level straight from avcC.
        at = inner[b"avcC"].body
        return "avc1." + header[at + 1 : at + 4].hex()
    if entry.kind == b"mp4a" and b"esds" in inner:
        esds = inner[b"esds"]
        return f"mp4a.40.{_audio_object_type(header[esds.body + 4 : esds.end])}"
    raise _broken(f"its codec is {entry.kind.decode(errors='replace')}")


def _audio_object_type(descriptors: bytes) -> int:
    # Tag 5 is the decoder's own configuration; its first five bits are the type.
    at = 0
    skips = {3: 3, 4: 13}
    while at < len(descriptors):
        tag, at = descriptors[at], at + 1
        length = 0
        while descriptors[at] & 0x80:
            length, at = (length << 7) | (descriptors[at] & 0x7F), at + 1
        length, at = (length << 7) | descriptors[at], at + 1
        if tag == 5:
            return descriptors[at] >> 3
        at += skips.get(tag, length)
    raise _broken("its sound has no decoder configuration")
