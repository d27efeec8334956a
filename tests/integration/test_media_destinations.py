"""Files for destinations, and ladders of sources that need little work or much."""

import subprocess
from pathlib import Path

import m3u8
import pytest

from fixtures.fix_media import ffmpeg
from media_agents.conforming import fits
from media_agents.engines.ffmpeg import Engine
from media_agents.errors import MediaRefused
from media_agents.facts import Facts
from media_agents.loudness import loudness
from media_agents.planning import Plan, Track, plan
from media_agents.probe import probe
from media_agents.profiles import profiles
from media_agents.recipes import make_video
from media_agents.sounding import make_sound


async def made(source: Path, folder: Path, engine: Engine, name: str) -> Facts:
    video = await make_video(source, folder, engine=engine, wished=[name])
    assert video.master == ""
    return await probe(folder / video.progressive, engine)


@pytest.mark.parametrize("name", sorted(profiles()))
async def test_what_is_made_for_a_destination_passes_its_check(
    engine, clip, tmp_path, name
):
    profile = profiles()[name]
    facts = await made(clip("sounding.mp4"), tmp_path, engine, name)

    assert fits(facts, profile) == []
    assert abs(facts.seconds - 7) <= 0.1
    assert facts.edit_list <= (profile.edit_list == "allow")
    assert facts.sound
    assert (facts.sound.channels, facts.sound.sample_rate) == (2, 48_000)


async def test_a_picture_too_small_or_too_wide_is_made_to_fit(engine, clip, tmp_path):
    facts = await made(clip("strip.mp4"), tmp_path, engine, "douyin")

    assert fits(facts, profiles()["douyin"]) == []
    assert min(facts.width, facts.height) >= 720


async def test_what_cannot_fit_says_what_to_do(engine, clip, tmp_path):
    with pytest.raises(MediaRefused) as refused:
        await made(clip("one_second.mp4"), tmp_path, engine, "douyin")
    assert refused.value.code == "does_not_fit"
    assert "Douyin" in refused.value.remedy


def packets(engine: Engine, path: Path) -> str:
    """A digest of the coded picture."""
    line = [engine.ffmpeg, "-v", "error", "-i", str(path), "-map", "0:v"]
    line += ["-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "md5", "-"]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


async def test_a_conforming_picture_is_the_source_bit_by_bit(engine, clip, tmp_path):
    source = clip("conforming.mp4")
    assert plan(await probe(source, engine)).copies

    video = await make_video(source, tmp_path, engine=engine)

    assert packets(engine, tmp_path / video.progressive) == packets(engine, source)
    assert [(r.width, r.height) for r in video.rungs] == [(1280, 720), (854, 480)]
    master = m3u8.load(str(tmp_path / video.master))
    lists = [m3u8.load(str(tmp_path / each.uri)) for each in master.playlists]
    first, second = ([s.duration for s in each.segments] for each in lists)
    assert first == pytest.approx(second, abs=0.001)


async def test_an_open_group_of_pictures_is_encoded_after_all(engine, clip, tmp_path):
    """Its key frames look like any other's until their first picture is read."""
    source = clip("open_gop.mp4")
    video = await make_video(source, tmp_path, engine=engine)

    assert packets(engine, tmp_path / video.progressive) != packets(engine, source)


@pytest.fixture
def several(engine: Engine, clip, tmp_path) -> Path:
    """Two languages to hear, one to read."""
    words, path = tmp_path / "words.srt", tmp_path / "languages.mkv"
    words.write_text("1\n00:00:00,500 --> 00:00:02,000\n城市夜骑\n")
    sounding = clip("sounding.mp4")
    tags = ["a:0", "eng", "a:1", "chi", "s:0", "chi"]
    named = [
        part
        for kind, language in zip(tags[::2], tags[1::2], strict=True)
        for part in (f"-metadata:s:{kind}", f"language={language}")
    ]
    maps = ["-map", "0:v", "-map", "0:a", "-map", "0:a", "-map", "1:s"]
    ffmpeg(engine, "-i", sounding, "-i", words, *maps, "-c", "copy", *named, path)
    return path


async def test_languages_and_subtitles_go_along(engine, several, tmp_path):
    video = await make_video(several, tmp_path, engine=engine)
    master = m3u8.load(str(tmp_path / video.master))
    told = [(m.type, m.language, m.default) for m in master.media]

    assert told == [
        ("AUDIO", "eng", "YES"),
        ("AUDIO", "chi", "NO"),
        ("SUBTITLES", "chi", "NO"),
    ]
    words = m3u8.load(str(tmp_path / master.media[2].uri))
    text = (tmp_path / words.segments[0].uri).read_text()
    assert text.startswith("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n")
    assert "城市夜骑" in text
    facts = await probe(tmp_path / video.progressive, engine)
    assert [each.language for each in facts.sounds] == ["eng", "chi"]
    assert [(each.codec, each.language) for each in facts.captions] == [
        ("mov_text", "chi")
    ]


def lasting(seconds: float) -> Plan:
    return Plan(rungs=(), frame_rate="25/1", duration_ms=1000 * seconds, video_index=-1)


@pytest.mark.parametrize(
    ("source", "seconds"),
    [
        ("sine=f=440:d=5,volume=-30dB", 5),
        ("sine=f=440:d=5,volume=20dB", 5),
        ("sine=f=300:d=1", 1),
        ("anoisesrc=d=6:c=pink:a=0.9,tremolo=f=0.5:d=0.9", 6),
    ],
    ids=["quiet", "loud", "one second", "uneven"],
)
async def test_sound_is_as_loud_as_platforms_play_it(engine, tmp_path, source, seconds):
    path, target = tmp_path / "in.wav", tmp_path / "out.m4a"
    ffmpeg(engine, "-f", "lavfi", "-i", source, path)

    await make_sound(path, Track(0), lasting(seconds), target, engine=engine)

    heard = await loudness(target, 0, engine, seconds)
    assert heard.lufs == pytest.approx(-14, abs=0.5)
    assert heard.peak_db <= -1


async def test_silence_stays_silent(engine, tmp_path):
    path, target = tmp_path / "in.wav", tmp_path / "out.m4a"
    source = "anullsrc=r=44100:cl=mono:d=3"
    ffmpeg(engine, "-f", "lavfi", "-i", source, path)

    heard = await make_sound(path, Track(0), lasting(3), target, engine=engine)

    assert heard.lufs <= -70
