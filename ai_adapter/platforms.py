"""How a text looks on each platform: lengths as it counts them, and its tag style."""

import re
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

Count: TypeAlias = Literal["units", "halves", "bytes"]

_LINK = re.compile(r"https?://[!-~]+")
_LINK_AS = "x" * 20
_ENDS = "。！？!?…\n"


class Style(Struct, frozen=True):
    """`hint` goes to the model; the numbers also bind what tools and templates answer.

    `title_count` and `body_count` name how the platform measures, see `length`.
    """

    title_max: int
    body_max: int
    tags_max: int
    tag_open: str
    tag_close: str
    hint: str
    title_count: Count = "units"
    body_count: Count = "units"


PLAIN = Style(60, 2000, 5, "#", "", "a plain social post")

# Limits in use; where a platform's documents name none, the editor's own limit.
STYLES: Mapping[str, Style] = {
    "bilibili": Style(79, 2000, 10, "#", "", "Bilibili: informative, a clear promise"),
    "douyin": Style(30, 1000, 5, "#", "", "Douyin: short, spoken, a hook first"),
    "kuaishou": Style(30, 500, 4, "#", "", "Kuaishou: warm, direct, everyday words"),
    "wechat": Style(64, 2000, 3, "#", "", "WeChat: complete sentences, no clickbait"),
    "channels": Style(16, 1000, 5, "#", "", "WeChat Channels: calm and factual"),
    "weibo": Style(
        32,
        2000,
        3,
        "#",
        "#",
        "Weibo: one idea, topical, tags as #tag#",
        title_count="halves",
        body_count="halves",
    ),
    "xiaohongshu": Style(
        20,
        1000,
        8,
        "#",
        "",
        "Xiaohongshu: first person, useful",
        title_count="halves",
    ),
    "youtube": Style(
        100,
        5000,
        10,
        "#",
        "",
        "YouTube: searchable, key words first",
        body_count="bytes",
    ),
}


def style_of(platform: str) -> Style:
    """An unknown platform gets the plain style, never an error."""
    return STYLES.get(platform.strip().lower(), PLAIN)


def tagged(style: Style, words: tuple[str, ...]) -> str:
    """Tags in the platform's own notation, on one line."""
    chosen = words[: style.tags_max]
    return " ".join(f"{style.tag_open}{word}{style.tag_close}" for word in chosen)


def length(text: str, count: Count) -> int:
    """How long a platform says the text is.

    `units`: UTF-16 units, as a browser's editor counts; never fewer than characters,
    so it is safe where a platform does not say which it means. `halves`: Latin letters
    and digits are half a character and a link is ten, as Weibo's editor does; rounded
    up. `bytes`: UTF-8, as YouTube's descriptions are measured.
    """
    return _MEASURES[count](text)


def _units(text: str) -> int:
    return len(text) + sum(char > "\uffff" for char in text)


def _halves(text: str) -> int:
    plain = _LINK.sub(_LINK_AS, text)
    doubled = _units(plain) + sum(_wide(char) for char in plain)
    return (doubled + 1) // 2


def _wide(char: str) -> int:
    """Extra halves beside one for each UTF-16 unit."""
    if char <= "\xff":
        return 0
    return 2 if char > "\uffff" else 1


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


_MEASURES: Mapping[Count, Callable[[str], int]] = {
    "units": _units,
    "halves": _halves,
    "bytes": _bytes,
}


def fitted(text: str, most: int, count: Count = "units") -> str:
    """The text itself, or its beginning that is no longer than `most`.

    Ends with a sentence where one ends in the second half of what fits.
    """
    if length(text, count) <= most:
        return text
    cut = text[: _longest(text, most, count)]
    end = max(cut.rfind(each) for each in _ENDS) + 1
    return (cut[:end] if end > len(cut) // 2 else cut).strip()


def _longest(text: str, most: int, count: Count) -> int:
    """How many characters fit; each measure grows with every character."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = length(text[:middle], count) <= most
        low, high = (middle, high) if fits else (low, middle - 1)
    return low
