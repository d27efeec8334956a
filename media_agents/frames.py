"""Pictures of exact moments of a finished video."""

from collections.abc import Sequence
from pathlib import Path

from media_agents.engines.ffmpeg import Engine, Progress, encode
from media_agents.errors import MediaRefused
from media_agents.probe import probe

# Each open file has a decoder with its own reference frames.
AT_ONCE = 8


async def frames_at(
    video: Path, moments: Sequence[float], folder: Path, *, engine: Engine
) -> list[Path]:
    """PNGs in the order of the moments: of each the frame shown half a frame around it.

    `video` is a rendition of ours: upright, square pixels, SDR, of constant rate.
    Raises MediaRefused("no_such_moment").
    """
    facts = await probe(video, engine)
    half = 0.5 / facts.fps
    last = facts.seconds - 2 * half
    for moment in moments:
        if not 0 <= moment <= facts.seconds:
            raise _outside(moment, facts.seconds)
    paths = [folder / f"frame-{number:02}.png" for number in range(len(moments))]
    starts = [max(0.0, min(moment, last) - half) for moment in moments]
    for at in range(0, len(paths), AT_ONCE):
        part = slice(at, at + AT_ONCE)
        await _taken(video, starts[part], paths[part], engine)
    return paths


async def _taken(
    video: Path, starts: Sequence[float], paths: Sequence[Path], engine: Engine
) -> None:
    asked: list[str] = []
    for start in starts:
        asked += ["-threads", "1", "-ss", f"{start:.6f}", "-i", f"file:{video}"]
    for number, path in enumerate(paths):
        asked += ["-map", f"{number}:v:0", "-frames:v", "1", "-map_metadata", "-1"]
        asked += ["-c:v", "png", "-pix_fmt", "rgb24", "-threads", "1"]
        asked += ["-update", "1", f"file:{path}"]
    await encode(engine, asked, progress=Progress(0, None))
    if not all(path.exists() for path in paths):
        raise MediaRefused("no_such_moment", "the video ends before the last moment")


def _outside(moment: float, seconds: float) -> MediaRefused:
    return MediaRefused(
        "no_such_moment",
        f"there is no moment {moment:g} s in a video of {seconds:.3f} s",
        "Ask for moments between its beginning and its end.",
    )
