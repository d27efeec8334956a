"""Words beside the picture of a finished video, and as part of a new one."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from fixtures.fix_media import ffmpeg
from media_agents.engines.ffmpeg import Engine
from media_agents.errors import MediaRefused
from media_agents.labelling import Labels, aigc
from media_agents.playlists import references
from media_agents.probe import probe
from media_agents.recipes import Video, make_video
from media_agents.subtitles.files import read
from media_agents.subtitles.rules import Cue
from media_agents.subtitles.soft import Shown, muxed, streamed
from tests.hls.rules import broken

ENGLISH = Shown(
    "en", (Cue(500, 2000, ("Hello, 3 < 4.",)), Cue(2100, 4000, ("Two", "lines")))
)
CHINESE = Shown(
    "zh-Hans", (Cue(1000, 3000, ("你好，世界",)), Cue(4000, 6500, ("再见",)))
)


@pytest.fixture(scope="module")
async def made(engine: Engine, clip, tmp_path_factory) -> tuple[Video, Path]:
    """Seven seconds with sound, and English words that came with the file."""
    folder = tmp_path_factory.mktemp("finished")
    words = folder / "came.srt"
    words.write_text("1\n00:00:00,000 --> 00:00:01,000\nbefore\n")
    source = folder / "source.mkv"
    tags = ("-metadata:s:s:0", "language=eng", "-metadata:s:a:0", "language=chi")
    ffmpeg(engine, "-i", clip("sounding.mp4"), "-i", words, "-map", "0", "-map", "1",
           "-c", "copy", *tags, source)  # fmt: skip
    work = folder / "work"
    work.mkdir()
    return await make_video(source, work, engine=engine), work


def streams(engine: Engine, path: Path) -> list[dict]:
    argv = [engine.ffprobe, "-v", "error", "-show_streams", "-of", "json", str(path)]
    return json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)[
        "streams"
    ]


def packets(engine: Engine, path: Path, kind: str) -> str:
    """A hash of everything that is decoded, without decoding it."""
    argv = [engine.ffmpeg, "-v", "error", "-i", path, "-map", f"0:{kind}", "-c", "copy",
            "-f", "streamhash", "-"]  # fmt: skip
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def presentation(made: tuple[Video, Path], tmp_path: Path) -> tuple[Path, str]:
    video, folder = made
    for file in video.files:
        shutil.copy(folder / file.name, tmp_path / file.name)
    return tmp_path, (folder / video.master).read_text()


async def test_hls_gets_a_track_for_each_language_and_nothing_else_changes(
    made: tuple[Video, Path], engine: Engine, tmp_path: Path
) -> None:
    folder, master = presentation(made, tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    files = streamed(master, [ENGLISH, CHINESE], 7.0, folder)

    assert [file.order for file in files] == [0, 1, 0, 1, 2]
    assert {name: (folder / name).read_bytes() for name in before} == before
    new = files[-1].path.read_text()
    assert new.count("TYPE=SUBTITLES") == 2
    assert 'NAME="English",LANGUAGE="en"' in new
    assert 'NAME="中文 (zh-Hans)",LANGUAGE="zh-Hans"' in new
    assert new.count('SUBTITLES="words"') == new.count("#EXT-X-STREAM-INF")
    assert broken(files[-1].path) == []


async def test_the_words_of_hls_have_the_clock_of_the_picture(
    made: tuple[Video, Path], tmp_path: Path
) -> None:
    folder, master = presentation(made, tmp_path)

    files = streamed(master, [ENGLISH], 7.0, folder)

    text = next(f for f in files if f.content_type == "text/vtt").path.read_text(
        "utf-8"
    )
    assert text.splitlines()[1] == "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000"
    assert tuple(read(text.encode())[0]) == ENGLISH.cues
    assert "Hello, 3 &lt; 4." in text


async def test_a_second_wish_is_made_of_the_same_video(
    made: tuple[Video, Path], tmp_path: Path
) -> None:
    folder, master = presentation(made, tmp_path)
    first = streamed(master, [ENGLISH, CHINESE], 7.0, folder)[-1].path.read_text()

    again = streamed(master, [CHINESE], 7.0, folder)[-1].path.read_text()
    over = streamed(first, [CHINESE], 7.0, folder)[-1].path.read_text()

    assert 'LANGUAGE="eng"' in again  # the track that came with the file
    assert references(again) != references(first)
    assert over.count('LANGUAGE="zh-Hans"') == 1


async def test_a_video_without_words_gets_a_group(tmp_path: Path) -> None:
    master = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n"

    (*_, last) = streamed(master, [ENGLISH], 7.0, tmp_path)

    lines = last.path.read_text().splitlines()
    assert lines[2].startswith("#EXT-X-MEDIA:TYPE=SUBTITLES")
    assert lines[3] == '#EXT-X-STREAM-INF:BANDWIDTH=1,SUBTITLES="words"'


async def test_mp4_keeps_every_bit_of_picture_and_sound(
    made: tuple[Video, Path], engine: Engine, tmp_path: Path
) -> None:
    video, folder = made
    source = folder / video.progressive

    file = await muxed(source, [ENGLISH, CHINESE], tmp_path, engine)

    found = streams(engine, file.path)
    told = [(s["codec_name"], s["tags"].get("language")) for s in found]
    assert told == [
        ("h264", "und"),
        ("aac", "chi"),
        ("mov_text", "eng"),
        ("mov_text", "chi"),
    ]
    assert [s["start_time"] for s in found[:2]] == [
        s["start_time"] for s in streams(engine, source)[:2]
    ]
    for kind in ("v", "a"):
        assert packets(engine, file.path, kind) == packets(engine, source, kind)
    head = file.path.read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")
    assert words(engine, file.path, 1, tmp_path) == list(CHINESE.cues)


def words(engine: Engine, path: Path, track: int, folder: Path) -> list[Cue]:
    out = folder / "out.srt"
    ffmpeg(engine, "-i", path, "-map", f"0:s:{track}", out)
    return read(out.read_bytes())[0]


async def test_a_track_of_another_language_that_was_there_stays(
    made: tuple[Video, Path], engine: Engine, tmp_path: Path
) -> None:
    video, folder = made

    file = await muxed(folder / video.progressive, [CHINESE], tmp_path, engine)

    languages = [s["tags"].get("language") for s in streams(engine, file.path)[2:]]
    assert languages == ["eng", "chi"]


async def test_the_mark_of_what_a_machine_made_stays(
    made: tuple[Video, Path], engine: Engine, tmp_path: Path
) -> None:
    video, folder = made
    marked = tmp_path / "marked.mp4"
    told = ("-metadata", f"AIGC={aigc('us', 'film')}", "-metadata", "copyright=© me")
    own = ("-map", "0", "-c", "copy", *told, "-movflags", "+use_metadata_tags")
    ffmpeg(engine, "-i", folder / video.progressive, *own, marked)

    file = await muxed(marked, [CHINESE], tmp_path, engine)

    labels = (await probe(file.path, engine)).labels
    assert labels == Labels(aigc=aigc("us", "film"), copyright="© me")


async def test_the_same_words_make_the_same_file(
    made: tuple[Video, Path], engine: Engine, tmp_path: Path
) -> None:
    video, folder = made
    names = []
    for part in ("a", "b"):
        (tmp_path / part).mkdir()
        source = folder / video.progressive
        names.append((await muxed(source, [ENGLISH], tmp_path / part, engine)).name)

    assert names[0] == names[1]


def frame(engine: Engine, path: Path, at: float, folder: Path) -> Image.Image:
    out = folder / f"at-{at}.png"
    ffmpeg(engine, "-ss", at, "-i", path, "-frames:v", "1", out)
    return Image.open(out).convert("L")


def drawn(
    engine: Engine, path: Path, folder: Path, share: float
) -> tuple[float, float]:
    """How much the picture changes where words lie and elsewhere, shown and not."""
    shown, bare = (frame(engine, path, at, folder) for at in (1.5, 3.5))
    difference = ImageChops.difference(shown, bare)
    width, height = difference.size
    low = difference.crop((0, int(height * share), width, height))
    high = difference.crop((0, 0, width, int(height * share)))
    return low.getextrema()[1], high.getextrema()[1]


@pytest.fixture(scope="module")
def grey(engine: Engine, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("grey") / "grey.mp4"
    source = ("-f", "lavfi", "-i", "color=gray:s=640x360:r=25:d=5")
    ffmpeg(engine, *source, "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "50", path)
    return path


@pytest.mark.parametrize(
    "text", ["你好，世界 ok", "Hello: it's 100% {fine}, \\N right"]
)
async def test_burnt_words_are_seen_below_and_only_in_their_time(
    engine: Engine, grey: Path, tmp_path: Path, text: str
) -> None:
    folder = tmp_path / "odd 'folder': [a],b;c\\d"
    folder.mkdir()

    video = await make_video(
        grey, folder, engine=engine, wished=["360p"], burn=[Cue(1000, 3000, (text,))]
    )

    low, high = drawn(engine, folder / video.progressive, tmp_path, 0.75)
    assert low > 90
    assert high < 10


async def test_words_in_an_upright_picture_keep_out_of_the_lowest_fifth(
    engine: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "upright.mp4"
    source = ("-f", "lavfi", "-i", "color=gray:s=360x640:r=25:d=5")
    ffmpeg(engine, *source, "-c:v", "libx264", "-pix_fmt", "yuv420p", path)
    work = tmp_path / "work"
    work.mkdir()

    cue = Cue(1000, 3000, ("竖屏视频的字幕要更短", "一点才好"))
    video = await make_video(path, work, engine=engine, burn=[cue])

    low, high = drawn(engine, work / video.progressive, tmp_path, 0.8)
    assert low < 10
    assert high > 90


async def test_a_character_no_font_has_is_refused_before_the_encode(
    engine: Engine, grey: Path, tmp_path: Path
) -> None:
    cue = Cue(1000, 3000, ("你好 \U0001f9ff \u13a0",))

    with pytest.raises(MediaRefused) as no:
        await make_video(grey, tmp_path, engine=engine, burn=[cue])

    assert no.value.code == "font_missing"
    assert "U+1F9FF" in no.value.reason
    assert "U+13A0" in no.value.reason
    assert left(tmp_path, "encoded-*") == []


def left(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


async def test_glyphs_of_each_character_are_drawn_not_boxes(
    engine: Engine, grey: Path, tmp_path: Path
) -> None:
    """Two characters that look different make different pictures."""
    seen = []
    for name, text in (("a", "一"), ("b", "龘")):
        work = tmp_path / name
        work.mkdir()
        cue = Cue(1000, 3000, (text,))
        video = await make_video(grey, work, engine=engine, wished=["360p"], burn=[cue])
        path = work / video.progressive
        shown, bare = (frame(engine, path, at, tmp_path) for at in (1.5, 3.5))
        changed = ImageChops.difference(shown, bare).histogram()
        seen.append(sum(changed[20:]))

    assert seen[1] > 2 * seen[0] > 0
