"""`make bench-media`: the pipeline beside bare FFmpeg in one run, against bars.

python -m tests.bench.media [--seconds N]

Bars are those of the media reference, part 8. Processor seconds are the children's own
(`wait4`); walls are the least of two turns, because machines are shared.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from pathlib import Path

from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from media_agents.engines.child import Limits
from media_agents.engines.ffmpeg import Engine, Progress, encode, find_engine
from media_agents.package import package
from media_agents.planning import Plan, plan
from media_agents.probe import probe
from media_agents.recipes import make_video
from media_agents.sides import side_products
from media_agents.transcode import Renditions, arguments, transcode
from streams.agents.spending import metered
from tests.bench import media_clips as clips
from tests.bench.rows import LEAST, MOST, Bar

RUNGS = ("1080p", "720p", "480p")
BARS = (
    Bar("one process to a process per rung, CPU", ("ladder_cpu",), 0.85, MOST, "×"),
    Bar("side products to the ladder, CPU", ("sides_cpu",), 0.05, MOST),
    Bar("whole job to bare ffmpeg, wall", ("job_wall",), 1.05, MOST, "×"),
    Bar("packaging to the encode, wall", ("packaging",), 0.03, MOST),
    Bar("remux of a conforming source, real time", ("remux_speed",), 50, LEAST, "×"),
    Bar("lower rungs beside a copied one, CPU", ("copied_cpu",), 0.65, MOST, "×"),
    Bar("VMAF of capped CRF less that of ABR", ("vmaf_gain",), 0, LEAST),
    Bar("bits of capped CRF to those of ABR", ("bits_to_abr",), 1.0, MOST, "×"),
    Bar("skew of sound against picture added", ("skew_ms",), 20, MOST, " ms"),
    Bar("loudness off −14 LUFS", ("loudness_off",), 0.5, MOST, " LU"),
    Bar("true peak", ("peak_db",), -1.0, MOST, " dB"),
    Bar("from stop to a reaped child", ("stop_s",), 2.0, MOST, " s"),
    Bar("results of a repeated encode that differ", ("differing",), 0, MOST),
)


async def spent(work: Awaitable[object]) -> tuple[float, float]:
    """Processor seconds of its children, and wall seconds."""
    meter, since = metered(), time.monotonic()
    await work
    return meter.cpu_seconds, time.monotonic() - since


class Bench:
    """Every part works in a folder of its own below `root`."""

    def __init__(self, root: Path, engine: Engine, seconds: int) -> None:
        self.root = root
        self.engine = engine
        self.film = clips.film(root / "film.mp4", engine, seconds)
        self.found: dict[str, float] = {}

    def folder(self, name: str) -> Path:
        made = self.root / name
        made.mkdir()
        return made

    async def ladder(self) -> None:
        """Rungs from one decode, rungs one by one, and what comes after."""
        wanted = plan(await probe(self.film, self.engine), RUNGS)
        picture = replace(wanted, sounds=())
        made = self.folder("ladder")
        together, wall = await spent(self._encoded(picture, made))
        apart = 0.0
        for rung in picture.rungs:
            one = replace(picture, rungs=(rung,))
            apart += (await spent(self._encoded(one, self.folder(rung.name))))[0]
        self.found["ladder_cpu"] = together / apart
        await self._after(wanted, together, wall)

    async def _after(self, wanted: Plan, cpu: float, wall: float) -> None:
        folder = self.folder("after")
        made = await self._encoded(wanted, folder)
        _, packed = await spent(package(made, wanted, folder, engine=self.engine))
        self.found["packaging"] = packed / wall
        sides = side_products(made, wanted.seconds, folder, engine=self.engine)
        self.found["sides_cpu"] = (await spent(sides))[0] / cpu

    async def _picture(self, rungs: Sequence[str]) -> Plan:
        return replace(plan(await probe(self.film, self.engine), rungs), sounds=())

    async def _encoded(self, wanted: Plan, folder: Path) -> Renditions:
        return await transcode(self.film, wanted, folder, engine=self.engine)

    async def job(self) -> None:
        """The whole job and a bare ffmpeg with the same ladder and sound, in turns."""
        wanted = plan(await probe(self.film, self.engine), RUNGS)
        ours, bare = [], []
        for turn in range(2):
            folder = self.folder(f"job-{turn}")
            made = make_video(self.film, folder, engine=self.engine, wished=RUNGS)
            ours.append((await spent(made))[1])
            bare.append(await asyncio.to_thread(self._bare, wanted, f"bare-{turn}"))
        self.found["job_wall"] = min(ours) / min(bare)

    def _bare(self, wanted: Plan, name: str) -> float:
        line = arguments(self.film, wanted, self.folder(name))
        sound = ["-map", "0:a:0", "-c:a", "aac", "-b:a", "128k", "-ac", "2"]
        since = time.monotonic()
        target = str(self.root / name / "sound.m4a")
        subprocess.run(
            [self.engine.ffmpeg, "-nostdin", "-v", "error", *line, *sound, target],
            check=True,
        )
        return time.monotonic() - since

    async def copies(self) -> None:
        """A source that players take as it is: alone, and as the top of a ladder."""
        source = clips.conforming(self.root / "conforming.mp4", self.film, self.engine)
        facts = await probe(source, self.engine)
        alone, folder = plan(facts, ("1080p",)), self.folder("remux")
        if not alone.copies:
            raise AssertionError("the conforming clip does not conform")
        since = time.monotonic()
        silent = replace(alone, sounds=())
        made = await transcode(source, silent, folder, engine=self.engine)
        await package(made, silent, folder, engine=self.engine)
        self.found["remux_speed"] = facts.seconds / (time.monotonic() - since)
        await self._copied_top(source)

    async def _copied_top(self, source: Path) -> None:
        facts = await probe(source, self.engine)
        cpu = []
        for copy in (True, False):
            wanted = replace(plan(facts, RUNGS, copy=copy), sounds=())
            folder = self.folder(f"top-{copy}")
            made = transcode(source, wanted, folder, engine=self.engine)
            cpu.append((await spent(made))[0])
        self.found["copied_cpu"] = cpu[0] / cpu[1]

    async def quality(self) -> None:
        """Our 720p, and the same encoder told our bit rate in the usual way."""
        wanted = await self._picture(("720p",))
        made = await self._encoded(wanted, self.folder("crf"))
        ours = made.videos[0][1]
        rate = ours.stat().st_size * 8 / wanted.seconds
        abr = clips.by_bit_rate(self.root / "abr.mp4", self.film, rate, self.engine)
        vmaf = [clips.vmaf(each, self.film, self.engine) for each in (ours, abr)]
        self.found["vmaf_gain"] = vmaf[0] - vmaf[1]
        self.found["bits_to_abr"] = ours.stat().st_size / abr.stat().st_size

    async def sound(self) -> None:
        """Flashes and beeps before and after; loudness of what is delivered."""
        source = clips.flashes(self.root / "flashes.mp4", self.engine)
        folder = self.folder("flashes")
        video = await make_video(source, folder, engine=self.engine, wished=("360p",))
        after = clips.skew(folder / video.progressive, self.engine)
        added = after - clips.skew(source, self.engine)
        self.found["skew_ms"] = abs(added) * 1000
        film = self.folder("loud")
        loud = await make_video(self.film, film, engine=self.engine, wished=("480p",))
        heard = await clips.heard(film / loud.progressive, self.engine)
        self.found["loudness_off"] = abs(heard.lufs + 14)
        self.found["peak_db"] = heard.peak_db

    async def stop(self) -> None:
        """Called off while it encodes: no child of ours is left, and how soon."""
        wanted = await self._picture(RUNGS)
        begun = asyncio.Event()
        line = arguments(self.film, wanted, self.folder("stopped"))
        progress = Progress(wanted.duration_ms, lambda _: begun.set())
        task = asyncio.create_task(
            encode(self.engine, line, progress=progress, limits=Limits())
        )
        await begun.wait()
        since = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        self.found["stop_s"] = time.monotonic() - since

    async def again(self) -> None:
        """Four encodes of the same beside each other: the scheduler's worst."""
        wanted = await self._picture(("480p",))
        made = await asyncio.gather(
            *(self._encoded(wanted, self.folder(f"again-{n}")) for n in range(4))
        )
        digests = {sha256(each.videos[0][1].read_bytes()).digest() for each in made}
        self.found["differing"] = len(digests) - 1


