"""English recognised on this machine, by a confined child; good for finding words."""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from media_agents.engines.child import Limits
from media_agents.engines.ffmpeg import ask
from media_agents.subtitles.anchoring import Run
from media_agents.subtitles.listening import Sound

_HEAR = Path(__file__).with_name("hear.py")
_MEMORY = 3 << 30


class Heard(Struct, frozen=True):
    """One word, in lower case and without marks; times in seconds of the sound."""

    text: str
    start: float
    end: float


class Piece(Struct, frozen=True, omit_defaults=True):
    """A part of the sound, with what is said there where that is known."""

    start: float
    end: float
    text: str | None = None


class _Work(Struct, frozen=True):
    sound: str
    pieces: Sequence[Piece]


async def recognised(sound: Sound, runs: Sequence[Run]) -> list[Heard]:
    """Of a voice close to the model's about three words in four are right."""
    pieces = [Piece(run.start, run.end) for run in runs]
    return [word for each in await _heard(sound, pieces, 10.0) for word in each]


async def found(sound: Sound, pieces: Sequence[Piece]) -> list[list[Heard]]:
    """When each word of a known text is said; empty for a piece that does not fit."""
    return await _heard(sound, pieces, 2.0)


async def _heard(
    sound: Sound, pieces: Sequence[Piece], pace: float
) -> list[list[Heard]]:
    """`pace`: processor seconds that a second of sound may take."""
    work = sound.path.with_suffix(".json")
    work.write_bytes(msgspec.json.encode(_Work(str(sound.path), pieces)))
    allowed = 120 + pace * sum(each.end - each.start for each in pieces)
    limits = Limits(seconds=allowed, cpu_seconds=int(allowed), memory_bytes=_MEMORY)
    told = await ask(sys.executable, ["-I", str(_HEAR), str(work)], limits=limits)
    return msgspec.json.decode(told, type=list[list[Heard]])
