"""What goes with a finished video: covers to choose from, thumbnails, a waveform."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from media_agents.cover import full_size
from media_agents.engines.ffmpeg import Engine, Progress, encode
from media_agents.errors import MediaRefused
from media_agents.muxing import OutputFile, named_by_content
from media_agents.stills import (
    Candidate,
    Still,
    candidates,
    key_stills,
    sheets,
    thumbnails,
    tiles,
)
from media_agents.timeline import key_times
from media_agents.transcode import Renditions

COVERS = 4
WAVE = "showwavespic=s=1200x160:colors=0x3b82f6:filter=peak:scale=sqrt"


@dataclass(frozen=True, slots=True)
class Sides:
    """`covers` best first, each with its moment; empty names where there is nothing."""

    covers: tuple[tuple[Candidate, OutputFile], ...]
    thumbnails: str
    waveform: str
    files: tuple[OutputFile, ...]


async def side_products(
    made: Renditions, seconds: float, folder: Path, *, engine: Engine
) -> Sides:
    smallest, best = made.videos[-1][1], made.videos[0][1]
    times = await key_times(smallest, engine)
    stills = await key_stills(smallest, times, folder, engine=engine)
    covers = await _covers(best, stills, folder, engine)
    listed = await asyncio.to_thread(_thumbnails, stills, seconds, folder)
    wave = await _waveform(made, folder, engine)
    files = (*(file for _, file in covers), *listed, *wave)
    return Sides(
        covers=tuple(covers),
        thumbnails=listed[-1].name,
        waveform=wave[0].name if wave else "",
        files=files,
    )


async def _covers(
    video: Path, stills: Sequence[Still], folder: Path, engine: Engine
) -> list[tuple[Candidate, OutputFile]]:
    chosen = (await candidates(stills))[:COVERS]
    moments = [each.at for each in chosen]
    taken = await full_size(video, moments, folder, engine=engine)
    if not taken:
        raise MediaRefused("no_cover", "no picture could be taken from the video")
    return [
        (each, named_by_content(path, f"cover-{number}", "image/jpeg", 0))
        for number, (each, path) in enumerate(zip(chosen, taken, strict=False))
    ]


def _thumbnails(
    stills: Sequence[Still], seconds: float, folder: Path
) -> list[OutputFile]:
    """The sheets, and last the WebVTT that names their parts."""
    with Image.open(stills[0].path) as first:
        height = first.height
    placed = tiles(stills, seconds, height)
    made = [
        named_by_content(path, path.stem, "image/jpeg", 0)
        for path in sheets(stills, placed, folder)
    ]
    listed = folder / "thumbnails.vtt"
    listed.write_text(thumbnails(placed, [each.name for each in made]))
    return [*made, named_by_content(listed, "thumbnails", "text/vtt", 1)]


async def _waveform(made: Renditions, folder: Path, engine: Engine) -> list[OutputFile]:
    if not made.sounds:
        return []
    path = folder / "waveform.png"
    sound = f"file:{made.sounds[0][1]}"
    line = ["-i", sound, "-filter_complex", WAVE, "-frames:v", "1", f"file:{path}"]
    await encode(engine, line, progress=Progress(0, None))
    return [named_by_content(path, "waveform", "image/png", 0)]
