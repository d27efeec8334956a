"""Files of subtitles: what is written reads back, what is hostile is refused."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_agents.errors import MediaRefused
from media_agents.subtitles.files import FORMATS, Format, clean, read, written
from media_agents.subtitles.rules import MOST_CUES, Cue

LINES = st.text(min_size=1, max_size=60).map(clean).filter(bool)
TRICKY = st.sampled_from(
    ["42", "a < b", "x --> y", "{\\an8}up", "\\N", "a\\", "&lt;", "NOTE me", "[Events]"]
)  # fmt: skip


@st.composite
def cues(draw: st.DrawFn) -> list[Cue]:
    found, at = [], 0
    for _ in range(draw(st.integers(1, 6))):
        start = at + draw(st.integers(0, 90_000))
        at = start + draw(st.integers(10, 90_000))
        texts = st.one_of(LINES, TRICKY.map(clean).filter(bool))
        lines = draw(st.lists(texts, min_size=1, max_size=3))
        found.append(Cue(start, at, tuple(lines)))
    return found


@pytest.mark.parametrize("kind", ["srt", "vtt"])
@given(given_=cues())
def test_what_is_written_reads_back_exactly(kind: Format, given_: list[Cue]) -> None:
    found, seen = read(written(given_, kind).encode())

    assert seen == kind
    assert found == given_


@given(given_=cues())
def test_ass_reads_back_to_a_hundredth_of_a_second(given_: list[Cue]) -> None:
    found, seen = read(written(given_, "ass").encode(), lenient=True)

    assert seen == "ass"
    assert [each.lines for each in found] == [each.lines for each in given_]
    for cue, before in zip(found, given_, strict=True):
        assert abs(cue.start_ms - before.start_ms) <= 5
        assert abs(cue.end_ms - before.end_ms) <= 5


ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", FORMATS)
def test_every_encoding_in_use_is_read(kind: Format, encoding: str) -> None:
    cue = Cue(1000, 3000, ("你好，世界", "hello"))

    found, _ = read(written([cue], kind).encode(encoding))

    assert found == [cue]


@given(data=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_with_a_reason(data: bytes) -> None:
    found = outcome(data)

    if isinstance(found, MediaRefused):
        assert found.reason
        assert found.remedy
    else:
        assert found


def outcome(data: bytes) -> list[Cue] | MediaRefused:
    try:
        return read(data)[0]
    except MediaRefused as no:
        return no


DIALOGUE = "Dialogue: 0,{},0:00:02.00,Default,,0,0,0,,{}"
SOUP = st.lists(
    st.sampled_from(
        ["WEBVTT", "", "1", "00:00:01.000 --> 00:00:02.000", "00:01 --> 00:02", "x",
         "-->", "[Events]", DIALOGUE.format("0:00:01.00", "{\\p1}m 0 0"), "NOTE", "{",
         DIALOGUE.format("-0:00:01.00", "hi"), "Style: a,b,c", "<i>"]
    ),
    max_size=12,
)  # fmt: skip


@given(lines=SOUP)
def test_any_mixture_of_lines_is_read_or_refused(lines: list[str]) -> None:
    found = outcome("\n".join(lines).encode())

    if isinstance(found, MediaRefused):
        assert found.remedy
    else:
        assert all(line == clean(line) for cue in found for line in cue.lines)


def one(body: str, start: str = "00:00:01,000", end: str = "00:00:02,000") -> bytes:
    return f"1\n{start} --> {end}\n{body}\n".encode()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_subtitles"),
        (b"hello", "not_subtitles"),
        (b"WEBVTT\n\n", "no_cues"),
        (one("x", "-00:00:01,000"), "bad_time"),
        (one("x", "00:00:01"), "bad_time"),
        (one("x", "00:00:0a,000"), "bad_time"),
        (one("x", "00:00:03,000"), "bad_cue"),
        (one("x", "00:00:01,000", "00:00:01,000"), "bad_cue"),
        (one("x", "11:00:01,000", "11:00:02,000"), "bad_cue"),
        (one("x", "100:00:00,000", "100:00:01,000"), "bad_cue"),
        (one("x" * 501), "bad_cue"),
        (one("x") + one("y", "00:00:01,500", "00:00:03,000"), "bad_cue"),
        (one("<font color=red></font>"), "no_cues"),
        (b"\xff\xff\xff --> \x81", "bad_encoding"),
        (one("x") * (MOST_CUES + 1), "too_large"),
        (b"-->" + b" " * (1 << 20), "too_large"),
        (b"[Events]\nDialogue: 0,1,2,Default,,0,0,0,,x", "bad_time"),
        (b"[Events]\nDialogue: 0,-0:00:01.00,0:00:02.00,D,,0,0,0,,x", "bad_time"),
        (b"[Events]\nDialogue: x", "bad_time"),
    ],
)
def test_what_no_player_could_show_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(MediaRefused) as no:
        read(data)

    assert no.value.code == code
    assert no.value.remedy


def test_the_reason_names_the_cue_and_the_line() -> None:
    with pytest.raises(MediaRefused, match="Cue 2 begins 500 ms before"):
        read(one("x") + one("y", "00:00:01,500", "00:00:03,000"))
    with pytest.raises(MediaRefused, match="line 2 is no pair of times"):
        read(one("x", "soon"))


def test_overlaps_are_left_to_whoever_mends_them() -> None:
    found, _ = read(one("x") + one("y", "00:00:01,500", "00:00:03,000"), lenient=True)

    assert [cue.start_ms for cue in found] == [1000, 1500]


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("<i>Hello</i> <b onclick='x'>you</b>", "Hello you"),
        ("<scr<b>ipt>alert(1)</scr<b>ipt>", "alert(1)"),
        ("{\\an8\\pos(1,2)}Hi {not a tag}", "Hi {not a tag}"),
        ("a\u202eb\x00c\u200b", "abc"),
        ("3 < 4 and 5 > 2", "3 < 4 and 5 > 2"),
        ("on --> off", "on → off"),
        ("  two   spaces\t", "two spaces"),
    ],
)
def test_a_line_keeps_its_words_and_no_orders(line: str, kept: str) -> None:
    assert clean(line) == kept
    assert clean(kept) == kept


def test_notes_styles_and_names_of_cues_are_no_words() -> None:
    text = (
        "WEBVTT - title\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n"
        "STYLE\n::cue { color: red }\n\nNOTE nobody\n\n"
        "intro\n00:01.000 --> 00:02.000 align:start\n<v Ann>Hi &amp; bye\n\n"
        "NOTE after\n\n00:00:03.000 --> 00:00:04.000\n<00:03.500>42\n"
    )

    found, _ = read(text.encode())

    assert found == [Cue(1000, 2000, ("Hi & bye",)), Cue(3000, 4000, ("42",))]


def test_an_ass_of_others_gives_its_words() -> None:
    text = (
        "\ufeff[Script Info]\nTitle: x\n\n[Fonts]\nfontname: evil.ttf\n!!!!\n\n"
        "[V4+ Styles]\nStyle: Big,Arial,20000,not,a,colour\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, "
        "Text\n"
        "Comment: 0,0:00:00.00,0:00:01.00,Big,,0,0,0,,no\n"
        "Dialogue: 0,0:00:01.00,0:00:02.00,Big,,0,0,0,,{\\fs20000}One\\Ntwo\\hthree\n"
        "Dialogue: 0,0:00:02.00,0:00:03.00,Big,,0,0,0,,{\\p1}m 0 0 l 9 9{\\p0}\n"
    )

    found, kind = read(text.encode())

    assert kind == "ass"
    assert found == [Cue(1000, 2000, ("One", "two three"))]


def test_a_long_hostile_line_takes_no_time() -> None:
    began = time.monotonic()
    for body in ("<" * 400_000, "{\\" * 200_000, "<a" * 200_000, "0:" * 200_000):
        with pytest.raises(MediaRefused):
            read(one(body))
    assert time.monotonic() - began < 5


def test_what_we_write_holds_no_orders_of_users() -> None:
    cue = Cue(0, 1000, ("{\\fs20000}big", "a\\Nb {x}"))

    text = written([cue], "ass")

    spoken = text.rpartition(",,0,0,0,,")[2]
    assert not re.search(r"(?<!\\)\{", spoken)
    assert spoken.count("\\N") == 1
