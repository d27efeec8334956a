"""From a page in a browser to the files that Bilibili and Douyin take, all roles."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from infra import keys
from infra.demo.client import Client, Thing
from infra.demo.screen import Screen
from media_agents.engines.ffmpeg import Engine
from media_agents.profiles import Profile, profiles
from tests.fixtures.fix_media import ffmpeg
from tests.fixtures.fix_up import Installation
from tests.journey import material
from tests.journey.__main__ import broken, shown
from tests.journey.story import DESTINATIONS, PART, STEPS, Journey, tell
from tests.journey.verdict import Judged, judge

CANVAS: Thing = {"width": 640, "height": 360, "frameRate": "25"}


@pytest.fixture(scope="module")
def walked(
    installation: Installation, engine: Engine, tmp_path_factory
) -> tuple[Journey, Console]:
    """In a thread of its own: neither the browser nor a key likes a loop beside it."""
    folder = tmp_path_factory.mktemp("journey")
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(walk, installation, engine, folder).result()


def walk(
    installation: Installation, engine: Engine, folder: Path
) -> tuple[Journey, Console]:
    settings = installation.settings
    key = keys.create(settings, "journey", "admin")
    client = Client(settings.api_url, key)
    console = Console(width=200, record=True, file=StringIO())
    try:
        journey = Journey(
            client=client,
            screen=Screen(console, STEPS),
            engine=engine,
            material=material.own(engine, folder),
            folder=folder,
            key=key,
            canvas=CANVAS,
            rungs=["360p"],
        )
        client.listen(lambda _: None)
        tell(journey)
    finally:
        client.close()
    return journey, console


def test_both_files_keep_every_rule_of_their_destination(walked) -> None:
    journey, _ = walked

    assert [each.destination for each in journey.judged] == list(DESTINATIONS)
    assert broken(journey.judged) == []
    for each in journey.judged:
        assert {line.field for line in each.lines} >= {
            "container", "size", "duration", "video codec", "pixel format", "width",
            "frame rate", "key frame distance", "audio codec", "content hash",
            "loudness", "true peak", "AI mark in the data", "AI mark on the picture",
        }  # fmt: skip


def test_a_cut_upload_sends_no_more_than_one_part_again(walked) -> None:
    sent = walked[0].sent

    assert sent.parts == 5
    assert sent.torn == 3
    assert sent.signed_again == (3, 4, 5)
    assert sent.answered == (1, 2, 3, 4, 5)
    assert max(sent.bytes[n] for n in (1, 2, 4)) == PART
    assert PART < sent.bytes[3] < 2 * PART


def test_what_is_printed_names_every_rule_of_both(walked) -> None:
    journey, _ = walked
    paper = Console(width=200, record=True, file=StringIO())
    paper.print(shown(journey))
    text = paper.export_text()

    assert text.count("true peak") == text.count("short side") + 1 == 2
    assert "broken" not in text


FAST = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "copy"]
# What goes wrong, the FFmpeg options that make it so, and a rule that must notice.
WRONG = {
    "too small": (["-vf", "scale=320:180", *FAST], "short side"),
    "too long between key frames": (
        ["-vf", "tpad=stop=300:stop_mode=clone", "-g", "999", *FAST],
        "key frame distance",
    ),
    "another codec": (["-c:v", "mpeg4", "-c:a", "copy"], "video codec"),
    "too loud": (["-c:v", "copy", "-af", "volume=9dB", "-c:a", "aac"], "true peak"),
    "too quiet": (["-c:v", "copy", "-af", "volume=-9dB", "-c:a", "aac"], "loudness"),
    "no mark in its data": (
        ["-c", "copy", "-metadata", "AIGC="],
        "AI mark in the data",
    ),
    "no mark on its picture": (
        ["-vf", "drawbox=w=iw/2:h=ih/4:c=black:t=fill", *FAST],
        "AI mark on the picture",
    ),
    "a brand where none may be": (
        ["-vf", "drawbox=x=iw*0.8:w=40:h=20:c=white:t=fill", *FAST],
        "brand mark on the picture",
    ),
    "words over its note": (
        [
            "-vf",
            "drawbox=x=iw/2:y=ih*0.95:w=9:h=9:c=white:t=fill:enable=gt(t\\,0.5)",
            *FAST,
        ],
        "what lies below the words",
    ),
    "no words": (
        ["-vf", "drawbox=y=ih*0.7:h=ih*0.3:c=black:t=fill", *FAST],
        "words while somebody speaks",
    ),
    "no sound": (["-c:v", "copy", "-an"], "sound"),
    "its index behind": (["-c", "copy", "-movflags", "0"], "index of the file"),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_wrong_file_is_refused_by_the_same_check(
    walked, engine: Engine, tmp_path: Path, name: str
) -> None:
    """And by its hash, whatever else is wrong with it."""
    right = by_name(walked[0], "douyin")
    options, rule = WRONG[name]
    tags = ["-movflags", "+faststart+use_metadata_tags", "-map_metadata", "0"]
    path = tmp_path / "wrong.mp4"
    ffmpeg(engine, "-i", right.made.path, *tags, *options, path)

    found = await again(right, engine, path=path)

    assert {rule, "content hash"} <= {each.field for each in found.broken}


async def test_the_right_file_under_another_name_and_with_others_covers_is_refused(
    walked, engine: Engine
) -> None:
    one, other = (by_name(walked[0], name) for name in ("douyin", "bilibili"))

    swapped = await again(one, engine, url=other.made.url)
    covered = await again(one, engine, covers=other.made.covers)
    mistaken = await judge(other.made, profiles()["douyin"], other.moments, engine)

    assert [each.field for each in swapped.broken] == ["content hash"]
    assert [each.field for each in covered.broken] == ["cover 3:4", "cover 9:16"]
    assert {"short side", "brand mark on the picture"} <= {
        each.field for each in mistaken.broken
    }
    assert (await again(one, engine)).broken == []


async def test_a_cover_of_another_format_or_too_large_is_refused(
    walked, engine: Engine
) -> None:
    right = by_name(walked[0], "bilibili")
    narrow = replace_profile("bilibili", max_cover_bytes=1000, cover_formats=("png",))

    found = await judge(right.made, narrow, right.moments, engine)

    assert {each.field for each in found.broken} == {
        "cover 16:10 format", "cover 16:10 size", "cover 4:3 format", "cover 4:3 size"
    }  # fmt: skip


def replace_profile(name: str, **changes: object) -> Profile:
    return msgspec.structs.replace(profiles()[name], **changes)


def by_name(journey: Journey, name: str) -> Judged:
    return next(each for each in journey.judged if each.destination == name)


async def again(judged: Judged, engine: Engine, **changes: object) -> Judged:
    made = replace(judged.made, **changes)
    return await judge(made, profiles()[judged.destination], judged.moments, engine)
