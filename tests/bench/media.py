"""`make bench-media`: the pipeline beside bare FFmpeg in one run, against bars.

python -m tests.bench.media [--seconds N] [--only PART ...]

Bars are those of the media reference, part 8. Processor seconds are the children's own
(`wait4`); walls are the least of two turns, because machines are shared. What other
commands find out (odd files, players, a large upload) they are asked in the same run.
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from media_agents.composing.arranging import arrange
from media_agents.composing.compose import Bench as Composing
from media_agents.composing.compose import Wish, compose, known_of
from media_agents.composing.document import read
from media_agents.engines.child import Limits
from media_agents.engines.ffmpeg import Engine, Progress, encode, find_engine
from media_agents.package import package
from media_agents.planning import Plan, plan
from media_agents.probe import probe
from media_agents.recipes import make_video
from media_agents.sides import side_products
from media_agents.speaking import Espeak
from media_agents.transcode import Renditions, arguments, transcode
from streams.agents.spending import metered
from tests.bench import media_clips as clips
from tests.bench.rows import LEAST, MOST, Bar, rows
from tests.fixtures.fix_flashes import JOINED, flashing_shelf, skew, strayed

RUNGS = ("1080p", "720p", "480p")
CANVAS = {"width": 320, "height": 180, "frameRate": "30"}
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
    Bar("memory of the largest child", ("child_mib",), 600, MOST, " MiB"),
    Bar("film of 20 joins: pictures off", ("joins", "frames"), 1, MOST, " frames"),
    Bar("film of 20 joins: sound against picture", ("joins", "ms"), 20, MOST, " ms"),
    Bar("odd and hostile files: wrong verdicts", ("torture", "wrong"), 0, MOST),
    Bar("their requests to the outside", ("torture", "requests"), 0, MOST),
    Bar("the slowest refusal", ("torture", "slowest_s"), 1, MOST, " s"),
    Bar("five clips: objections of any judge", ("hls", "objections"), 0, MOST),
    Bar("five clips: broken HLS rules", ("hls", "rules_broken"), 0, MOST),
    Bar("bandwidths told to measured ones", ("hls", "bandwidth_off"), 0.01, MOST),
    Bar("fatal errors of hls.js", ("hls", "fatal"), 0, MOST),
    Bar("holes hls.js met", ("hls", "holes"), 0, MOST),
    Bar("the first picture begins at", ("hls", "starts_at"), 0.001, MOST, " s"),
    Bar("cues off in hls.js", ("hls", "cues_off"), 0.001, MOST, " s"),
    Bar(
        "1 GiB uploaded: the API grows by",
        ("upload", "api_mib", "growth"),
        24,
        MOST,
        " MiB",
    ),
    Bar("uploads whose hash is the one sent", ("upload", "sha256_same"), 1, LEAST),
    Bar(
        "parts sent again after a cut",
        ("upload", "resume", "parts_sent_again"),
        1,
        MOST,
    ),
)
OTHERS = {
    "torture": "tests.torture",
    "hls": "tests.hls",
    "upload": "tests.bench.upload",
}


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
        self.found: dict[str, Any] = {}

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
        largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        self.found["child_mib"] = largest / 1024
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
        after = skew(self.engine, folder / video.progressive)
        added = after - skew(self.engine, source)
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

    async def joins(self) -> None:
        """Clips of three frame rates joined twenty times, each flashes and beeps."""
        shelf = flashing_shelf(self.engine, self.folder("shelf"))
        clips: list[object] = [
            {"type": "clip", "source": {"file": name}, "fit": "contain"}
            for name in JOINED
        ]
        document = read({"version": 1, "canvas": CANVAS, "scenes": clips})
        made = compose(
            Wish(timeline=document),
            shelf,
            Composing(self.engine, Espeak(), self.folder("joined"), lambda _: None),
        )
        film = (await made).file.path
        known = {
            name: known_of(await probe(path, self.engine))
            for name, path in shelf.items()
        }
        arranged = arrange(document, known)
        begins = [float(each.begin / arranged.rate) for each in arranged.scenes]
        off = strayed(self.engine, film, begins)
        frames = off.pictures * float(arranged.rate)
        self.found["joins"] = {"frames": frames, "ms": off.skew * 1000}

    async def others(self) -> None:
        """What commands of their own find out."""
        await asyncio.to_thread(self._asked)

    def _asked(self) -> None:
        """Their exit codes say no more than their rows."""
        for name, module in OTHERS.items():
            sys.stderr.write(f"measuring: {module}\n")
            told = self.root / f"{name}.json"
            line = [sys.executable, "-m", module, "--json", str(told)]
            subprocess.run(line, stdout=sys.stderr, check=False)
            self.found[name] = json.loads(told.read_bytes()) if told.exists() else {}


PARTS: tuple[Callable[[Bench], Awaitable[None]], ...] = (
    Bench.ladder,
    Bench.job,
    Bench.copies,
    Bench.quality,
    Bench.sound,
    Bench.stop,
    Bench.again,
    Bench.joins,
    Bench.others,
)


async def measured(seconds: int, only: Collection[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bench-media-") as root:
        bench = Bench(Path(root), find_engine(), seconds)
        for part in (each for each in PARTS if each.__name__ in only):
            sys.stderr.write(f"measuring: {part.__name__}\n")
            await part(bench)
    return bench.found


def main() -> int:
    names = [part.__name__ for part in PARTS]
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--seconds", type=int, default=20, help="of the house clip")
    given.add_argument("--only", nargs="+", choices=names, default=names)
    options = given.parse_args()
    found = asyncio.run(measured(options.seconds, options.only))
    about = {"engine": find_engine().version, "cores": os.cpu_count()}
    told = rows(found, BARS)
    sys.stdout.write(json.dumps({**about, "rows": told, "found": found}, indent=2))
    sys.stdout.write("\n")
    Console(stderr=True).print(_table(told))
    return 0


def _table(told: list[dict[str, object]]) -> Table:
    table = Table("what", "bar", "measured", "reached")
    for row in told:
        table.add_row(*(str(row[name]) for name in ("what", "bar", "measured")),
                      "yes" if row["reached"] else "no")  # fmt: skip
    return table


if __name__ == "__main__":
    sys.exit(main())
