"""Texts on pictures: every character has a glyph, every line fits and may begin so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageStat

from media_agents.errors import MediaRefused
from media_agents.fonts import covered, font_for, fonts
from media_agents.images.lettering import (
    Lettering,
    letter,
    lettered,
    loaded,
    parsed,
    wrap,
)

NEVER_FIRST = "，。、；：？！》」）”"
NEVER_LAST = "《「（“"
CHINESE = "三分钟学会：在家做出一碗“兰州牛肉面”，价格只要 3.5 元！《家常菜谱》第一章"


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("Plain words, 100 %", "Noto Sans"),
        ("Ελλάδα Привет Việt Nam", "Noto Sans"),
        ("短标题", "Noto Sans SC"),
        ("GPT 与 短视频 の", "Noto Sans SC"),
        ("\n \t", "Noto Sans"),
    ],
)
def test_the_first_font_that_has_all_of_a_text(text: str, family: str) -> None:
    assert font_for(text).family == family


def test_the_name_of_a_font_is_the_one_inside_its_file() -> None:
    assert [loaded(each, 20).getname()[0] for each in fonts()] == [
        each.family for each in fonts()
    ]


def test_characters_without_a_glyph_are_named_once_each() -> None:
    with pytest.raises(MediaRefused) as no:
        font_for("好 😀😀 한 \ue000")

    assert no.value.code == "font_missing"
    assert no.value.reason.count("U+1F600") == 1
    assert "U+D55C HANGUL SYLLABLE HAN" in no.value.reason
    assert "(U+E000 unnamed)" in no.value.reason
    assert "好" not in no.value.reason
    assert no.value.remedy


def test_a_long_list_of_missing_characters_is_cut() -> None:
    with pytest.raises(MediaRefused) as no:
        font_for("".join(chr(0xAC00 + each) for each in range(25)))

    assert "and 15 more" in no.value.reason


@given(st.integers(120, 900), st.integers(12, 60))
def test_lines_of_chinese_fit_and_never_begin_with_a_stop(
    width: int, size: int
) -> None:
    font = font_for(CHINESE)
    lines = wrap(CHINESE, font, size=size, width=width)

    assert "".join(lines).replace(" ", "") == CHINESE.replace(" ", "")
    assert all(loaded(font, size).getlength(line) <= width for line in lines)
    assert all(line == line.strip() for line in lines)
    if width > 6 * size:
        assert not any(line[0] in NEVER_FIRST for line in lines)
        assert not any(line[-1] in NEVER_LAST for line in lines)


def test_words_break_at_spaces_and_only_endless_ones_inside() -> None:
    font = font_for("words")
    lines = wrap("some words " + "n" * 60, font, size=20, width=200)

    assert lines[0] == "some words"
    assert "".join(lines[1:]) == "n" * 60
    assert wrap("don’t 3.5", font, size=20, width=60) == ["don’t", "3.5"]


def test_a_break_that_was_written_is_kept() -> None:
    assert wrap("a b\nc", font_for("abc"), size=20, width=500) == ["a b", "c"]


def test_the_picture_is_no_wider_than_asked_and_shows_every_line() -> None:
    one = letter("标题", width=800, size=48)
    three = letter(CHINESE, width=800, size=48)

    assert one.mode == "RGBA"
    assert one.width < three.width <= 800
    assert three.height > 2 * one.height
    assert one.getbbox() is not None
    assert one.getpixel((0, 0))[3] == 0


def test_a_background_fills_the_picture_and_bold_covers_more() -> None:
    wish = Lettering(width=400, size=40, outline=None, background="#ff000080")
    plain = Lettering(width=400, size=40, outline=None)
    bold = Lettering(width=400, size=40, outline=None, bold=True)

    assert lettered("好", wish).getpixel((0, 0)) == (255, 0, 0, 128)
    inked = [ImageStat.Stat(lettered("好", each)).sum[3] for each in (plain, bold)]
    assert inked[0] < inked[1]


@pytest.mark.parametrize(
    ("text", "changed", "code"),
    [
        ("  \n", {}, "no_text"),
        ("好" * 501, {}, "text_too_long"),
        ("好" * 100, {}, "text_too_long"),
        ("好", {"width": 20}, "text_too_long"),
        ("好", {"colour": "reddish"}, "bad_colour"),
        ("好", {"outline": "#12"}, "bad_colour"),
        ("好", {"size": 4}, "bad_size"),
        ("好", {"size": 4000}, "bad_size"),
        ("好👍", {}, "font_missing"),
    ],
)
def test_what_cannot_be_written_is_refused(
    text: str, changed: dict[str, object], code: str
) -> None:
    with pytest.raises(MediaRefused) as no:
        letter(text, **{"width": 400, "size": 40, **changed})

    assert no.value.code == code
    assert no.value.remedy


def test_colours() -> None:
    assert parsed("#ff000080") == (255, 0, 0, 128)
    assert parsed("#00ff00") == (0, 255, 0, 255)
    assert parsed("navy") == (0, 0, 128, 255)


def test_the_chinese_font_has_the_common_characters() -> None:
    common = bytes(
        byte
        for row in range(0xB0, 0xF8)
        for cell in range(0xA1, 0xFF)
        for byte in (row, cell)
    ).decode("gb2312", errors="ignore")

    assert {ord(each) for each in common} <= covered(fonts()[1])
