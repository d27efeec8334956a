"""Full-size pictures out of a finished video, at moments where a key frame stands."""

from collections.abc import Sequence
from pathlib import Path

from media_agents.engines.ffmpeg import Engine, Progress, encode

MAX_SIDE = 1920


async def full_size(
    video: Path, moments: Sequence[float], out_dir: Path, *, engine: Engine
) -> list[Path]:
    """JPEGs in the order of the moments, those that could be taken.

    `video` is a rendition of ours: upright, square pixels, SDR, seekable.
    """
    paths = [out_dir / f"cover-{n}.jpg" for n in range(len(moments))]
    asked: list[str] = []
    for moment in moments:
        # Without accurate seeking FFmpeg stops at the key frame: one decoded frame.
        asked += ["-noaccurate_seek", "-threads", "1", "-ss", f"{moment:.3f}"]
        asked += ["-i", f"file:{video}"]
    for number, path in enumerate(paths):
        asked += ["-map", f"{number}:v:0", *_still(), f"file:{path}"]
    await encode(engine, asked, progress=Progress(0, None))
    return [path for path in paths if path.exists()]


def _still() -> tuple[str, ...]:
    fit = f"scale='min({MAX_SIDE},iw)':'min({MAX_SIDE},ih)'"
    # Whoever opens a JPEG takes its colours for those of BT.601.
    colours = "out_range=pc:out_color_matrix=bt601"
    shape = f"force_original_aspect_ratio=decrease:{colours},setsar=1"
    exact = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact")
    picture = ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p", "-threads", "1")
    return ("-frames:v", "1", "-vf", f"{fit}:{shape}", *picture, *exact, "-update", "1")
