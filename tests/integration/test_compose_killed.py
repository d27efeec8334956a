"""A film whose maker is killed goes on where it was, and ends as the same film."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from fixtures.fix_media import ffmpeg
from infra.settings import Settings
from infra.wiring import storage
from media_agents.composing.compose import Bench, Composition, Wish, compose
from media_agents.composing.document import read
from media_agents.composing.work import Composer
from media_agents.engines.ffmpeg import Engine
from media_agents.speaking import Espeak
from media_agents.storage import Storage
from media_agents.workplace import sha256_of
from schemas.jobs import Rendered, RenderInput
from schemas.timeline import Material
from streams.agents.spending import metered
from streams.agents.work import Job
from tests.integration.test_compose import seen
from tests.integration.test_media_pieces import (
    Shelf,
    least_likeness,
    made_folder,
    until,
)

# A card and a clip of eight seconds, which is more than one piece of three.
PIECE_S = 3
DOCUMENT = {
    "canvas": {"width": 320, "height": 180, "frameRate": "25"},
    "scenes": [
        {"type": "title", "text": "Lamp", "seconds": 1},
        {"type": "clip", "source": {"file": "red"}},
    ],
    "narration": [{"text": "Good evening.", "at": 0.1, "language": "en"}],
}
NAMES = [f"piece-{number:04}.mp4" for number in range(4)]


@pytest.fixture(scope="module")
def red(engine: Engine, tmp_path_factory) -> Path:
    return plain(engine, tmp_path_factory.mktemp("red") / "red.mp4", "0xC00000", 8)


def plain(engine: Engine, path: Path, colour: str, seconds: float) -> Path:
    picture = f"color={colour}:s=320x180:r=25:d={seconds}"
    x264 = ["-pix_fmt", "yuv420p", "-preset", "ultrafast", "-bf", "0"]
    timed = ["-video_track_timescale", "25"]
    ffmpeg(engine, "-f", "lavfi", "-i", picture, *x264, *timed, path)
    return path


class Shelved(Shelf):
    """Remembers, too, what was put there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.put: list[str] = []

    async def keep(self, name: str, path: Path) -> None:
        self.put.append(name)
        await super().keep(name, path)


async def filmed(engine: Engine, red: Path, folder: Path, shelf: Shelf) -> Composition:
    bench = Bench(engine, Espeak(), made_folder(folder), lambda _: None, shelf, PIECE_S)
    return await compose(Wish(timeline=read(DOCUMENT)), {"red": red}, bench)


def digest(film: Composition) -> str:
    return sha256_of(film.file.path)


def size_of(path: Path) -> int:
    return path.stat().st_size


def shelf_in(path: Path) -> Shelved:
    path.mkdir(exist_ok=True)
    return Shelved(path)


