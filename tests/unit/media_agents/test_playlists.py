"""Playlists declare what the boxes say and read back as written."""

import m3u8
import pytest

from media_agents.boxes import Fragment, Track
from media_agents.errors import MediaRefused
from media_agents.package import check_ranges
from media_agents.playlists import (
    Heard,
    Variant,
    Words,
    key_playlist,
    master_playlist,
    media_playlist,
    read_segments,
    references,
    stream_of,
    words_playlist,
)


def track(*sizes: int, codec: str = "avc1.64001f", ticks: int = 2000) -> Track:
    fragments, offset = [], 700
    for number, size in enumerate(sizes):
        made = Fragment(offset, size, size // 2, ticks, number * ticks, 60)
        fragments.append(made)
        offset += size
    return Track(codec, 1000, 700, tuple(fragments))


def variant(name: str, *sizes: int) -> Variant:
    stream = stream_of(f"{name}.mp4", track(*sizes))
    return Variant(stream, (1280, 720), 30.0, f"{name}.m3u8", f"{name}-keys.m3u8")


def test_whole_fragments_are_grouped_up_to_six_seconds():
    stream = stream_of("v.mp4", track(10, 20, 30, 40))
    assert [(s.offset, s.size, s.seconds) for s in stream.segments] == [
        (700, 60, 6.0),
        (760, 40, 2.0),
    ]


def test_ntsc_rates_still_group_three_fragments():
    stream = stream_of("v.mp4", track(10, 20, 30, 40, ticks=2002))
    assert len(stream.segments) == 2


def test_a_written_playlist_reads_back_alike():
    stream = stream_of("v.mp4", track(10, 20, 30, 40))
    text = media_playlist(stream)
    assert read_segments(text) == stream.segments
    assert references(text) == ("v.mp4",)


def test_another_parser_agrees_on_the_media_playlist():
    seen = m3u8.loads(media_playlist(stream_of("v.mp4", track(10, 20, 30, 40))))
    assert seen.is_endlist
    assert seen.playlist_type == "vod"
    assert seen.target_duration == 6
    assert seen.segment_map[0].byterange == "700@0"
    assert [s.byterange for s in seen.segments] == ["60@700", "40@760"]


def test_key_frame_playlists_have_one_entry_for_each_key_frame():
    stream = stream_of("v.mp4", track(10, 20, 30))
    seen = m3u8.loads(key_playlist(stream))
    assert seen.is_i_frames_only
    assert [s.byterange for s in seen.segments] == ["5@700", "10@710", "15@730"]


def test_the_master_declares_the_measured_rates():
    sound = stream_of("a.mp4", track(4000, 4000, 4000, 2000, codec="mp4a.40.2"))
    seen = m3u8.loads(
        master_playlist([variant("v", 100, 200, 300, 400)], [Heard(sound, "a.m3u8")])
    )
    (shown,) = seen.playlists
    # Peak: the last video segment (400 B in 2 s) and the first of the sound.
    assert shown.stream_info.bandwidth == 400 * 8 // 2 + 12000 * 8 // 6
    assert shown.stream_info.average_bandwidth == 1000 * 8 // 8 + 14000 * 8 // 8
    assert shown.stream_info.codecs == "avc1.64001f,mp4a.40.2"
    assert shown.stream_info.resolution == (1280, 720)
    assert seen.is_independent_segments
    assert seen.media[0].uri == "a.m3u8"


def test_languages_and_words_are_groups_that_every_variant_names():
    heard = [
        Heard(stream_of("a.mp4", track(400, codec="mp4a.40.2")), "a.m3u8", "en"),
        Heard(
            stream_of("b.mp4", track(900, codec="mp4a.40.2")), "b.m3u8", "zh", "配音"
        ),
    ]
    words = [Words("w.vtt", "w.m3u8", "zh", '中文 "字幕"')]
    seen = m3u8.loads(master_playlist([variant("v", 100)], heard, words))
    (shown,) = seen.playlists
    told = [(m.type, m.language, m.name, m.default, m.uri) for m in seen.media]
    assert told == [
        ("AUDIO", "en", "en", "YES", "a.m3u8"),
        ("AUDIO", "zh", "配音", "NO", "b.m3u8"),
        ("SUBTITLES", "zh", "中文  字幕", "NO", "w.m3u8"),
    ]
    assert shown.stream_info.bandwidth == (100 + 900) * 8 // 2
    assert shown.stream_info.codecs == "avc1.64001f,mp4a.40.2"
    assert (shown.stream_info.audio, shown.stream_info.subtitles) == ("sound", "words")


def test_words_are_one_segment_as_long_as_the_programme():
    seen = m3u8.loads(words_playlist("w.vtt", 12.4))
    assert [(s.uri, s.duration) for s in seen.segments] == [("w.vtt", 12.4)]
    assert seen.target_duration == 13
    assert seen.is_endlist


def test_a_silent_master_names_no_audio_group():
    text = master_playlist([variant("v", 100)])
    assert "AUDIO" not in text


def test_the_variant_near_two_megabits_comes_first():
    high, low = variant("high", 4_000_000), variant("low", 500_000)
    seen = m3u8.loads(master_playlist([high, low]))
    assert [p.uri for p in seen.playlists] == ["low.m3u8", "high.m3u8"]
    assert references(master_playlist([high, low])) == (
        "low.m3u8",
        "high.m3u8",
        "high-keys.m3u8",
        "low-keys.m3u8",
    )


def test_ranges_beyond_the_file_or_with_gaps_are_refused(tmp_path):
    media = tmp_path / "v.mp4"
    media.write_bytes(b"x" * 800)
    text = media_playlist(stream_of("v.mp4", track(10, 20, 30, 40)))
    assert check_ranges(text, media, whole=True) == 8.0
    with pytest.raises(MediaRefused):
        check_ranges(text.replace("@760", "@761"), media, whole=False)
    with pytest.raises(MediaRefused):
        check_ranges(text.replace("60@700", "59@700"), media, whole=True)
