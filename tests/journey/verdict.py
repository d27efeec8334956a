"""A finished file held against its destination, read afresh, nothing stored asked."""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from PIL import Image, ImageChops

from media_agents.conforming import Finding, held_against
from media_agents.engines.ffmpeg import Engine
from media_agents.facts import Facts, Loudness
from media_agents.loudness import loudness
from media_agents.probe import probe
from media_agents.profiles import CoverShape, Profile
from tests.fixtures.fix_media import ffmpeg

NEAR_LUFS = 0.5
# Of 255: letters are far above it, a black card and video noise far below.
BRIGHT = 120
BRAND, MARK = (0.6, 0.0, 1.0, 0.2), (0.0, 0.0, 0.5, 0.2)
WORDS, NOTE = (0.3, 0.7, 0.7, 0.915), (0.3, 0.915, 0.7, 1.0)
Box: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Moments:
    """Seconds of the film at which its black title card is seen, and what is said."""

    quiet: float
    spoken: float


@dataclass(frozen=True, slots=True)
class Made:
    """What somebody would hand in at the destination; `url` is where it came from."""

    path: Path
    url: str
    covers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """`lines` has every rule, kept or broken."""

    destination: str
    made: Made
    moments: Moments
    lines: tuple[Finding, ...]

    @property
    def broken(self) -> list[Finding]:
        return [each for each in self.lines if not each.fit]


async def judge(
    made: Made, profile: Profile, moments: Moments, engine: Engine
) -> Judged:
    facts = await probe(made.path, engine)
    lines = [*held_against(facts, profile), *_file(made, facts)]
    if facts.sound is not None:
        index, seconds = facts.sound.index, facts.seconds
        heard = await loudness(made.path, index, engine, seconds)
        lines += _heard(heard, profile)
    else:
        lines.append(Finding("sound", "none", "narration", fit=False))
    lines += await asyncio.to_thread(lambda: [*_seen(made, profile, moments, engine)])
    lines += _covers(made.covers, profile)
    return Judged(profile.name, made, moments, tuple(lines))


def _file(made: Made, facts: Facts) -> Iterator[Finding]:
    """Names of finished files carry the beginning of the hash of what is in them."""
    named = Path(urlsplit(made.url).path).stem.rpartition("-")[2]
    found = hashlib.sha256(made.path.read_bytes()).hexdigest()[: len(named) or 16]
    yield Finding("content hash", found, named or "one in its name", found == named)
    marked = '"Label":"1"' in facts.labels.aigc
    told = "AIGC Label 1" if marked else "none"
    yield Finding("AI mark in the data", told, "AIGC Label 1", marked)
    index = "in front" if facts.fast_start else "at the end"
    yield Finding("index of the file", index, "in front", facts.fast_start)


def _heard(heard: Loudness, profile: Profile) -> Iterator[Finding]:
    off = abs(heard.lufs - profile.loudness_lufs)
    wanted = f"{profile.loudness_lufs:g} ± {NEAR_LUFS:g} LUFS"
    yield Finding("loudness", f"{heard.lufs:g} LUFS", wanted, off <= NEAR_LUFS)
    peak, most = heard.peak_db, profile.true_peak_db
    yield Finding("true peak", f"{peak:g} dBTP", f"at most {most:g} dBTP", peak <= most)


def _seen(
    made: Made, profile: Profile, moments: Moments, engine: Engine
) -> Iterator[Finding]:
    quiet = _frame(made.path, moments.quiet, engine)
    spoken = _frame(made.path, moments.spoken, engine)
    brand = profile.watermark == "allow"
    for field, frame, place, wanted in (
        ("AI mark on the picture", quiet, MARK, True),
        ("brand mark on the picture", quiet, BRAND, brand),
        ("copyright on the picture", quiet, NOTE, brand),
        ("words while nobody speaks", quiet, WORDS, False),
        ("words while somebody speaks", spoken, WORDS, True),
    ):
        found = _brightest(_part(frame, place)) > BRIGHT
        yield Finding(field, _there(found), _there(wanted), found is wanted)
    notes = [_part(frame, NOTE) for frame in (quiet, spoken)]
    same = _brightest(ImageChops.difference(*notes)) < BRIGHT
    yield Finding("what lies below the words", _same(same), _same(True), same)


def _same(so: bool) -> str:
    return "untouched" if so else "written over"


def _there(so: bool) -> str:
    return "there" if so else "none"


def _frame(path: Path, at: float, engine: Engine) -> Image.Image:
    target = path.with_name(f"{path.stem}-{at:.2f}.png")
    ffmpeg(engine, "-ss", f"{at:.3f}", "-i", path, "-frames:v", "1", target)
    with Image.open(target) as found:
        return found.convert("L")


def _part(frame: Image.Image, place: Box) -> Image.Image:
    left, top, right, bottom = place
    wide, high = frame.size
    return frame.crop(
        (int(left * wide), int(top * high), int(right * wide), int(bottom * high))
    )


def _brightest(frame: Image.Image) -> float:
    _, most = frame.getextrema()
    return float(most) if isinstance(most, int | float) else 0.0


def _covers(covers: Sequence[bytes], profile: Profile) -> Iterator[Finding]:
    pictures = [(Image.open(BytesIO(each)), len(each)) for each in covers]
    for shape in profile.covers:
        wide, high = shape.aspect
        ours = [each for each in pictures if _shaped(each[0], shape)]
        yield Finding(f"cover {wide}:{high}", _there(bool(ours)), "there", bool(ours))
        for picture, size in ours:
            yield from _cover(picture, size, shape, profile)


def _shaped(picture: Image.Image, shape: CoverShape) -> bool:
    """To the pixel: sides are whole numbers."""
    wide, high = shape.aspect
    return abs(picture.width * high / wide - picture.height) <= 1


def _cover(
    picture: Image.Image, size: int, shape: CoverShape, profile: Profile
) -> Iterator[Finding]:
    name = f"cover {shape.aspect[0]}:{shape.aspect[1]}"
    kind = (picture.format or "").lower()
    formats = profile.cover_formats
    yield Finding(f"{name} format", kind, " or ".join(formats), kind in formats)
    sides, least = f"{picture.width}x{picture.height}", shape.least_width
    wide_enough = picture.width >= least
    yield Finding(f"{name} width", sides, f"at least {least}", wide_enough)
    most = profile.max_cover_bytes
    yield Finding(f"{name} size", str(size), f"at most {most}", size <= (most or size))
