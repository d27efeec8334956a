"""Words as pictures: title cards, the mark of AI, a destination's marks.

No word of a user comes near a filter graph: it is drawn here and laid over as a PNG.
"""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from media_agents.composing.problems import Problem
from media_agents.errors import MediaRefused
from media_agents.images.lettering import (
    LEAST_SIZE,
    MOST_SIZE,
    Lettering,
    lettered,
    parsed,
)
from schemas.timeline import AiMark, Corner, Mark, Title

# GB 45438-2025: "AI" with "generated", on the opening picture for two seconds at
# least, no letter lower than a twentieth of the picture's shorter side.
AI_WORDS = "AI生成 AI-generated"
AI_SHARE = 0.06
AI_OPENING_S = 4.0
MARK_SHARE = 0.045
MARGIN = 0.025
CARD_WIDTH = 0.9
CARD_LINES = 6


def check_card(pointer: str, title: Title, size: tuple[int, int]) -> Iterator[Problem]:
    """What would be refused when it is drawn, found by writing it once."""
    for name in ("colour", "background"):
        try:
            parsed(getattr(title, name))
        except MediaRefused as no:
            yield _problem(f"{pointer}/{name}", no)
            return
    try:
        _card_words(title, size)
    except MediaRefused as no:
        yield _problem(f"{pointer}/text", no)


def check_mark(pointer: str, mark: Mark, size: tuple[int, int]) -> Iterator[Problem]:
    for name in ("watermark", "copyright"):
        try:
            if text := getattr(mark, name):
                _small(text, size, MARK_SHARE)
        except MediaRefused as no:
            yield _problem(f"{pointer}/{name}", no)


def _problem(pointer: str, no: MediaRefused) -> Problem:
    return Problem(pointer, no.code, no.reason, no.remedy)


def card(title: Title, size: tuple[int, int]) -> Image.Image:
    """The whole picture of a title card; raises MediaRefused."""
    ground = Image.new("RGBA", size, parsed(title.background)[:3])
    words = _card_words(title, size)
    left, top = (size[0] - words.width) // 2, (size[1] - words.height) // 2
    ground.alpha_composite(words, (left, top))
    return ground


def _card_words(title: Title, size: tuple[int, int]) -> Image.Image:
    wish = Lettering(
        width=round(size[0] * CARD_WIDTH),
        size=_letters(size[1] * title.size),
        colour=title.colour,
        outline=None,
        max_lines=CARD_LINES,
    )
    words = lettered(title.text, wish)
    if words.height > size[1]:
        raise MediaRefused(
            "text_too_long",
            "the text is higher than the picture",
            "Shorten it, or ask for smaller letters.",
        )
    return words


def ai_mark(mark: AiMark, size: tuple[int, int]) -> Image.Image:
    """A transparent picture of the film's size with the mark that the law asks for."""
    words = _small(AI_WORDS, size, AI_SHARE, background="#00000080")
    return _in_corner(words, mark.corner, size)


def brand(mark: Mark, size: tuple[int, int]) -> Image.Image:
    """The watermark in its corner, the copyright note below, both see-through."""
    ground = Image.new("RGBA", size, (0, 0, 0, 0))
    if mark.watermark:
        words = _small(mark.watermark, size, MARK_SHARE)
        ground = _in_corner(words, mark.corner, size)
    if mark.copyright:
        words = _small(mark.copyright, size, MARK_SHARE)
        middle = (size[0] - words.width) // 2
        below = size[1] - words.height - _margin(size)
        ground.alpha_composite(words, (middle, below))
    solid = ground.getchannel("A").point(lambda alpha: round(alpha * mark.opacity))
    ground.putalpha(solid)
    return ground


def _small(
    text: str, size: tuple[int, int], share: float, *, background: str | None = None
) -> Image.Image:
    wish = Lettering(
        width=size[0] - 2 * _margin(size),
        size=_letters(min(size) * share),
        background=background,
        outline=None if background else "#000000",
        max_lines=2,
    )
    return lettered(text, wish)


def _letters(pixels: float) -> int:
    return min(MOST_SIZE, max(LEAST_SIZE, round(pixels)))


def _in_corner(
    words: Image.Image, corner: Corner, size: tuple[int, int]
) -> Image.Image:
    ground = Image.new("RGBA", size, (0, 0, 0, 0))
    ground.alpha_composite(words, place(words.size, corner, size))
    return ground


def place(
    inner: tuple[int, int], corner: Corner, outer: tuple[int, int]
) -> tuple[int, int]:
    """Left and top of what stands in a corner."""
    margin = _margin(outer)
    vertical, _, horizontal = corner.partition("_")
    left = margin if horizontal == "left" else outer[0] - inner[0] - margin
    top = margin if vertical == "top" else outer[1] - inner[1] - margin
    return max(0, left), max(0, top)


def _margin(size: tuple[int, int]) -> int:
    return round(min(size) * MARGIN / 2) * 2


def save(picture: Image.Image, path: Path) -> Path:
    picture.save(path, "PNG", compress_level=1)
    return path
