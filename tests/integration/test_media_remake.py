"""One rendition made again from its source: the others stay, bit by bit."""

import shutil
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import m3u8
import pytest
from msgspec.structs import replace

from fixtures.fix_media import MakeClip, ffmpeg
from media_agents.engines.ffmpeg import Engine
from media_agents.errors import MediaRefused
from media_agents.finished import Finished
from media_agents.planning import Plan, Rung, plan
from media_agents.playlists import (
    Heard,
    Segment,
    Stream,
    Variant,
    Words,
    key_playlists,
    master_playlist,
    references,
    track_playlists,
    with_variant,
)
from media_agents.probe import probe
from media_agents.recipes import Video, make_video
from media_agents.remaking import Again, Remaking
from tests.hls.rules import broken

CLIPS = {"worded.mkv": ["480p", "360p"], "conforming.mp4": ["720p", "360p"]}


@dataclass(frozen=True)
class Made:
    source: Path
    video: Video
    folder: Path
    plan: Plan

    def before(self, name: str, folder: Path) -> Finished:
        """As a worker brings it from the store into its folder."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True, ignore=_encoded)
        master = (folder / self.video.master).read_text()
        lists = key_playlists(master)
        others = {rung: self.text(uri) for rung, uri in lists.items() if rung != name}
        return Finished(
            master=master,
            keys={rung: others.get(rung, "") for rung in lists},
            sounds=self.tracks(folder, track_playlists(master, "AUDIO")),
            words=self.tracks(folder, track_playlists(master, "SUBTITLES")),
        )

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def tracks(
        self, folder: Path, lists: Sequence[str]
    ) -> tuple[tuple[Path, Path], ...]:
        return tuple(
            (folder / references(self.text(each))[0], folder / each) for each in lists
        )

    def rung(self, name: str) -> Rung:
        return next(each for each in self.video.rungs if each.name == name)


Make = Callable[[str], Awaitable[Made]]


@pytest.fixture(scope="module")
def make(engine: Engine, clip: MakeClip, tmp_path_factory) -> Make:
    """Each video once: with sound, one also with words that came with the file."""
    known: dict[str, Made] = {}

    async def made(name: str) -> Made:
        if name not in known:
            folder = tmp_path_factory.mktemp("remake")
            source = _worded(engine, folder) if name == "worded.mkv" else clip(name)
            video = await make_video(source, folder, engine=engine, wished=CLIPS[name])
            wanted = plan(await probe(source, engine), CLIPS[name])
            known[name] = Made(source, video, folder, wanted)
        return known[name]

    return made


def _worded(engine: Engine, folder: Path) -> Path:
    words = folder / "came.srt"
    words.write_text("1\n00:00:00,000 --> 00:00:01,000\nbefore\n")
    picture = ("-f", "lavfi", "-i", "testsrc2=s=640x480:r=30000/1001:d=7")
    sound = ("-f", "lavfi", "-i", "sine=440:r=48000:d=7")
    kept = ("-map", "0", "-map", "1", "-map", "2", "-metadata:s:a:0", "language=chi")
    how = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    path = folder / "worded.mkv"
    ffmpeg(engine, *picture, *sound, "-i", words, *kept, *how, "-c:a", "aac", path)
    return path


def _encoded(_folder: str, names: list[str]) -> list[str]:
    """What a worker has of a finished video: playlists, sounds and words."""
    return [name for name in names if not name.startswith(("sound-", "words-"))
            and not name.endswith(".m3u8")]  # fmt: skip


async def remade(
    made: Made, name: str, engine: Engine, folder: Path, **changed: object
) -> Again:
    before = made.before(name, folder)
    work = Remaking(made.source, folder, engine)
    wanted = replace(made.plan, **changed) if changed else made.plan
    return await work.rendition(wanted, made.rung(name), before)


def packets(engine: Engine, path: Path) -> str:
    """A hash of every stream that is decoded, without decoding it."""
    argv = [engine.ffmpeg, "-v", "error", "-i", path, "-map", "0", "-c", "copy",
            "-f", "streamhash", "-"]  # fmt: skip
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


EVERY = [(clip, name) for clip, names in CLIPS.items() for name in names]


@pytest.mark.parametrize(("clip_name", "name"), EVERY)
async def test_the_same_programs_make_the_same_files_of_every_rendition(
    make: Make, engine: Engine, tmp_path: Path, clip_name: str, name: str
) -> None:
    made = await make(clip_name)

    again = await remade(made, name, engine, tmp_path)

    stems = {each.name.rpartition("-")[0] for each in again.files}
    assert stems == {name, f"{name}-keys"}
    assert {each.name for each in again.files} <= {f.name for f in made.video.files}
    assert again.master is not None
    assert again.master.name == made.video.master


@pytest.mark.parametrize("clip_name", CLIPS)
async def test_the_whole_file_has_the_best_rendition_and_the_tracks_it_had(
    make: Make, engine: Engine, tmp_path: Path, clip_name: str
) -> None:
    made = await make(clip_name)
    best, other = CLIPS[clip_name]

    again = await remade(made, best, engine, tmp_path)

    assert again.whole is not None
    before = made.folder / made.video.progressive
    assert packets(engine, again.whole.path) == packets(engine, before)
    (tmp_path / "other").mkdir()
    assert (await remade(made, other, engine, tmp_path / "other")).whole is None


async def test_a_rendition_with_other_bytes_is_measured_anew_and_plays_with_the_rest(
    make: Make, engine: Engine, tmp_path: Path
) -> None:
    made = await make("worded.mkv")
    small = replace(made.rung("480p"), max_bit_rate=200_000)
    before = made.before("480p", tmp_path)

    again = await Remaking(made.source, tmp_path, engine).rendition(
        made.plan, small, before
    )

    for file in made.video.files:
        if not (tmp_path / file.name).exists():
            shutil.copy(made.folder / file.name, tmp_path / file.name)
    assert again.master is not None
    assert again.master.name != made.video.master
    assert broken(again.master.path) == []
    old, new = (
        bandwidths(text) for text in (before.master, again.master.path.read_text())
    )
    assert new["480p"] < 0.7 * old["480p"]
    assert new["360p"] == old["360p"]


def bandwidths(master: str) -> dict[str, int]:
    return {
        each.uri.partition("-")[0]: each.stream_info.bandwidth
        for each in m3u8.loads(master).playlists
    }


async def test_key_frames_elsewhere_are_no_result(
    make: Make, engine: Engine, tmp_path: Path
) -> None:
    """Made at another rate than the others were: nothing to publish comes out."""
    made = await make("worded.mkv")

    with pytest.raises(MediaRefused) as no:
        await remade(made, "360p", engine, tmp_path, frame_rate="15/1")

    assert no.value.code == "bad_output"
    assert "key frames" in no.value.reason


async def test_beside_renditions_that_were_encoded_nothing_is_copied(
    make: Make, engine: Engine, tmp_path: Path
) -> None:
    """The plan would copy the picture; what was made says that it was not."""
    made = await make("worded.mkv")

    again = await remade(made, "360p", engine, tmp_path, copies=True)

    assert {each.name for each in again.files} <= {f.name for f in made.video.files}


def test_a_master_stays_as_it_is_but_for_one_rendition() -> None:
    segment = Segment(100, 1000, 2.0)
    of = {
        name: Variant(
            Stream(f"{name}-a.mp4", 100, codec, (segment,), (segment,)),
            (width, 360), 25.0, f"{name}-a.m3u8", f"{name}-keys-a.m3u8",
        )
        for name, codec, width in (("720p", "avc1.1", 8), ("360p", "avc1.2", 4))
    }  # fmt: skip
    sound = Heard(Stream("s.mp4", 10, "mp4a.40.2", (segment,)), "s.m3u8", "en")
    words = Words("w.vtt", "w.m3u8", "en")
    before = master_playlist([*of.values()], [sound], [words])

    assert with_variant(before, "360p", of["360p"], [sound]) == before

    large = Segment(100, 500_000, 2.0)
    stream = Stream("720p-b.mp4", 100, "avc1.1", (large,), (segment,))
    other = Variant(stream, (8, 360), 25.0, "720p-b.m3u8", "720p-keys-b.m3u8")
    after = with_variant(before, "720p", other, [sound])
    assert after == master_playlist([other, of["360p"]], [sound], [words])
    assert after != before
