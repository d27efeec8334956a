"""Takes a cover picture from key frames: the one with the most to see."""

from pathlib import Path

from media_agents.engines.ffmpeg import Engine, Progress, encode
from media_agents.errors import MediaRefused

MAX_SIDE = 1920
CANDIDATES = 6


async def cover(
    video: Path, duration_ms: int, out_dir: Path, *, engine: Engine
) -> Path:
    """`video` is a rendition of ours: upright, square pixels, SDR, seekable."""
    moments = [duration_ms / 1000 * n / CANDIDATES for n in range(CANDIDATES)]
    paths = [out_dir / f"cover-{n}.jpg" for n in range(CANDIDATES)]
    asked: list[str] = []
    for moment in moments:
        # Without accurate seeking FFmpeg stops at the key frame: one decoded frame.
        asked += ["-noaccurate_seek", "-threads", "1", "-ss", f"{moment:.3f}"]
        asked += ["-i", f"file:{video}"]
    for number, path in enumerate(paths):
        asked += ["-map", f"{number}:v:0", *_still(), f"file:{path}"]
    await encode(engine, asked, progress=Progress(0, None))
    chosen = most_detailed([p for p in paths if p.exists()])
    return chosen.rename(out_dir / "cover.jpg")


def most_detailed(pictures: list[Path]) -> Path:
    """At one size and quality, a bigger JPEG shows more; black ones are smallest."""
    if not pictures:
        raise MediaRefused("no_cover", "no picture could be taken from the video")
    return max(pictures, key=lambda p: (p.stat().st_size, p.name))


def _still() -> tuple[str, ...]:
    fit = f"scale='min({MAX_SIDE},iw)':'min({MAX_SIDE},ih)'"
    shape = "force_original_aspect_ratio=decrease:out_range=pc,setsar=1"
    exact = ("-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact")
    picture = ("-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p", "-threads", "1")
    return ("-frames:v", "1", "-vf", f"{fit}:{shape}", *picture, *exact, "-update", "1")
