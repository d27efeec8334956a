"""A whole media job on real FFmpeg: what comes out is what players are told."""

import json
import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import m3u8
import pytest
from PIL import Image

from infra.settings import Settings
from media_agents.boxes import read_track
from media_agents.engines.ffmpeg import Engine
from media_agents.recipes import Video, make_video, publish_files
from media_agents.storage import Storage


@pytest.fixture(scope="module")
async def made(engine: Engine, clip, tmp_path_factory) -> tuple[Video, Path]:
    folder = tmp_path_factory.mktemp("made")
    source = clip("seven_seconds.mp4")
    return await make_video(source, folder, engine=engine), folder


def shown(engine: Engine, path: Path, *options: str) -> dict[str, list[dict]]:
    argv = [engine.ffprobe, "-v", "error", "-of", "json", *options, str(path)]
    return json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)


def files_of(video: Video, folder: Path, pattern: str) -> list[Path]:
    return [folder / f.name for f in video.files if re.fullmatch(pattern, f.name)]


async def test_a_film_becomes_two_rungs_with_stereo_sound(engine, film, tmp_path):
    told: list[int] = []
    video = await make_video(film, tmp_path, engine=engine, progress=told.append)
    assert [(r.width, r.height) for r in video.rungs] == [(1280, 720), (854, 480)]
    assert abs(video.duration_ms - 5280) <= 40
    assert told == sorted(told)
    assert told[-1] == 99
    streams = shown(engine, tmp_path / video.progressive, "-show_streams")["streams"]
    kinds = [(s["codec_name"], s.get("pix_fmt"), s.get("channels")) for s in streams]
    assert kinds == [("h264", "yuv420p", None), ("aac", None, 2)]
    master = m3u8.load(str(tmp_path / video.master))
    assert {p.stream_info.resolution for p in master.playlists} == {
        (1280, 720),
        (854, 480),
    }


async def test_declared_bandwidths_are_those_of_the_bytes(made):
    video, folder = made
    master = m3u8.loads((folder / video.master).read_text())
    for variant in master.playlists:
        listed = m3u8.loads((folder / variant.uri).read_text())
        sizes = [int(s.byterange.partition("@")[0]) for s in listed.segments]
        seconds = [s.duration for s in listed.segments]
        rates = [8 * b / s for b, s in zip(sizes, seconds, strict=True)]
        assert abs(variant.stream_info.bandwidth - max(rates)) <= 1
        average = 8 * sum(sizes) / sum(seconds)
        assert abs(variant.stream_info.average_bandwidth - average) <= 1


async def test_segments_last_at_most_six_seconds_and_sum_to_the_video(made):
    video, folder = made
    for path in files_of(video, folder, r"\d+p-[0-9a-f]{16}\.m3u8"):
        seconds = [s.duration for s in m3u8.loads(path.read_text()).segments]
        assert [round(s, 3) for s in seconds] == [6.0, 1.0]
        assert abs(sum(seconds) - video.duration_ms / 1000) <= 1 / 30


async def test_key_frames_stand_at_the_same_times_in_all_rungs(engine, clip, tmp_path):
    source = clip("hd.mp4")
    video = await make_video(source, tmp_path, engine=engine)
    tracks = [
        read_track(path)
        for path in files_of(video, tmp_path, r"\d+p-[0-9a-f]{16}\.mp4")
    ]
    starts = {tuple(f.decode_time / t.timescale for f in t.fragments) for t in tracks}
    assert starts == {(0.0, 2.0, 4.0)}


async def test_every_segment_decodes_from_its_own_bytes(engine, made, tmp_path):
    video, folder = made
    (path,) = files_of(video, folder, r"\d+p-keys-[0-9a-f]{16}\.m3u8")
    listed = m3u8.loads(path.read_text())
    data = (folder / listed.segment_map[0].uri).read_bytes()
    head = data[: int(listed.segment_map[0].byterange.partition("@")[0])]
    for segment in listed.segments:
        size, _, offset = segment.byterange.partition("@")
        piece = tmp_path / "piece.mp4"
        piece.write_bytes(head + data[int(offset) : int(offset) + int(size)])
        frames = shown(engine, piece, "-show_frames")["frames"]
        assert [f["pict_type"] for f in frames] == ["I"]


async def test_the_master_starts_at_zero_and_lasts_as_long(engine, made):
    video, folder = made
    seen = shown(engine, folder / video.master, "-show_format")["format"]
    assert abs(float(seen["start_time"])) < 0.001
    assert abs(float(seen["duration"]) - 7.0) <= 1 / 30


async def test_the_same_file_makes_the_same_names(engine, clip, tmp_path):
    names = []
    for attempt in ("one", "two"):
        folder = tmp_path / attempt
        folder.mkdir()
        video = await make_video(clip("plain.mp4"), folder, engine=engine)
        names.append([f.name for f in video.files])
    assert names[0] == names[1]


