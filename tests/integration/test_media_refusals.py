"""Files that are broken or hostile end in a refusal that says what to do."""

import asyncio
from pathlib import Path

import pytest

from media_agents.engines.ffmpeg import Engine
from media_agents.errors import MediaRefused
from media_agents.probe import probe


async def refusal(path: Path, engine: Engine) -> MediaRefused:
    with pytest.raises(MediaRefused) as refused:
        await probe(path, engine)
    assert refused.value.reason
    assert refused.value.remedy
    return refused.value


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"this is a letter, not a film\n" * 100, "not_a_video"),
        (b"<html><script>alert(1)</script></html>", "not_a_video"),
        (bytes(range(256)) * 400, "not_a_video"),
    ],
)
async def test_what_is_no_video_is_refused(engine, tmp_path, content, code):
    path = tmp_path / "upload.mp4"
    path.write_bytes(content)
    assert (await refusal(path, engine)).code == code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("gap_bomb.mp4", "bad_duration"),
        ("huffyuv.avi", "unsupported_codec"),
    ],
)
async def test_videos_we_cannot_use_are_refused(engine, clip, name, code):
    assert (await refusal(clip(name), engine)).code == code


async def test_a_picture_of_impossible_size_is_refused(engine, tmp_path):
    path = tmp_path / "upload.gif"
    size = b"\xff\xff\xff\xff"
    path.write_bytes(
        b"GIF89a" + size + b"\x80\0\0\0\0\0\xff\xff\xff"
        b"\x2c\0\0\0\0" + size + b"\0\x02\x02\x4c\x01\0;"
    )
    assert (await refusal(path, engine)).code in {"bad_dimensions", "too_large"}


async def test_an_upload_that_was_cut_off_is_refused(engine, clip, tmp_path):
    data = clip("plain.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(data[: len(data) * 6 // 10])
    assert (await refusal(path, engine)).code in {"truncated", "not_a_video"}


async def test_a_cut_file_with_its_index_in_front_is_refused(
    engine, clip, remux, tmp_path
):
    whole, path = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    remux(clip("hd.mp4"), whole, "-movflags", "+faststart")
    data = whole.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    assert (await refusal(path, engine)).code == "truncated"


@pytest.mark.parametrize("name", ["list.m3u8", "list.mp4", "list.mpd", "list.mov"])
async def test_a_playlist_makes_no_request_and_reads_no_neighbour(
    engine, clip, tmp_path, name
):
    hits: list[bytes] = []

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        hits.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    neighbour = clip("interlaced.ts")
    path = tmp_path / name
    path.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n"
        f"#EXTINF:10,\nfile://{neighbour}\n#EXTINF:10,\n{neighbour}\n"
        f"#EXTINF:10,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n"
    )
    async with server:
        assert (await refusal(path, engine)).code == "not_a_video"
    assert hits == []


async def test_a_list_of_files_dressed_as_a_video_is_refused(engine, clip, tmp_path):
    path = tmp_path / "list.mp4"
    path.write_text(f"ffconcat version 1.0\nfile '{clip('plain.mp4')}'\n")
    assert (await refusal(path, engine)).code == "not_a_video"


async def test_the_facts_of_a_turned_video_are_those_seen(
    engine, clip, remux, tmp_path
):
    path = tmp_path / "turned.mp4"
    remux(clip("plain.mp4"), path, before=("-display_rotation", "90"))
    facts = await probe(path, engine)
    assert (facts.width, facts.height) == (360, 640)
    assert facts.rotation in {90, 270}


async def test_what_an_edit_list_hides_does_not_count(engine, clip, remux, tmp_path):
    path = tmp_path / "edited.mp4"
    remux(clip("hd.mp4"), path, before=("-ss", "1.3"))
    assert abs((await probe(path, engine)).duration_ms - 3700) <= 40


async def test_uneven_frames_are_noticed_and_their_usual_rate_kept(engine, clip):
    facts = await probe(clip("bursts.mp4"), engine)
    assert facts.vfr
    assert not (await probe(clip("plain.mp4"), engine)).vfr


async def test_sound_hdr_and_fields_are_facts(engine, clip):
    sound = (await probe(clip("plain.mp4"), engine)).sound
    assert sound
    assert sound.codec == "aac"
    assert not (await probe(clip("silent.mkv"), engine)).sounds
    assert (await probe(clip("hdr.mp4"), engine)).hdr
    assert (await probe(clip("interlaced.ts"), engine)).interlaced
    assert (await probe(clip("wide_pixels.mp4"), engine)).sar == "16:11"
