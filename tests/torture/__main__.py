"""`make torture`: every odd, broken and hostile file, and what is said of it.

python -m tests.torture [--only NAME ...] [--transcode] [--json FILE]

With --transcode accepted videos are made into renditions, too, and checked, and
accepted pictures into others.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct, to_builtins

from media_agents.engines.ffmpeg import Engine, find_engine
from media_agents.errors import MediaRefused
from media_agents.images.crafting import craft
from media_agents.probe import probe
from media_agents.recipes import make_video
from schemas.pictures import Aspect, PictureWish
from tests.torture.cases import CASES, Bench, Case

SLOWEST_REFUSAL_S = 1.0


class Row(Struct, frozen=True):
    """`said` is the kind or the code, `made` what became of the transcode."""

    name: str
    expected: tuple[str, ...]
    said: str
    reason: str
    seconds: float
    made: str = ""

    @property
    def refused(self) -> bool:
        return self.said not in {"video", "audio", "image"}

    @property
    def right(self) -> bool:
        slow = self.refused and self.seconds > SLOWEST_REFUSAL_S
        return self.said in self.expected and not slow and not self.made.startswith("!")


class Report(Struct, frozen=True):
    rows: list[Row]
    requests: int

    @property
    def wrong(self) -> list[Row]:
        return [row for row in self.rows if not row.right]

    @property
    def refused(self) -> list[float]:
        """Seconds that each refusal took."""
        return [row.seconds for row in self.rows if row.refused]

    @property
    def right(self) -> bool:
        return not self.wrong and not self.requests

    def figures(self) -> dict[str, float]:
        return {
            "files": len(self.rows),
            "wrong": len(self.wrong),
            "refused": len(self.refused),
            "slowest_s": max(self.refused, default=0),
            "requests": self.requests,
        }


async def run(only: Collection[str], *, transcode: bool, engine: Engine) -> Report:
    with tempfile.TemporaryDirectory(prefix="contentops-torture-") as name:
        async with counting() as (port, hits):
            bench = Bench(engine.ffmpeg, Path(name), port)
            rows = [
                await judged(case, bench, engine, transcode=transcode)
                for case in CASES
                if not only or case.name in only
            ]
        return Report(rows, len(hits))


async def judged(case: Case, bench: Bench, engine: Engine, *, transcode: bool) -> Row:
    path = bench.file(case.name)
    began = time.perf_counter()
    said, reason = await verdict(path, engine)
    took = round(time.perf_counter() - began, 3)
    made = ""
    if transcode and said == "video":
        made = await transcoded(path, engine)
    elif transcode and said == "image":
        made = await pictured(path)
    return Row(case.name, case.expected, said, reason, took, made)


async def verdict(path: Path, engine: Engine) -> tuple[str, str]:
    """The kind, or the code of the refusal with its reason."""
    try:
        return (await probe(path, engine)).kind, ""
    except MediaRefused as refused:
        return refused.code, refused.reason


async def transcoded(path: Path, engine: Engine) -> str:
    """`make_video` verifies what it wrote; what it says is told with a mark."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = await make_video(path, Path(folder), engine=engine)
        except MediaRefused as refused:
            return f"! {refused.code}: {refused.reason}"
    return " ".join(f"{rung.width}x{rung.height}" for rung in made.rungs)


async def pictured(path: Path) -> str:
    """As a portrait in every format."""
    wish = PictureWish(Aspect(3, 4), formats=("jpeg", "png", "webp", "avif"))
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = await craft([path], [wish], Path(folder))
        except MediaRefused as refused:
            return f"! {refused.code}: {refused.reason}"
    return " ".join(f"{each.width}x{each.height}" for each in made)


@asynccontextmanager
async def counting() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that nobody may ask anything."""
    hits: list[bytes] = []

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        hits.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], hits


def show(report: Report) -> None:
    for row in report.rows:
        mark = "ok " if row.right else "BAD"
        wanted = "" if row.right else f" (wanted {' or '.join(row.expected)})"
        line = f"{mark} {row.name:<22} {row.said:<18} {row.seconds:6.3f} s {wanted}"
        _say(f"{line}{row.made or row.reason}")
    _say(
        "{files} files, {wrong} wrong verdicts, {refused} refused, the slowest after "
        "{slowest_s:.3f} s, {requests} requests to the outside".format(
            **report.figures()
        )
    )


def main() -> int:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--only", nargs="*", default=[])
    given.add_argument("--transcode", action="store_true")
    given.add_argument("--json", type=Path)
    options = given.parse_args()
    asked = run(options.only, transcode=options.transcode, engine=find_engine())
    report = asyncio.run(asked)
    show(report)
    if options.json:
        told = {**to_builtins(report), **report.figures()}
        options.json.write_text(json.dumps(told, indent=2))
    return 0 if report.right else 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