async def test_after_a_kill_no_finished_piece_and_no_sentence_is_made_again(
    engine: Engine, red: Path, tmp_path: Path
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    worker = working(red, tmp_path / "dead", shelf)
    try:
        await until((shelf / NAMES[1]).exists)
        children = psutil.Process(worker.pid).children(recursive=True)
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()

    await until(lambda: not any(each.is_running() for each in children))
    there = {path.name for path in shelf.iterdir() if path.suffix != ".part"}
    kept = shelf_in(shelf)
    after = await filmed(engine, red, tmp_path / "after", kept)
    other = shelf_in(tmp_path / "other")
    undisturbed = await filmed(engine, red, tmp_path / "undisturbed", other)
    assert set(kept.fetched) == there >= {"said-0.wav", NAMES[0], NAMES[1]}
    assert set(kept.put) == {"said-0.wav", *NAMES} - there
    assert other.put == ["said-0.wav", *NAMES]
    assert digest(after) == digest(undisturbed)


async def test_a_long_scene_in_pieces_is_the_scene_at_once(
    engine: Engine, clip, tmp_path: Path
) -> None:
    """Of a moving picture whose frames are not those of the film."""
    document = read({**DOCUMENT, "scenes": [DOCUMENT["scenes"][1]], "narration": []})
    films = []
    for name, seconds in (("cut", 3), ("whole", 60)):
        folder = made_folder(tmp_path / name)
        bench = Bench(engine, Espeak(), folder, lambda _: None, None, seconds)
        files = {"red": clip("steady.mp4")}
        films.append(await compose(Wish(timeline=document), files, bench))
    assert len(list((tmp_path / "cut").glob("piece-*.mp4"))) == 4
    assert len(list((tmp_path / "whole").glob("piece-*.mp4"))) == 1
    one, other = (each.file.path for each in films)
    looks = [seen(engine, path) for path in (one, other)]
    assert [at for at, _ in looks[0]] == [at for at, _ in looks[1]]
    assert least_likeness(engine, one, other) > 0.95


async def test_the_store_has_pieces_until_the_film_is_there_and_all_is_accounted(
    stack: Settings, engine: Engine, red: Path, tmp_path: Path
) -> None:
    """A kept piece is exchanged for a blue one: seen in the film, it was not drawn."""
    store, tenant = storage(stack), f"t{uuid4().hex}"
    composer = Composer(store, engine, Espeak(), tmp_path / "scratch")
    job = await asked(store, tenant, red)
    begun = asyncio.create_task(composer.render(job, lambda *_: None))
    await until_kept(store, f"{tenant}/renders/film/")
    begun.cancel()
    await asyncio.wait([begun])
    (place,) = {
        key.rpartition("/")[0] for key in await store.below(f"{tenant}/renders/film/")
    }
    await store.delete([f"{place}/{NAMES[0]}"])
    blue = await blue_card(engine, red, tmp_path)
    await store.upload(blue, f"{place}/{NAMES[0]}", "application/octet-stream")

    meter = metered()
    made = await composer.render(job, lambda *_: None)

    assert isinstance(made, Rendered)
    path = tmp_path / "film.mp4"
    await store.download(made.object_key, path)
    assert seen(engine, path, "UAVG")[10][1] > 200
    spent = meter.spent()
    assert (spent.bytes_in, spent.bytes_out) == (size_of(red), made.size)
    assert spent.weighted_seconds == made.weighted_seconds > 0
    assert spent.media_seconds == pytest.approx(9)
    assert spent.cpu_seconds > 0
    assert await store.below(f"{tenant}/renders/") == []


async def asked(store: Storage, tenant: str, red: Path) -> Job:
    key = f"{tenant}/assets/red/red.mp4"
    await store.upload(red, key, "video/mp4")
    sha256 = sha256_of(red)
    given = RenderInput("r", "film", read(DOCUMENT), (Material("red", key, sha256),))
    return Job(id="j", tenant=tenant, subject="timeline/x", input=given, token="t")


async def until_kept(store: Storage, place: str) -> None:
    async with asyncio.timeout(60):
        while NAMES[0] not in str(await store.below(place)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def blue_card(engine: Engine, red: Path, folder: Path) -> Path:
    """The same piece of a document whose card is blue."""
    card = {**DOCUMENT["scenes"][0], "background": "#0000ff", "text": "."}
    blue = read({**DOCUMENT, "scenes": [card], "narration": DOCUMENT["narration"]})
    work = made_folder(folder / "blue")
    bench = Bench(engine, Espeak(), work, lambda _: None)
    await compose(Wish(timeline=blue), {"red": red}, bench)
    return work / NAMES[0]


def working(*paths: Path) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-c", WORKER, *map(str, paths)]
    return subprocess.Popen(argv, cwd=Path(__file__).parents[2])


WORKER = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = ["tests"]
from media_agents.engines.ffmpeg import find_engine
from tests.integration.test_compose_killed import Shelf, filmed

red, folder, shelf = map(Path, sys.argv[1:])
asyncio.run(filmed(find_engine(), red, folder, Shelf(shelf)))
"""
