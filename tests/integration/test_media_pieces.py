"""A picture made in pieces is the picture made at once, and survives its maker."""

import asyncio
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

import media_agents.transcode
from media_agents.engines.ffmpeg import Engine
from media_agents.pieces import RESTART, Piece, pieces
from media_agents.planning import Plan, plan
from media_agents.probe import probe
from media_agents.recipes import burning
from media_agents.subtitles.rules import Cue
from media_agents.transcode import Renditions, Terms, transcode
from tests.fixtures.fix_media import MakeClip

SECONDS = 4
WHOLE = Terms(piece_seconds=3600)
RUNGS = {"steady.mp4": ["360p"], "uneven.mp4": ["360p"], "keyed.mp4": ["720p", "360p"]}


class Shelf:
    """A folder in place of the store; `fetched` are the pieces it gave back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fetched: list[str] = []

    async def fetch(self, name: str, path: Path) -> bool:
        there = copied(self.folder / name, path)
        self.fetched += [name] if there else []
        return there

    async def keep(self, name: str, path: Path) -> None:
        copied(path, self.folder / name)


def copied(path: Path, target: Path) -> bool:
    """Whole or not at all."""
    if path.exists():
        part = Path(shutil.copy(path, target.with_suffix(".part")))
        part.rename(target)
    return path.exists()


def made_folder(path: Path) -> Path:
    path.mkdir()
    return path


Make = Callable[[str, Path, Terms], Awaitable[Renditions]]


@pytest.fixture
def make(engine: Engine, clip: MakeClip) -> Make:
    async def work(name: str, folder: Path, terms: Terms) -> Renditions:
        source = clip(name)
        wanted = plan(await probe(source, engine), RUNGS[name])
        return await transcode(
            source, wanted, made_folder(folder), engine=engine, terms=terms
        )

    return work


def moments(engine: Engine, path: Path) -> list[str]:
    """When each frame is shown, in order."""
    asked = ["-select_streams", "v:0", "-show_entries", "packet=pts_time"]
    told = run(engine.ffprobe, "-v", "error", *asked, "-of", "csv=p=0", path)
    times = (line.split(",")[0] for line in told.stdout.split())
    return sorted(times, key=float)


def run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    line = [str(each) for each in argv]
    return subprocess.run(line, check=True, capture_output=True, text=True)


def least_likeness(engine: Engine, one: Path, other: Path, lowest: float = 1) -> float:
    """The SSIM of the two frames, or lowest parts of them, that are least alike."""
    return min(likenesses(engine, one, other, lowest))


def likenesses(engine: Engine, one: Path, other: Path, lowest: float) -> list[float]:
    below = f"crop=iw:ih*{lowest}:0:ih"
    graph = f"[0]{below}[a];[1]{below}[b];[a][b]ssim=stats_file=-"
    compared = ("-lavfi", graph, "-f", "null", "-")
    told = run(engine.ffmpeg, "-i", one, "-i", other, *compared).stdout
    return [float(each.split("All:")[1].split()[0]) for each in told.splitlines()]


@pytest.mark.parametrize("name", RUNGS)
async def test_every_frame_is_where_it_would_be_without_cuts(
    name: str, make: Make, engine: Engine, tmp_path: Path
) -> None:
    cut = await make(name, tmp_path / "cut", Terms(piece_seconds=SECONDS))
    whole = await make(name, tmp_path / "whole", WHOLE)

    assert list((tmp_path / "cut").glob("piece-0002-*"))
    for (_, one), (_, other) in zip(cut.videos, whole.videos, strict=True):
        assert moments(engine, one) == moments(engine, other)
        # A frame of the moving picture beside the right one is below 0.9.
        assert least_likeness(engine, one, other) > 0.95


TEXT = ("每一片都有自己的字幕在下面写着", "and the words are there in time")
# One ends in the second piece, one lies over a cut, one begins and ends on one.
SAID = [(2500, 3900), (3960, 4120), (7000, 9000), (9500, 11000)]
CUES = [Cue(start, end, TEXT) for start, end in SAID]
Burn = Callable[[str, str, Terms], Awaitable[Path]]


@pytest.fixture
def burn(engine: Engine, clip: MakeClip, tmp_path: Path) -> Burn:
    async def work(name: str, stem: str, terms: Terms) -> Path:
        source, folder = clip(name), made_folder(tmp_path / stem)
        wanted = plan(await probe(source, engine), ["360p"])
        wanted = burning(wanted, CUES, folder)
        made = await transcode(source, wanted, folder, engine=engine, terms=terms)
        return made.videos[0][1]

    return work


@pytest.mark.parametrize("name", ["steady.mp4", "uneven.mp4"])
async def test_words_drawn_in_pieces_are_where_and_when_they_belong(
    name: str, burn: Burn, make: Make, engine: Engine, tmp_path: Path
) -> None:
    """Frame by frame: what is drawn late or early is seen in one of them."""
    cut = await burn(name, "cut", Terms(piece_seconds=SECONDS))
    whole = await burn(name, "whole", WHOLE)
    bare = (await make(name, tmp_path / "bare", WHOLE)).videos[0][1]

    assert list((tmp_path / "cut").glob("piece-0002-*"))
    assert moments(engine, cut) == moments(engine, whole)
    assert least_likeness(engine, cut, whole, lowest=0.25) > 0.95
    assert drawn(engine, cut, bare) == drawn(engine, whole, bare) == said(engine, bare)


def drawn(engine: Engine, path: Path, bare: Path) -> list[int]:
    """The frames on which there are words that the bare picture does not have."""
    alike = likenesses(engine, path, bare, 0.25)
    return [number for number, value in enumerate(alike) if value < 0.9]


def said(engine: Engine, path: Path) -> list[int]:
    """The frames that are shown while one of the cues lasts."""
    shown = enumerate(map(float, moments(engine, path)))
    return [n for n, at in shown if any(a <= at * 1000 < b for a, b in SAID)]


async def test_words_drawn_by_the_clock_of_a_piece_would_be_seen(
    burn: Burn, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same filters in the other order: each piece then begins at zero."""
    whole = await burn("steady.mp4", "whole", WHOLE)
    right = media_agents.transcode.filter_graph

    def wrong(wanted: Plan, folder: Path = Path(), piece: Piece | None = None) -> str:
        graph = right(wanted, folder, piece).replace(f",{RESTART}", "")
        return graph.replace("ass=", f"{RESTART},ass=") if piece else graph

    monkeypatch.setattr(media_agents.transcode, "filter_graph", wrong)
    cut = await burn("steady.mp4", "cut", Terms(piece_seconds=SECONDS))

    assert moments(engine, cut) == moments(engine, whole)
    assert least_likeness(engine, cut, whole, lowest=0.25) < 0.9