async def test_threads_of_a_job_change_no_bit(engine, clip, tmp_path):
    """So workers with few and with many processors make the same files."""
    names = []
    for threads in (1, 3):
        folder = tmp_path / str(threads)
        folder.mkdir()
        bounded = replace(engine, threads=threads)
        video = await make_video(clip("plain.mp4"), folder, engine=bounded)
        names.append([f.name for f in video.files])
    assert names[0] == names[1]


@pytest.mark.parametrize(
    ("name", "sizes", "has_sound"),
    [
        ("portrait.mp4", [(720, 1280), (480, 854)], False),
        ("odd.mp4", [(852, 480), (638, 360)], False),
        ("silent.mkv", [(640, 360)], False),
        ("bursts.mp4", [(640, 360)], True),
        ("wide_pixels.mp4", [(1048, 576), (872, 480)], False),
        ("interlaced.ts", [(720, 576), (600, 480)], False),
        ("hdr.mp4", [(640, 360)], False),
    ],
)
async def test_odd_sources_come_out_straight(
    engine, clip, tmp_path, name, sizes, has_sound
):
    video = await make_video(clip(name), tmp_path, engine=engine)
    assert [(r.width, r.height) for r in video.rungs] == sizes
    streams = shown(engine, tmp_path / video.progressive, "-show_streams")["streams"]
    picture = streams[0]
    assert (picture["pix_fmt"], picture["sample_aspect_ratio"]) == ("yuv420p", "1:1")
    assert picture["avg_frame_rate"] == picture["r_frame_rate"]
    assert picture["color_space"] == "bt709"
    assert len(streams) == 1 + has_sound
    with Image.open(tmp_path / video.covers[0].name) as cover:
        assert cover.format == "JPEG"
        assert cover.size == sizes[0]


async def test_thumbnails_cover_the_whole_video_and_sound_has_its_wave(
    engine, clip, tmp_path
):
    video = await make_video(clip("hd.mp4"), tmp_path, engine=engine)
    text = (tmp_path / video.thumbnails).read_text()
    times = re.findall(r"(\S+) --> (\S+)", text)
    (sheet,) = set(re.findall(r"^(\S+)#xywh=", text, re.MULTILINE))

    assert times[0][0] == "00:00:00.000"
    assert times[-1][1] == "00:00:05.000"
    assert [end for _, end in times[:-1]] == [start for start, _ in times[1:]]
    with Image.open(tmp_path / sheet) as picture:
        assert picture.size == (160 * len(times), 90)
    with Image.open(tmp_path / video.waveform) as wave:
        assert wave.size == (1200, 160)
    assert 1 <= len(video.covers) <= 4
    assert {f.name for f in video.files} >= {each.name for each in video.covers}


async def test_the_cover_is_not_the_black_beginning(engine, clip, tmp_path):
    video = await make_video(clip("black_first.mp4"), tmp_path, engine=engine)
    with Image.open(tmp_path / video.covers[0].name) as cover:
        low, high = cover.convert("L").getextrema()
    assert high - low > 100


async def test_place_and_title_of_the_source_are_not_passed_on(engine, clip, tmp_path):
    video = await make_video(clip("with_place.mp4"), tmp_path, engine=engine)
    for file in video.files:
        data = file.path.read_bytes()
        assert b"31.2304" not in data
        assert b"<script>" not in data


async def test_published_files_play_from_the_store(
    engine, made, stack: Settings, tmp_path
):
    video, _ = made
    secret = stack.s3_secret_key.get_secret_value()
    storage = Storage(stack.s3, stack.s3_access_key, secret, stack.s3_bucket)
    await storage.ensure_bucket(["http://studio.example"])
    prefix = f"t_media/videos/{time.time_ns()}"
    await publish_files(storage, prefix, video.files)
    before = await storage.head(f"{prefix}/{video.master}")
    await publish_files(storage, prefix, video.files)
    assert await storage.head(f"{prefix}/{video.master}") == before
    for file in video.files:
        await storage.download(f"{prefix}/{file.name}", tmp_path / file.name)
    seen = shown(engine, tmp_path / video.master, "-show_format")["format"]
    assert abs(float(seen["duration"]) - 7.0) <= 1 / 30


async def test_each_rung_tells_the_bit_rate_it_came_out_with(made):
    video, folder = made
    sizes = [
        path.stat().st_size
        for path in files_of(video, folder, r"\d+p-[0-9a-f]{16}.mp4")
    ]
    for rate, size in zip(video.rung_bit_rates, sizes, strict=True):
        assert abs(rate * 7.0 / 8 - size) <= 0.02 * size + 2000