PARTS: tuple[Callable[[Bench], Awaitable[None]], ...] = (
    Bench.ladder,
    Bench.job,
    Bench.copies,
    Bench.quality,
    Bench.sound,
    Bench.stop,
    Bench.again,
)


async def measured(seconds: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="bench-media-") as root:
        bench = Bench(Path(root), find_engine(), seconds)
        for part in PARTS:
            sys.stderr.write(f"measuring: {part.__name__}\n")
            await part(bench)
    return bench.found


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--seconds", type=int, default=20, help="of the house clip")
    found = asyncio.run(measured(given.parse_args().seconds))
    rows = [bar.row(round(found[bar.path[0]], 3)) for bar in BARS]
    about = {"engine": find_engine().version, "cores": os.cpu_count()}
    sys.stdout.write(json.dumps({**about, "rows": rows, "found": found}, indent=2))
    sys.stdout.write("\n")
    Console(stderr=True).print(_table(rows))
    return 0


def _table(rows: list[dict[str, object]]) -> Table:
    table = Table("what", "bar", "measured", "reached")
    for row in rows:
        table.add_row(*(str(row[name]) for name in ("what", "bar", "measured")),
                      "yes" if row["reached"] else "no")  # fmt: skip
    return table


if __name__ == "__main__":
    sys.exit(main())