async def test_a_frame_too_many_would_be_seen(
    make: Make, engine: Engine, tmp_path: Path
) -> None:
    made = await make("steady.mp4", tmp_path / "whole", WHOLE)
    late = tmp_path / "late.mp4"
    wrong = ("-vf", "tpad=start=1", "-frames:v", "359")
    run(engine.ffmpeg, "-i", made.videos[0][1], *wrong, late)

    assert least_likeness(engine, made.videos[0][1], late) < 0.95


async def test_what_was_kept_is_not_made_again_and_the_bytes_are_the_same(
    make: Make, tmp_path: Path
) -> None:
    shelf = Shelf(tmp_path)
    once = await make("steady.mp4", tmp_path / "a", Terms(kept=shelf, piece_seconds=4))
    (tmp_path / "piece-0001-360p.mp4").unlink()
    again = await make("steady.mp4", tmp_path / "b", Terms(kept=shelf, piece_seconds=4))

    assert shelf.fetched == ["piece-0000-360p.mp4", "piece-0002-360p.mp4"]
    assert digest(once) == digest(again)


def digest(made: Renditions) -> list[str]:
    return [hashlib.sha256(p.read_bytes()).hexdigest() for _, p in made.videos]


async def test_after_a_kill_at_most_one_piece_is_lost_and_nobody_is_left(
    make: Make, clip: MakeClip, tmp_path: Path
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    worker = working(clip("steady.mp4"), tmp_path / "dead", shelf)
    try:
        await until((shelf / "piece-0000-360p.mp4").exists)
        children = psutil.Process(worker.pid).children(recursive=True)
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()

    await until(lambda: not any(each.is_running() for each in children))
    kept = Shelf(shelf)
    after = await make("steady.mp4", tmp_path / "b", Terms(kept=kept, piece_seconds=4))
    undisturbed = await make("steady.mp4", tmp_path / "c", Terms(piece_seconds=4))
    assert "piece-0000-360p.mp4" in kept.fetched
    assert digest(after) == digest(undisturbed)


async def test_the_same_job_makes_the_same_bytes_on_a_busy_machine(
    make: Make, tmp_path: Path
) -> None:
    """Threads that follow the scheduler would show: four of twenty runs did."""
    busy = [make("steady.mp4", tmp_path / str(n), WHOLE) for n in range(8)]
    made = await asyncio.gather(*busy)

    assert len({tuple(digest(each)) for each in made}) == 1


def working(*paths: Path) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-c", WORKER, *map(str, paths)]
    return subprocess.Popen(argv, cwd=Path(__file__).parents[2])


WORKER = """
import asyncio, sys
from pathlib import Path
from media_agents.engines.ffmpeg import find_engine
from media_agents.planning import plan
from media_agents.probe import probe
from media_agents.transcode import Terms, transcode
from tests.integration.test_media_pieces import Shelf

async def main():
    source, folder, shelf = map(Path, sys.argv[1:])
    folder.mkdir()
    engine = find_engine()
    wanted = plan(await probe(source, engine), ["360p"])
    terms = Terms(kept=Shelf(shelf), piece_seconds=4)
    await transcode(source, wanted, folder, engine=engine, terms=terms)

asyncio.run(main())
"""


async def until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not seen():  # noqa: ASYNC110  what is waited for is another process
            await asyncio.sleep(0.01)


async def test_a_short_picture_and_one_that_cannot_be_sought_stay_whole(
    engine: Engine, clip: MakeClip
) -> None:
    short = plan(await probe(clip("plain.mp4"), engine))
    stream = plan(await probe(clip("interlaced.ts"), engine))

    assert await pieces(clip("plain.mp4"), short, engine) == ()
    assert await pieces(clip("interlaced.ts"), stream, engine, 0) == ()
