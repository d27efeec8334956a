"""A long picture is encoded piece by piece, so that a death costs one of them.

Where the cuts are follows from the source and the plan alone, so the same job makes the
same bytes whether or not it was interrupted.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from media_agents.engines.ffmpeg import Engine, Progress, encode
from media_agents.errors import MediaRefused
from media_agents.planning import Plan
from media_agents.timeline import key_distances, packets_of

PIECE_SECONDS = 60
# Seconds are decoded before a cut: the frame that is still shown there begins earlier.
LEAD_SECONDS = 1
# Containers in which FFmpeg finds a moment exactly; MPEG-TS loses frames (measured).
SEEKABLE = frozenset({"mp4", "mov", "matroska", "webm"})
_KEY_SLACK = Fraction(1, 500)
# A piece counts from zero, but what is drawn on it follows the clock of the whole.
RESTART = "setpts=PTS-STARTPTS"


class Piece(Struct, frozen=True):
    """`at` and `seconds` of the source; `frames` None = all that are left."""

    number: int
    at: Fraction
    seconds: Fraction
    frames: int | None


class Kept(Protocol):
    """Where finished pieces survive whoever made them."""

    async def fetch(self, name: str, path: Path) -> bool:
        """False where there is no such piece."""

    async def keep(self, name: str, path: Path) -> None: ...


async def pieces(
    path: Path, wanted: Plan, engine: Engine, length: int = PIECE_SECONDS
) -> tuple[Piece, ...]:
    """Empty for a picture that is best encoded as a whole."""
    if wanted.container not in SEEKABLE or wanted.seconds < 1.5 * length:
        return ()
    if not wanted.encoded:
        return ()
    if wanted.copies:
        keys = key_distances(await packets_of(path, engine, wanted.video_index))
        return at_keys(keys, wanted.duration_ms, length)
    return at_steps(wanted, length)


def at_steps(wanted: Plan, length: int) -> tuple[Piece, ...]:
    """Each has as many frames as fill whole groups of pictures, the last the rest."""
    rate = Fraction(wanted.frame_rate)
    frames = round(rate * 2) * (length // 2)
    many = max(1, round(wanted.duration_ms * rate / 1000 / frames))
    each = frames / rate
    rest = Fraction(wanted.duration_ms, 1000) - each * (many - 1)
    return tuple(
        Piece(n, n * each, each, frames)
        if n < many - 1
        else Piece(n, n * each, rest, None)
        for n in range(many)
    )


def at_keys(
    keys: Sequence[tuple[Fraction, int]], duration_ms: int, length: int
) -> tuple[Piece, ...]:
    """Each begins at a key frame of the source; keys come with the frames they lead."""
    starts = [0]
    for number, (at, _) in enumerate(keys):
        long_enough = at - keys[starts[-1]][0] >= length
        if long_enough and Fraction(duration_ms, 1000) - at >= Fraction(length, 2):
            starts.append(number)
    made: list[Piece] = []
    for begin, end in pairwise([*starts, len(keys)]):
        last = end == len(keys)
        until = Fraction(duration_ms, 1000) if last else keys[end][0]
        frames = None if last else sum(many for _, many in keys[begin:end])
        at = keys[begin][0]
        made.append(Piece(len(made), at, until - at, frames))
    return tuple(made)


def seek(piece: Piece) -> tuple[str, ...]:
    """Input options: timestamps stay those of the whole."""
    at = max(Fraction(0), piece.at - LEAD_SECONDS)
    return ("-copyts", "-start_at_zero", "-ss", f"{float(at):.6f}")


def begin(piece: Piece, wanted: Plan) -> list[str]:
    """Filters that leave out what was decoded before the cut; RESTART belongs last."""
    at = float(piece.at)
    if wanted.copies:
        return [f"trim=start={float(max(Fraction(0), piece.at - _KEY_SLACK)):.6f}"]
    return [f"fps={wanted.frame_rate}:start_time={at:.6f}"]


def name_of(piece: Piece, rung: str) -> str:
    return f"piece-{piece.number:04d}-{rung}.mp4"


async def join(
    made: Sequence[Piece], rung: str, out_dir: Path, target: Path, *, engine: Engine
) -> None:
    parts = [(out_dir / name_of(each, rung), each.seconds) for each in made]
    await joined(parts, target, ("-movflags", "+faststart"), engine=engine)


async def joined(
    parts: Sequence[tuple[Path, Fraction]],
    target: Path,
    options: Sequence[str] = (),
    *,
    engine: Engine,
) -> None:
    """By copy; the parts lie beside the target, under plain names of ours.

    Their lengths are said, because files round theirs to milliseconds.
    """
    lines = ["ffconcat version 1.0"]
    for path, seconds in parts:
        lines += [f"file '{path.name}'", f"duration {float(seconds):.6f}"]
    listed = target.with_suffix(".ffconcat")
    listed.write_text("\n".join(lines))
    guard = ("-safe", "0", "-protocol_whitelist", "file")
    read = ("-f", "concat", *guard, "-i", f"file:{listed}", "-map", "0:v:0")
    exact = ("-map_metadata", "-1", "-fflags", "+bitexact", "-c", "copy")
    line = [*read, *exact, *options, f"file:{target}"]
    await encode(engine, line, progress=Progress(0, None))


async def check(piece: Piece, path: Path, *, engine: Engine) -> None:
    """Raises MediaRefused unless the piece has the frames it must have."""
    if piece.frames is None:
        return
    found = len(await packets_of(path, engine, 0))
    if found != piece.frames:
        raise MediaRefused(
            "bad_output", f"a piece has {found} frames instead of {piece.frames}"
        )
