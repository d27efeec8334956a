"""The sound of a file as recognisers want it, its silences, and where to cut it."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from msgspec import Struct

from media_agents.engines.child import Limits
from media_agents.engines.ffmpeg import (
    INPUT_GUARD,
    Engine,
    ask,
)
from media_agents.loudness import loudness
from media_agents.subtitles.anchoring import Run, runs_between

RATE = 16_000
BYTES = 2
# Speech is about so much louder than what is between it.
BELOW_DB = 18.0
SILENCE_S = 0.12
_FLOORS = (-55.0, -20.0)
_TOLD = re.compile(r"^lavfi\.silence_(start|end)=(-?[\d.]+)", re.MULTILINE)


class Sound(Struct, frozen=True):
    """16 kHz, mono, 16 bit, without a header; times in seconds."""

    path: Path
    seconds: float
    silences: tuple[tuple[float, float], ...]

    @property
    def runs(self) -> list[Run]:
        return runs_between(self.silences, self.seconds)


async def sound_of(
    path: Path, index: int, engine: Engine, seconds: float, folder: Path
) -> Sound:
    """Of one track, from the first frame on; at most `seconds` long."""
    found = await loudness(path, index, engine, seconds)
    floor = max(_FLOORS[0], min(_FLOORS[1], found.lufs - BELOW_DB))
    target = folder / "sound.pcm"
    steps = (
        f"aresample={RATE}:async=1000:first_pts=0",
        "aformat=sample_fmts=s16:channel_layouts=mono",
        f"atrim=end={seconds:.3f}",
        f"silencedetect=noise={floor:.1f}dB:d={SILENCE_S}",
        "ametadata=mode=print:file=-",
    )
    told = await ask(
        engine.ffmpeg,
        [
            *("-nostdin", "-y", "-v", "error", *INPUT_GUARD, "-i", f"file:{path}"),
            *("-map", f"0:{index}", "-vn", "-af", ",".join(steps)),
            *("-f", "s16le", f"file:{target}"),
        ],
        limits=Limits(seconds=60 + seconds, cpu_seconds=int(60 + seconds)),
    )
    long = target.stat().st_size / BYTES / RATE
    return Sound(target, long, silences(told.decode(errors="replace"), long))


def silences(told: str, seconds: float) -> tuple[tuple[float, float], ...]:
    """The last one may be without an end."""
    found: list[tuple[float, float]] = []
    start: float | None = None
    for name, value in _TOLD.findall(told):
        if name == "start":
            start = max(0.0, float(value))
        elif start is not None:
            found.append((start, float(value)))
            start = None
    return tuple(found if start is None else [*found, (start, seconds)])


def cut(sound: Sound, most: float) -> list[Run]:
    """Pieces of at most so many seconds, cut in silences where there are any."""
    middles = [(start + end) / 2 for start, end in sound.silences]
    ends = [0.0]
    while sound.seconds - ends[-1] > most:
        near = [m for m in middles if ends[-1] < m <= ends[-1] + most]
        ends.append(near[-1] if near else ends[-1] + most)
    ends.append(sound.seconds)
    return [Run(a, b) for a, b in pairwise(ends) if b > a]


def wave(sound: Sound, piece: Run) -> bytes:
    """A WAV file of one piece."""
    first = round(piece.start * RATE) * BYTES
    with sound.path.open("rb") as file:
        file.seek(first)
        samples = file.read(round(piece.end * RATE) * BYTES - first)
    return _header(len(samples)) + samples


def _header(size: int) -> bytes:
    numbers: Sequence[tuple[int, int]] = (
        (16, 4), (1, 2), (1, 2), (RATE, 4), (RATE * BYTES, 4), (BYTES, 2), (16, 2),
    )  # fmt: skip
    shape = b"".join(value.to_bytes(width, "little") for value, width in numbers)
    whole = (size + 36).to_bytes(4, "little")
    return b"RIFF" + whole + b"WAVEfmt " + shape + b"data" + size.to_bytes(4, "little")
