"""Sound as plain samples, so that everything is laid exactly where it belongs.

Encoders add samples at both ends of every clip; so sound stays PCM until the whole film
is mixed and is encoded once. Stereo, 48 kHz, 32-bit floats.
"""

import shutil
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from media_agents.composing.arranging import SAMPLE_RATE
from media_agents.engines.child import Limits
from media_agents.engines.ffmpeg import INPUT_GUARD, Engine, Progress, encode

SAMPLE_BYTES = 8
RAW = ("-f", "f32le", "-ar", str(SAMPLE_RATE), "-ac", "2")
_BLOCK = 1 << 20


class Sounding(Struct, frozen=True):
    """Samples of a file, and where on the film they begin."""

    path: Path
    begin: int
    samples: int

    @property
    def end(self) -> int:
        return self.begin + self.samples


class Taken(Struct, frozen=True, kw_only=True):
    """Which sound of a file: `samples` None = to its end; fades count samples."""

    stream: str = "a:0"
    start: float = 0.0
    samples: int | None = None
    gain_db: float = 0.0
    fade_in: int = 0
    fade_out: int = 0


def samples_in(path: Path) -> int:
    return path.stat().st_size // SAMPLE_BYTES


async def decode_sound(
    path: Path,
    target: Path,
    engine: Engine,
    taken: Taken,
) -> None:
    """Exactly `taken.samples` of them: silence where the file has none."""
    seconds = (taken.samples or 0) / SAMPLE_RATE
    at = ("-ss", f"{taken.start:.6f}") if taken.start else ()
    await encode(
        engine,
        [
            *(*INPUT_GUARD, *at, "-i", f"file:{path}", "-map", f"0:{taken.stream}"),
            *("-vn", "-af", _chain(taken), "-map_metadata", "-1"),
            *(*RAW, f"file:{target}"),
        ],
        progress=Progress(0, None),
        limits=Limits(seconds=120 + seconds, cpu_seconds=int(240 + seconds)),
    )


def _chain(taken: Taken) -> str:
    steps = [
        f"aresample={SAMPLE_RATE}:async=1000:first_pts=0",
        "aformat=sample_fmts=flt:channel_layouts=stereo",
    ]
    if taken.gain_db:
        steps.append(f"volume={taken.gain_db:.2f}dB:precision=float")
    if taken.samples is not None:
        # The trim comes first: padding would wait for the end of a long file.
        count = taken.samples
        steps += [f"atrim=end_sample={count}", f"apad=whole_len={count}"]
        steps += _fades(taken, count)
    return ",".join(steps)


def _fades(taken: Taken, count: int) -> list[str]:
    """Equal power: two sounds that cross are together as loud as one."""
    steps = []
    if taken.fade_in:
        steps.append(f"afade=t=in:ss=0:ns={taken.fade_in}:curve=qsin")
    if taken.fade_out:
        begin = count - taken.fade_out
        steps.append(f"afade=t=out:ss={begin}:ns={taken.fade_out}:curve=qsin")
    return steps


def lay(track: Path, pieces: Sequence[Sounding], samples: int) -> Path:
    """A file of `samples` samples with each piece in its place, silence between.

    Pieces do not overlap; raises ValueError if they do.
    """
    ordered = sorted(pieces, key=lambda each: each.begin)
    if any(later.begin < earlier.end for earlier, later in pairwise(ordered)):
        raise ValueError("two sounds lie on the same place of one track")
    with track.open("wb") as file:
        for each in ordered:
            file.seek(each.begin * SAMPLE_BYTES)
            with each.path.open("rb") as piece:
                shutil.copyfileobj(piece, file, _BLOCK)
        file.truncate(samples * SAMPLE_BYTES)
    return track


def repeated(piece: Path, samples: int, *, loop: bool) -> list[Sounding]:
    """The piece again and again until the film ends, or once."""
    each = samples_in(piece)
    times = -(-samples // each) if loop and each else min(1, each)
    return [Sounding(piece, number * each, each) for number in range(times)]
