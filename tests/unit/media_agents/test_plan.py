"""The ladder follows from the facts alone."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from media_agents.agent import recipe_of
from media_agents.errors import MediaRefused
from media_agents.facts import Caption, Facts, Sound
from media_agents.planning import CAPS, Plan, Track, plan
from media_agents.recipes import job_key
from media_agents.remaking import alone
from media_agents.transcode import arguments, filter_graph
from schemas.jobs import SubtitleText, TranscodeInput

FACTS = Facts(
    duration_ms=5000,
    width=1920,
    height=1080,
    rotation=0,
    sar="1:1",
    fps=30.0,
    frame_rate="30/1",
    vfr=False,
    video_codec="h264",
    bit_rate=1,
    container="matroska",
    pix_fmt="yuv420p",
    hdr=False,
    interlaced=False,
    video_index=0,
    sounds=(Sound(index=1, codec="aac", channels=2),),
)


def facts(**changes: object) -> Facts:
    return msgspec.structs.replace(FACTS, **changes)


def sizes(made: Plan) -> list[tuple[str, int, int]]:
    return [(r.name, r.width, r.height) for r in made.rungs]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((3840, 2160), [("1080p", 1920, 1080), ("720p", 1280, 720)]),
        ((1280, 720), [("720p", 1280, 720), ("480p", 854, 480)]),
        ((720, 1280), [("720p", 720, 1280), ("480p", 480, 854)]),
        ((1244, 700), [("720p", 1244, 700), ("480p", 854, 480)]),
        ((853, 481), [("480p", 852, 480), ("360p", 638, 360)]),
        ((321, 181), [("360p", 320, 180)]),
    ],
)
def test_without_profiles_the_two_best_that_differ_are_made(size, expected):
    assert sizes(plan(facts(width=size[0], height=size[1]))) == expected


def test_every_profile_asked_for_is_made_best_first():
    made = plan(FACTS, ["360p", "1080p", "720p"])
    assert [r.name for r in made.rungs] == ["1080p", "720p", "360p"]


def test_profiles_above_the_source_fall_together():
    assert len(plan(facts(width=640, height=360), ["1080p", "720p"]).rungs) == 1


def test_an_unknown_profile_is_refused_with_the_choice():
    with pytest.raises(MediaRefused) as refused:
        plan(FACTS, ["4k"])
    assert refused.value.code == "unknown_profile"
    assert "1080p" in refused.value.remedy


def test_pixels_that_are_not_square_are_folded_into_the_size():
    made = plan(facts(width=720, height=576, sar="16:11"))
    assert sizes(made)[0] == ("720p", 1048, 576)


@pytest.mark.parametrize(
    ("rate", "vfr", "expected"),
    [
        ("30000/1001", False, "30000/1001"),
        ("1000/1", False, "60/1"),
        ("1/1", False, "10/1"),
        ("117/5", True, "24/1"),
        ("599/10", True, "60/1"),
    ],
)
def test_the_frame_rate_is_constant_and_playable(rate, vfr, expected):
    assert plan(facts(frame_rate=rate, vfr=vfr)).frame_rate == expected


def test_fast_pictures_may_use_more_bits():
    slow, fast = plan(FACTS), plan(facts(frame_rate="60/1"))
    assert fast.rungs[0].max_bit_rate == slow.rungs[0].max_bit_rate * 3 // 2


@given(
    width=st.integers(16, 8192),
    height=st.integers(16, 4096),
    profiles=st.lists(st.sampled_from(sorted(CAPS)), unique=True),
)
def test_no_rung_is_odd_upscaled_or_of_another_shape(width, height, profiles):
    made = plan(facts(width=width, height=height), profiles)
    assert made.rungs
    for rung in made.rungs:
        assert rung.width % 2 == rung.height % 2 == 0
        # Even sides may round one pixel up.
        assert rung.width <= width + 1
        assert rung.height <= height + 1
        # Some one scale explains both sides within their rounding to even.
        least = max((rung.width - 1.01) / width, (rung.height - 1.01) / height)
        most = min((rung.width + 1.01) / width, (rung.height + 1.01) / height)
        assert least <= most


def test_the_command_decodes_once_and_guards_its_input(tmp_path):
    made = arguments(tmp_path / "in", plan(FACTS), tmp_path)
    assert made.count("-i") == 1
    before_input = made[: made.index("-i")]
    assert before_input[before_input.index("-protocol_whitelist") + 1] == "file"
    assert "hls" not in before_input[before_input.index("-format_whitelist") + 1]
    assert made[made.index("-i") + 1].startswith("file:")
    assert made.count("libx264") == 2


def test_key_frames_are_two_seconds_apart_in_every_rung(tmp_path):
    made = arguments(tmp_path / "in", plan(FACTS), tmp_path)
    assert [made[i + 1] for i, part in enumerate(made) if part == "-g"] == ["60"] * 2
    assert made.count("-sc_threshold") == 2


def test_trouble_in_the_source_adds_its_filter():
    plain = filter_graph(plan(FACTS))
    assert "bwdif" not in plain
    assert "tonemap" not in plain
    assert "bwdif" in filter_graph(plan(facts(interlaced=True)))
    assert "tonemap" in filter_graph(plan(facts(hdr=True)))


def test_a_rung_is_scaled_from_the_one_before_it():
    made = plan(facts(width=1920, height=1080), ("1080p", "720p", "480p"))
    sizes = re.findall(r"\[t(\d)\](?:[^;]*)scale=(\d+):", filter_graph(made))

    assert sizes == [("0", "1920"), ("1", "1280"), ("2", "854")]


@pytest.mark.parametrize("name", ["1080p", "720p", "480p"])
def test_a_rung_alone_is_scaled_through_the_sizes_before_it(name):
    made = plan(facts(width=1920, height=1080), ("1080p", "720p", "480p"))
    rung = next(each for each in made.rungs if each.name == name)
    one = alone(made, rung, best=name == "1080p")
    widths = [1920, 1280, 854][: made.rungs.index(rung) + 1]

    assert one.encoded == (rung,)
    found = re.findall(r"scale=(\d+):", filter_graph(one))
    assert [int(each) for each in found] == widths


def test_every_track_of_sound_goes_along_and_words_that_can_be_read():
    sounds = (
        Sound(index=1, codec="aac", channels=2, language="eng", default=True),
        Sound(index=2, codec="ac3", channels=6, language="chi", title="配音"),
    )
    captions = (
        Caption(index=3, codec="subrip", language="chi"),
        Caption(index=4, codec="dvd_subtitle", text=False),
    )
    made = plan(facts(sounds=sounds, captions=captions))

    assert made.sounds == (Track(1, "eng"), Track(2, "chi", "配音"))
    assert made.captions == (Track(3, "chi"),)
    assert plan(facts(sounds=())).sounds == ()


CONFORMING = {
    "container": "mp4",
    "width": 1280,
    "height": 720,
    "level": 31,
    "key_gap_s": 2.0,
    "video_bit_rate": 2_000_000,
    "color_space": "bt709",
}


def test_a_conforming_picture_goes_along_as_it_is(tmp_path):
    made = plan(facts(**CONFORMING))
    line = arguments(tmp_path / "in", made, tmp_path)

    assert made.copies
    assert [r.name for r in made.encoded] == ["480p"]
    assert line.count("libx264") == 1
    assert line[line.index("-c:v") + 1] == "copy"
    assert line[line.index("-force_key_frames") + 1] == "source"
    assert "fps=" not in filter_graph(made)


@pytest.mark.parametrize(
    "changes",
    [
        {"container": "mpegts"},
        {"trimmed": True},
        {"vfr": True},
        {"width": 1279},
        {"video_bit_rate": 9_000_000},
        {"key_gap_s": 10.0},
    ],
)
def test_any_other_picture_is_encoded(changes):
    assert not plan(facts(**{**CONFORMING, **changes})).copies
    assert not plan(facts(**CONFORMING), copy=False).copies


def test_a_job_key_changes_with_everything_that_changes_bytes():
    recipe = {"profiles": ["720p"]}
    one = job_key("a" * 64, recipe, "ffmpeg version 9")
    assert one == job_key("a" * 64, {"profiles": ["720p"]}, "ffmpeg version 9")
    others = {
        job_key("b" * 64, recipe, "ffmpeg version 9"),
        job_key("a" * 64, {"profiles": ["480p"]}, "ffmpeg version 9"),
        job_key("a" * 64, recipe, "ffmpeg version 8"),
    }
    assert one not in others
    assert len(others) == 3


def test_a_wish_with_other_words_or_another_encoder_is_another_recipe():
    plain = TranscodeInput("v", "k", "a" * 64, ("720p",))
    words = SubtitleText("en", "k", "b" * 64, 3, "asr")
    wishes = [
        plain,
        replace(plain, burn=words),
        replace(plain, burn=replace(words, sha256="c" * 64)),
        replace(plain, needs=("nvenc",)),
        replace(plain, public=True),
        replace(plain, profiles=("480p",)),
    ]

    assert len({recipe_of(each) for each in wishes}) == len(wishes)
    assert recipe_of(replace(plain, video_id="w", object_key="l")) == recipe_of(plain)
    assert recipe_of(plain, 30) != recipe_of(plain) == recipe_of(plain, 60)
