"""The HLS checker finds nothing in what we make, and finds what was spoilt."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from media_agents.engines.ffmpeg import Engine
from media_agents.recipes import Video, make_video
from tests.hls.rules import broken

Spoil = Callable[[Path, str], None]


@pytest.fixture(scope="module")
async def made(engine: Engine, clip, tmp_path_factory) -> tuple[Video, Path]:
    folder = tmp_path_factory.mktemp("ladder")
    return await make_video(clip("hd.mp4"), folder, engine=engine), folder


@pytest.fixture
def copy(made: tuple[Video, Path], tmp_path: Path) -> tuple[Path, str]:
    video, folder = made
    for file in video.files:
        shutil.copy(folder / file.name, tmp_path / file.name)
    return tmp_path, video.master


def edited(pattern: str, to: str, name: str = "master-") -> Spoil:
    """In every playlist whose name begins so."""

    def spoil(folder: Path, _master: str) -> None:
        for path in folder.glob(f"{name}*.m3u8"):
            path.write_text(re.sub(pattern, to, path.read_text()))

    return spoil


def turned(name: str, kind: bytes) -> Spoil:
    """The number after this box's header grows by a few ticks, in its last fragment."""

    def spoil(folder: Path, _master: str) -> None:
        (path,) = folder.glob(f"{name}-*.mp4")
        body = bytearray(path.read_bytes())
        at = body.rindex(kind) + 15
        body[at] ^= 0x7F
        path.write_bytes(bytes(body))

    return spoil


def test_nothing_is_broken(copy: tuple[Path, str]) -> None:
    folder, master = copy
    assert broken(folder / master) == []


@pytest.mark.parametrize(
    ("clause", "spoil"),
    [
        ("1.2-1.5", edited(r"avc1\.64", "avc3.64")),
        ("1.2-1.5", edited(r"(avc1\.[0-9a-f]{4})[0-9a-f]{2}", r"\g<1>33")),
        ("1.26", edited(r":BANDWIDTH=(\d+)", r":BANDWIDTH=9\1")),
        ("1.26", edited(r"AVERAGE-BANDWIDTH=(\d)", r"AVERAGE-BANDWIDTH=1\1")),
        ("1.33", edited(r"RESOLUTION=854x480", "RESOLUTION=640x480")),
        ("6.1", edited(r"#EXT-X-I-FRAME-STREAM-INF.*\n", "")),
        ("6.1", edited(r"#EXT-X-I-FRAMES-ONLY\n", "", "480p-keys-")),
        ("6.1", edited(r"BYTERANGE:(\d+)@", r"BYTERANGE:9\1@", "480p-keys-")),
        ("7.3", turned("480p", b"tfdt")),
        ("7.5", edited(r"TARGETDURATION:\d+", "TARGETDURATION:10", "720p-")),
        ("8.1", edited(r"#EXTINF:\d\.", "#EXTINF:9.", "sound-")),
        ("8.6", edited(r"#EXT-X-ENDLIST\n", "", "720p-")),
        ("8.6", edited(r"#EXT-X-INDEPENDENT-SEGMENTS\n", "")),
        ("8.6", edited(r'LANGUAGE="und",', "")),
        ("8.22", edited(r"#EXTINF:\d\.", "#EXTINF:3.", "480p-")),
        ("9.1", edited(r"FRAME-RATE=[\d.]+,", "")),
    ],
)
def test_what_was_spoilt_is_found(
    copy: tuple[Path, str], clause: str, spoil: Spoil
) -> None:
    folder, master = copy
    before = {each: each.read_bytes() for each in folder.iterdir()}
    spoil(folder, master)
    assert before != {each: each.read_bytes() for each in folder.iterdir()}

    assert [each for each in broken(folder / master) if each.startswith(clause)]
