"""What makes a subtitle readable, by language, and what is wrong with one that is not.

Numbers follow the timed-text style guides of Netflix (general, English, Simplified
Chinese; others as listed by sublingo.cc): 5/6 s to 7 s, two frames apart, two lines.
Lines of upright video are practice of short-video apps; nobody publishes a rule.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

SHORTEST_MS = 834
LONGEST_MS = 7_000
# Two frames of the slowest usual rate, 24 a second.
GAP_MS = 84
LINES = 2
# Not written at the end of a line of Chinese.
UNWRITTEN = "，。、；"

MOST_CUES = 5_000
MOST_CHARACTERS = 200_000
MOST_IN_CUE = 500
# What ASS can spell: 9:59:59.99.
LATEST_MS = 35_999_990


class Cue(Struct, frozen=True):
    """Words on the screen, in lines; times from the first frame."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]

    @property
    def lasts(self) -> int:
        return self.end_ms - self.start_ms


class Language(Struct, frozen=True):
    """`line` and `speed` (a second) count characters: of Chinese, full-width ones.

    `upright` is the line of a picture that is higher than wide.
    """

    line: int
    speed: float
    wide: bool = False
    upright: int = 24


ENGLISH = Language(line=42, speed=20)
LANGUAGES = {
    "zh": Language(line=16, speed=9, wide=True, upright=12),
    "ja": Language(line=13, speed=4, wide=True, upright=11),
    "ko": Language(line=16, speed=12, wide=True, upright=12),
    "en": ENGLISH,
    "de": Language(line=42, speed=17),
    "fr": Language(line=42, speed=17),
    "es": Language(line=42, speed=17),
    "pt": Language(line=42, speed=17),
    "it": Language(line=42, speed=17),
    "ru": Language(line=39, speed=17),
}


class Fault(Struct, frozen=True):
    """`cue` counts from 0; `rule` is a word for programs, `found` beside its bound."""

    cue: int
    rule: str
    found: float
    bound: float

    @property
    def detail(self) -> str:
        return f"Cue {self.cue + 1} {_TOLD[self.rule][0]}".format(
            found=f"{self.found:g}", bound=f"{self.bound:g}"
        )

    @property
    def remedy(self) -> str:
        return _TOLD[self.rule][1]


_TOLD = {
    "empty": ("has no words.", "Write some, or leave the cue out."),
    "early": ("begins at {found} ms.", "Begin at 0 or later."),
    "late": ("ends at {found} ms.", "End at {bound} ms at the latest."),
    "backwards": ("lasts {found} ms.", "Let it end after it begins."),
    "overlap": (
        "begins {found} ms before the one before it ends.",
        "Let a cue begin when the one before it has ended.",
    ),
    "too_much": (
        "has {found} characters, of {bound} that one may have.",
        "Make several cues of it.",
    ),
    "short": (
        "stays for {found} ms, at least {bound} are needed.",
        "Let it stay longer, or join it with the next one.",
    ),
    "long": ("stays for {found} ms, {bound} at most.", "Make two cues of it."),
    "lines": ("has {found} lines, {bound} at most.", "Make two cues of it."),
    "width": (
        "has a line of {found} characters, {bound} at most.",
        "Break the line, or make two cues of it.",
    ),
    "speed": (
        "asks for {found} characters a second, {bound} can be read.",
        "Let it stay longer, or say it in fewer words.",
    ),
    "gap": (
        "begins {found} ms after the one before it, at least {bound} are needed.",
        "Let the cue before it end earlier.",
    ),
    "ending": (
        "has a line that ends with a comma or full stop, which is not written.",
        "Leave the mark out.",
    ),
}


def rules_for(tag: str, *, upright: bool = False) -> Language:
    """By the first part of a tag such as zh-Hans-CN; English rules for others."""
    found = LANGUAGES.get(primary(tag), ENGLISH)
    return replace(found, line=found.upright) if upright else found


def primary(tag: str) -> str:
    return tag.replace("_", "-").partition("-")[0].lower()


def tag_of(text: str) -> str:
    """A tag as BCP 47 writes it: zh-Hans-CN."""
    first, *rest = text.replace("_", "-").split("-")
    return "-".join((first.lower(), *(_subtag(part) for part in rest)))


def _subtag(part: str) -> str:
    if len(part) == 4 and part.isalpha():
        return part.title()
    return part.upper() if len(part) == 2 else part.lower()


def length(text: str, language: Language) -> float:
    """Characters as the eye counts them: in Chinese a Latin letter is half of one."""
    if not language.wide:
        return float(len(text))
    wide = sum(unicodedata.east_asian_width(each) in "WFA" for each in text)
    return wide + (len(text) - wide) / 2


def speed(cue: Cue, language: Language) -> float:
    return length("".join(cue.lines), language) / (max(cue.lasts, 1) / 1000)


def broken(cues: Sequence[Cue]) -> Iterator[Fault]:
    """What no player could show as it is written; such cues are not kept."""
    for place, cue in enumerate(cues):
        yield from _broken(place, cue)
    for place, (before, after) in enumerate(pairwise(cues), 1):
        if after.start_ms < before.end_ms:
            yield Fault(place, "overlap", before.end_ms - after.start_ms, 0)


def _broken(place: int, cue: Cue) -> Iterator[Fault]:
    written = sum(len(line) for line in cue.lines)
    if not any(line.strip() for line in cue.lines):
        yield Fault(place, "empty", 0, 1)
    if cue.start_ms < 0:
        yield Fault(place, "early", cue.start_ms, 0)
    if cue.end_ms > LATEST_MS:
        yield Fault(place, "late", cue.end_ms, LATEST_MS)
    if cue.lasts <= 0:
        yield Fault(place, "backwards", cue.lasts, 1)
    if written > MOST_IN_CUE:
        yield Fault(place, "too_much", written, MOST_IN_CUE)


def faults(cues: Sequence[Cue], language: Language) -> Iterator[Fault]:
    """What is hard to read; such cues are kept, and told of one by one."""
    for place, cue in enumerate(cues):
        yield from _alone(place, cue, language)
    for place, (before, after) in enumerate(pairwise(cues), 1):
        gap = after.start_ms - before.end_ms
        if gap < GAP_MS:
            yield Fault(place, "gap", gap, GAP_MS)


def _alone(place: int, cue: Cue, language: Language) -> Iterator[Fault]:
    widest = max((length(line, language) for line in cue.lines), default=0)
    fast = speed(cue, language)
    if cue.lasts < SHORTEST_MS:
        yield Fault(place, "short", cue.lasts, SHORTEST_MS)
    if cue.lasts > LONGEST_MS:
        yield Fault(place, "long", cue.lasts, LONGEST_MS)
    if len(cue.lines) > LINES:
        yield Fault(place, "lines", len(cue.lines), LINES)
    if widest > language.line:
        yield Fault(place, "width", widest, language.line)
    if fast > language.speed:
        yield Fault(place, "speed", round(fast, 1), language.speed)
    if language.wide and any(map(_ends_unwritten, cue.lines)):
        yield Fault(place, "ending", 1, 0)


def _ends_unwritten(line: str) -> bool:
    """A line of marks alone has nothing else to show."""
    return line.endswith(tuple(UNWRITTEN)) and bool(line.strip(UNWRITTEN + " "))
