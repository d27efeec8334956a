"""Text as a picture: broken into lines as its script asks, never past its bounds."""

import re
import unicodedata
from functools import lru_cache
from math import ceil
from typing import Literal, TypeAlias

from msgspec import Struct
from PIL import Image, ImageColor, ImageDraw, ImageFont

from media_agents.errors import MediaRefused
from media_agents.fonts import Font, font_for

Colour: TypeAlias = tuple[int, int, int, int]
Align: TypeAlias = Literal["left", "center", "right"]

MAX_CHARACTERS = 500
MAX_LINES = 3
LEAST_SIZE, MOST_SIZE = 8, 400
LEADING = 1.35
# Shares of the letters' size: outline, thickening of bold, room around a background.
OUTLINE, BOLD, PADDING = 1 / 16, 1 / 40, 0.3

# What may not end a line, and what may not begin one (GB/T 15834 and its usage).
_OPEN = re.escape("（《〈「『【〔“‘([{￥$")
_CLOSE = re.escape("，。、；：？！…—～）》〉」』】〕”’·,.;:?!%)]}")
_WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_UNIT = re.compile(
    rf"(\s*)([{_OPEN}]*(?:(?![{_OPEN}{_CLOSE}])[{_WIDE}]|[^\s{_WIDE}]+)?[{_CLOSE}]*)"
)


class Look(Struct, frozen=True):
    """Colours, and pixels beside a letter; `ground` lies under all of them."""

    ink: Colour
    line: Colour | None
    ground: Colour | None
    thick: int
    outlined: int
    padding: int

    @property
    def room(self) -> int:
        return self.thick + self.outlined + self.padding


class Lettering(Struct, frozen=True, kw_only=True):
    """How a text is to be written: `size` is that of its letters, in pixels.

    Colours are `#rrggbb`, `#rrggbbaa` or a name; `background` fills the whole picture.
    """

    width: int
    size: int
    colour: str = "#ffffff"
    background: str | None = None
    outline: str | None = "#000000"
    bold: bool = False
    max_lines: int = MAX_LINES
    align: Align = "center"


def letter(
    text: str,
    *,
    width: int,
    size: int,
    colour: str = "#ffffff",
    background: str | None = None,
    outline: str | None = "#000000",
) -> Image.Image:
    """`lettered` at most three lines, in the middle."""
    wish = Lettering(
        width=width, size=size, colour=colour, background=background, outline=outline
    )
    return lettered(text, wish)


def lettered(text: str, wish: Lettering) -> Image.Image:
    """An RGBA picture as large as the text needs, at most `wish.width` pixels wide.

    Raises MediaRefused: `font_missing`, `text_too_long`, `no_text`, `bad_colour`,
    `bad_size`.
    """
    clean, size = _checked(text, wish.size), wish.size
    font, look = font_for(clean, bold=wish.bold), _look(wish)
    lines = wrap(clean, font, size=size, width=wish.width - 2 * look.room)
    if len(lines) > wish.max_lines:
        raise _too_long(f"needs {len(lines)} lines and {wish.max_lines} are allowed")
    return _drawn(lines, loaded(font, size), look, wish.align)


def wrap(text: str, font: Font, *, size: int, width: int) -> list[str]:
    """Lines no wider than `width`; Chinese breaks anywhere but beside punctuation."""
    face = loaded(font, size)
    lines: list[str] = []
    for paragraph in text.splitlines():
        lines += _filled(paragraph, face, width)
    return lines


def parsed(colour: str) -> Colour:
    """Red, green, blue, opacity; raises MediaRefused("bad_colour")."""
    try:
        found = ImageColor.getrgb(colour)
    except ValueError as error:
        raise MediaRefused(
            "bad_colour",
            f"{colour[:40]!r} is no colour",
            "Write it as #rrggbb, as #rrggbbaa, or by its name in CSS.",
        ) from error
    red, green, blue, *opacity = found
    return red, green, blue, opacity[0] if opacity else 255


@lru_cache(maxsize=16)
def loaded(font: Font, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(font.path), size)


def _look(wish: Lettering) -> Look:
    return Look(
        ink=parsed(wish.colour),
        line=parsed(wish.outline) if wish.outline else None,
        ground=parsed(wish.background) if wish.background else None,
        thick=max(1, round(wish.size * BOLD)) if wish.bold else 0,
        outlined=max(1, round(wish.size * OUTLINE)) if wish.outline else 0,
        padding=round(wish.size * PADDING) if wish.background else 0,
    )


def _checked(text: str, size: int) -> str:
    clean = unicodedata.normalize("NFC", text).strip()
    if not clean:
        raise MediaRefused("no_text", "the text is empty", "Write at least one letter.")
    if len(clean) > MAX_CHARACTERS:
        raise _too_long(f"has {len(clean)} characters, {MAX_CHARACTERS} are allowed")
    if not LEAST_SIZE <= size <= MOST_SIZE:
        raise MediaRefused(
            "bad_size",
            f"letters of {size} pixels cannot be drawn",
            f"Choose a size of {LEAST_SIZE} to {MOST_SIZE} pixels.",
        )
    return clean


def _filled(paragraph: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines = [""]
    for space, unit in _units(paragraph):
        longer = lines[-1] + (space and " ") + unit if lines[-1] else unit
        if face.getlength(longer) <= width:
            lines[-1] = longer
            continue
        *whole, rest = _cut(unit, face, width)
        lines += [*whole, rest]
    return [line for line in lines if line]


def _units(paragraph: str) -> list[tuple[str, str]]:
    """What stays together, each with the white space before it."""
    found = (match.groups() for match in _UNIT.finditer(paragraph))
    return [(space, unit) for space, unit in found if unit]


def _cut(unit: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """A word that no line can hold is broken anywhere."""
    parts = [""]
    for character in unit:
        if face.getlength(parts[-1] + character) <= width:
            parts[-1] += character
        elif face.getlength(character) > width:
            raise _too_long(f"has a letter wider than {width} pixels")
        else:
            parts.append(character)
    return parts


def _too_long(reason: str) -> MediaRefused:
    remedy = "Shorten it, or ask for smaller letters or more lines."
    return MediaRefused("text_too_long", f"the text {reason}", remedy)


def _drawn(
    lines: list[str], face: ImageFont.FreeTypeFont, look: Look, align: Align
) -> Image.Image:
    step = round(face.size * LEADING)
    widest = ceil(max(face.getlength(line) for line in lines))
    size = (widest + 2 * look.room, step * len(lines) + 2 * look.room)
    drawn = Image.new("RGBA", size, look.ground or (0, 0, 0, 0))
    # Letters with their edges lie above the ground: drawn into it they would cut it.
    above = Image.new("RGBA", size, (*(look.line or look.ink)[:3], 0))
    draw = ImageDraw.Draw(above)
    for number, line in enumerate(lines):
        left = _left(widest - face.getlength(line), align) + look.room
        _write(draw, (left, look.room + step * (number + 0.5)), line, face, look)
    return Image.alpha_composite(drawn, above)


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    line: str,
    face: ImageFont.FreeTypeFont,
    look: Look,
) -> None:
    if look.line:
        around = look.thick + look.outlined
        draw.text(at, line, look.line, face, "lm", stroke_width=around)
    draw.text(at, line, look.ink, face, "lm", stroke_width=look.thick)


def _left(spare: float, align: Align) -> float:
    return spare * {"left": 0.0, "center": 0.5, "right": 1.0}[align]
