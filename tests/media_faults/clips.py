"""One short clip with sound, as often as wanted: equal pictures, unequal hashes."""

import struct
import subprocess
from pathlib import Path

from media_agents.engines.ffmpeg import find_engine

PICTURE = "testsrc2=s=320x180:r=25:d=6"
SOUND = "sine=f=440:b=2:d=6:r=48000"
CODECS = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
          "-c:a", "aac", "-b:a", "64k", "-shortest")  # fmt: skip


def made(folder: Path) -> bytes:
    path = folder / "clip.mp4"
    inputs = ["-f", "lavfi", "-i", PICTURE, "-f", "lavfi", "-i", SOUND]
    line = [find_engine().ffmpeg, "-y", "-loglevel", "error", *inputs, *CODECS, path]
    subprocess.run(line, check=True)
    return path.read_bytes()


def named(clip: bytes, name: str) -> bytes:
    """With an empty box at its end that holds the name; no reader looks there."""
    body = name.encode()
    return clip + struct.pack(">I4s", 8 + len(body), b"free") + body
