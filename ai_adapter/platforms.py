"""How a text looks on each platform: title length, body length and tag style."""

from collections.abc import Mapping

from msgspec import Struct


class Style(Struct, frozen=True):
    """`hint` goes to the model; the numbers also bind the template answers."""

    title_max: int
    body_max: int
    tags_max: int
    tag_open: str
    tag_close: str
    hint: str


PLAIN = Style(60, 2000, 5, "#", "", "a plain social post")

# Limits in use; where a platform's documents name none, the editor's own limit.
STYLES: Mapping[str, Style] = {
    "bilibili": Style(79, 2000, 10, "#", "", "Bilibili: informative, a clear promise"),
    "douyin": Style(30, 1000, 5, "#", "", "Douyin: short, spoken, a hook first"),
    "kuaishou": Style(30, 500, 4, "#", "", "Kuaishou: warm, direct, everyday words"),
    "wechat": Style(64, 2000, 3, "#", "", "WeChat: complete sentences, no clickbait"),
    "channels": Style(16, 1000, 5, "#", "", "WeChat Channels: calm and factual"),
    "weibo": Style(32, 2000, 3, "#", "#", "Weibo: one idea, topical, tags as #tag#"),
    "xiaohongshu": Style(20, 1000, 8, "#", "", "Xiaohongshu: first person, useful"),
    "youtube": Style(100, 5000, 10, "#", "", "YouTube: searchable, key words first"),
}


def style_of(platform: str) -> Style:
    """An unknown platform gets the plain style, never an error."""
    return STYLES.get(platform.strip().lower(), PLAIN)


def tagged(style: Style, words: tuple[str, ...]) -> str:
    """Tags in the platform's own notation, on one line."""
    chosen = words[: style.tags_max]
    return " ".join(f"{style.tag_open}{word}{style.tag_close}" for word in chosen)
