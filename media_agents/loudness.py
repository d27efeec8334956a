"""How loud a track is, by EBU R128: measured, never guessed from a few seconds."""

import re
from pathlib import Path

from media_agents.engines.child import Limits
from media_agents.engines.ffmpeg import INPUT_GUARD, Engine, overheard
from media_agents.errors import MediaRefused
from media_agents.facts import Loudness

SILENCE = Loudness(lufs=-70.0, lra=0.0, peak_db=-120.0)
_WORDS = {
    "lufs": re.compile(r"^\s*I:\s+(\S+) LUFS"),
    "lra": re.compile(r"^\s*LRA:\s+(\S+) LU"),
    "peak_db": re.compile(r"^\s*Peak:\s+(\S+) dBFS"),
}


async def loudness(
    path: Path, index: int, engine: Engine, seconds: float, through: str = "anull"
) -> Loudness:
    """Decodes one track to its end: about one processor second for 100 of sound.

    `through` is a chain of filters that it passes before it is measured.
    """
    allowed = 60 + seconds
    lines = await overheard(
        engine.ffmpeg,
        [
            *("-nostdin", "-hide_banner", "-nostats", *INPUT_GUARD),
            *("-i", f"file:{path}", "-map", f"0:{index}", "-vn"),
            *(
                "-af",
                f"{through},ebur128=peak=true:framelog=verbose",
                "-f",
                "null",
                "-",
            ),
        ],
        limits=Limits(seconds=allowed, cpu_seconds=int(allowed)),
    )
    return read(lines)


def read(lines: list[str]) -> Loudness:
    """The summary that ffmpeg ends with; of several the last."""
    found: dict[str, float] = {}
    for line in lines:
        for name, pattern in _WORDS.items():
            if told := pattern.match(line):
                found[name] = _decibel(told[1])
    if len(found) < len(_WORDS):
        raise MediaRefused("not_decodable", "its sound cannot be measured")
    return Loudness(**found)


def _decibel(text: str) -> float:
    """Silence is -inf, which neither JSON nor a column of ours knows."""
    return max(float(text), SILENCE.peak_db)
