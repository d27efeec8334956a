"""Destinations as data, and files held against them."""

import json
from datetime import date

import msgspec
import pytest

from media_agents.conforming import fits, picture_copies, sound_copies
from media_agents.facts import Facts, Sound
from media_agents.profiles import FOLDER, Profile, profiles

SOUND = Sound(index=1, codec="aac", profile="LC", channels=2, sample_rate=48000)
GOOD = Facts(
    duration_ms=30_000,
    width=1080,
    height=1920,
    fps=30.0,
    frame_rate="30/1",
    video_codec="h264",
    video_profile="High",
    level=40,
    video_bit_rate=3_000_000,
    key_gap_s=2.0,
    bit_rate=3_200_000,
    bytes=12_000_000,
    container="mp4",
    pix_fmt="yuv420p",
    color_space="bt709",
    video_index=0,
    sounds=(SOUND,),
    fast_start=True,
)


def facts(**changes: object) -> Facts:
    return msgspec.structs.replace(GOOD, **changes)


def test_every_destination_of_the_brief_has_a_profile_with_source_and_date() -> None:
    found = profiles()

    assert set(found) >= {
        "bilibili", "douyin", "kuaishou", "wechat_channels", "xiaohongshu", "youtube",
    }  # fmt: skip
    for name, profile in found.items():
        assert profile.name == name
        assert profile.source
        assert date.fromisoformat(profile.checked) >= date(2026, 1, 1)


def test_a_profile_with_an_unknown_field_is_refused() -> None:
    told = json.loads((FOLDER / "douyin.json").read_text())
    with pytest.raises(msgspec.ValidationError, match="max_byte"):
        msgspec.json.decode(json.dumps({**told, "max_byte": 1}), type=Profile)


@pytest.mark.parametrize("name", sorted(profiles()))
def test_a_plain_file_fits_every_destination(name: str) -> None:
    assert fits(GOOD, profiles()[name]) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"container": "avi"}, "container"),
        ({"bytes": 5 << 30}, "size"),
        ({"duration_ms": 6 * 3600 * 1000}, "duration"),
        ({"video_codec": "av1"}, "video codec"),
        ({"pix_fmt": "yuv444p"}, "pixel format"),
        ({"width": 5000}, "width"),
        ({"fps": 240.0}, "frame rate"),
        ({"key_gap_s": 12.0}, "key frame distance"),
        ({"bit_rate": 61_000_000}, "bit rate"),
        ({"sounds": (msgspec.structs.replace(SOUND, codec="opus"),)}, "audio codec"),
        ({"sounds": (msgspec.structs.replace(SOUND, channels=6),)}, "channels"),
    ],
)
def test_what_does_not_fit_is_named_with_what_would(
    changes: dict[str, object], field: str
) -> None:
    (finding,) = fits(facts(**changes), profiles()["bilibili"])

    assert finding.field == field
    assert f"{field} is " in str(finding)
    assert finding.wanted


def test_what_a_player_is_sure_of_is_copied() -> None:
    assert picture_copies(GOOD, 5_000_000) == []
    assert sound_copies(SOUND) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"video_codec": "hevc"},
        {"pix_fmt": "yuv420p10le"},
        {"level": 51},
        {"key_gap_s": 4.2},
        {"fps": 120.0},
        {"video_bit_rate": 6_000_000},
        {"vfr": True},
        {"interlaced": True},
        {"hdr": True},
        {"rotation": 90},
        {"sar": "16:11"},
        {"color_range": "pc"},
        {"color_space": "bt470bg"},
    ],
)
def test_everything_else_is_encoded(changes: dict[str, object]) -> None:
    assert len(picture_copies(facts(**changes), 5_000_000)) == 1


@pytest.mark.parametrize(
    "changes",
    [{"codec": "mp3"}, {"profile": "HE-AAC"}, {"channels": 6}, {"sample_rate": 22050}],
)
def test_other_sound_is_encoded(changes: dict[str, object]) -> None:
    assert sound_copies(msgspec.structs.replace(SOUND, **changes))
