"""The fonts we draw with, and which of them has every character of a text.

Both come with the program as wheels and are under the SIL Open Font License 1.1:
Noto Sans (Latin, Greek, Cyrillic, Vietnamese) and Noto Sans SC (Simplified Chinese
with Latin, kana). Each has one weight; whoever draws makes bold by thickening it.
"""

import unicodedata
from functools import cache
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from media_agents.errors import MediaRefused

Characters: TypeAlias = frozenset[int]

SHOWN = 10


class Font(Struct, frozen=True):
    """`family` is the name inside the file; `bold`: to be thickened when drawn."""

    path: Path
    family: str
    bold: bool = False


@cache
def fonts() -> tuple[Font, ...]:
    """In the order in which they are preferred."""
    import fontpkg_noto_sans
    import pylopdf_fonts_zh_cn

    latin = Path(fontpkg_noto_sans.ROOT) / "files" / "NotoSans[wdth,wght].ttf"
    chinese = pylopdf_fonts_zh_cn.sans_path()
    return Font(latin, "Noto Sans"), Font(chinese, "Noto Sans SC")


def font_for(text: str, *, bold: bool = False) -> Font:
    """One font for the whole text; white space needs none.

    Raises MediaRefused("font_missing") that names what has no glyph.
    """
    wanted = frozenset(ord(each) for each in text if not each.isspace())
    lacking = {font: wanted - covered(font) for font in fonts()}
    best = min(lacking, key=lambda font: len(lacking[font]))
    if lacking[best]:
        raise _missing(text, lacking[best])
    return Font(best.path, best.family, bold)


@cache
def covered(font: Font) -> Characters:
    """Every code point that the font has a glyph for."""
    from fontTools.ttLib import TTFont

    with TTFont(font.path, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


def _missing(text: str, lacking: Characters) -> MediaRefused:
    named = [_named(each) for each in dict.fromkeys(text) if ord(each) in lacking]
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    return MediaRefused(
        "font_missing",
        f"no font of ours has {', '.join(named[:SHOWN])}{more}",
        "Leave these characters out of the text, or write them in another way.",
    )


def _named(character: str) -> str:
    name = unicodedata.name(character, "unnamed")
    shown = f"{character} " if character.isprintable() else ""
    return f"{shown}(U+{ord(character):04X} {name})"
