"""Words as part of the picture: our own ASS, a font that has every character of it."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from media_agents.fonts import Font, font_for
from media_agents.subtitles.files import hidden_lines, shown
from media_agents.subtitles.rules import Cue

SCRIPT = "burn.ass"
FONTS = "fonts"
# Shares of the picture's height, or of the width of an upright one.
SIZE, UPRIGHT_SIZE = 0.055, 0.065
# A film's copyright note lies below; apps cover the lowest fifth of an upright picture.
MARGIN, UPRIGHT_MARGIN = 0.09, 0.2
OUTLINE = 1 / 14


def prepare(cues: Sequence[Cue], size: tuple[int, int], folder: Path) -> str:
    """Writes script and font into the folder; the script, which names the picture.

    Raises MediaRefused("font_missing") that names what no font of ours can draw.
    """
    font = font_for("".join(line for cue in cues for line in cue.lines))
    text = script(cues, size, font)
    (folder / SCRIPT).write_text(text, "utf-8")
    (folder / FONTS).mkdir(exist_ok=True)
    shutil.copyfile(font.path, folder / FONTS / font.path.name)
    return text


def script(cues: Sequence[Cue], size: tuple[int, int], font: Font) -> str:
    import pysubs2

    width, height = size
    upright = height > width
    letters = width * UPRIGHT_SIZE if upright else height * SIZE
    margin = height * (UPRIGHT_MARGIN if upright else MARGIN)
    made = pysubs2.SSAFile()
    made.info |= {"PlayResX": str(width), "PlayResY": str(height), "WrapStyle": "0"}
    made.styles["Default"] = pysubs2.SSAStyle(
        fontname=font.family,
        fontsize=round(letters, 1),
        bold=font.bold,
        outline=round(letters * OUTLINE, 1),
        shadow=0,
        marginl=round(width * 0.05),
        marginr=round(width * 0.05),
        marginv=round(margin),
    )
    made.events = [
        pysubs2.SSAEvent(cue.start_ms, cue.end_ms, hidden_lines(cue)) for cue in cues
    ]
    return shown(made.to_string("ass", header_notice=""), "ass")


def step(folder: Path) -> str:
    """The filter that draws what `prepare` left in the folder."""
    name, fonts = quoted(folder / SCRIPT), quoted(folder / FONTS)
    return f"ass=filename={name}:fontsdir={fonts}"


def quoted(path: Path) -> str:
    """For a value inside a filter graph: one escape for the filter, one for the graph.

    The path is ours, but the folder of an installation may be called anything.
    """
    once = re.sub(r"([\\':])", r"\\\1", str(path))
    return re.sub(r"([\\'\[\],;])", r"\\\1", once)
