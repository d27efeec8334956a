"""Words with times: cut out of a text, given times, and written in lines."""

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Protocol

from msgspec import Struct

from media_agents.subtitles.rules import UNWRITTEN, Language, length

# Punctuation that belongs to the word in front of it, and to the one after it.
_AFTER = re.compile(r"^[^\w\s（《〈「『【〔“‘(\[{￥$#@]+$")
_OPENING = "（《〈「『【〔“‘([{"
# Of a sentence's own end: a dot inside 3.5 or example.com is none.
ENDS = re.compile(r"[.!?…。！？；;]+['\"”’）)】」』]*$")
PAUSES = re.compile(r"[,:，、：—–-]['\"”’）)】」』]*$")
# A line may end before these.
_SMALL = """
and or but so because which that who when while if for to of in on at by with from
und oder aber weil dass der die das et ou mais que qui pour avec y o pero porque
和 或 但 但是 而 而且 因为 所以 如果 在 从 对 把 被 与 以及 并且 虽然 不过
"""
BEFORE = frozenset(_SMALL.split())


class Word(Struct, frozen=True):
    """`space` = a blank stands before it, as between words of most languages."""

    text: str
    start_ms: int
    end_ms: int
    space: bool = True


class Cutter(Protocol):
    """What we use of jieba's tokenizer."""

    def cut(self, sentence: str) -> Iterator[str]: ...


@cache
def _jieba() -> Cutter:
    """Loading the dictionary takes a second, once in a process.

    Not by `initialize`, which would trust a cache file of anybody's in /tmp.
    """
    with warnings.catch_warnings():
        # Its own source has escapes that Python will refuse one day.
        warnings.simplefilter("ignore")
        from jieba import Tokenizer  # type: ignore[import-untyped]  # it has no types

    made = Tokenizer()
    made.FREQ, made.total = made.gen_pfdict(made.get_dict_file())
    made.initialized = True
    cutter: Cutter = made
    return cutter


def pieces(text: str, language: Language) -> list[tuple[str, bool]]:
    """The words of a text with their marks, each beside "a blank is before it"."""
    found: list[tuple[str, bool]] = []
    for chunk in text.split():
        parts = _joined_marks(_jieba().cut(chunk)) if language.wide else [chunk]
        for place, part in enumerate(parts):
            found.append((part, place == 0))
    return found


def _joined_marks(parts: Iterable[str]) -> list[str]:
    """No line may begin with a closing mark nor end with an opening one."""
    found: list[str] = []
    for part in parts:
        opened = found and found[-1][-1] in _OPENING
        if found and (opened or _AFTER.match(part)):
            found[-1] += part
        else:
            found.append(part)
    return found


def weight(text: str) -> float:
    """About how long it takes to say; marks are said by silence, counted elsewhere."""
    return sum(_weight(each) for each in text) or 0.5


def _weight(letter: str) -> float:
    if not letter.isalnum():
        return 0.0
    # A Chinese character is a syllable; of a Latin word about three letters are.
    return 1.0 if letter >= "\u2e80" else 1.0 if letter.isdigit() else 0.36


def spread(text: str, start_ms: int, end_ms: int, language: Language) -> list[Word]:
    """The words of a text that is said evenly between two moments."""
    found = pieces(text, language)
    total = sum(weight(part) for part, _ in found)
    words: list[Word] = []
    done = 0.0
    for part, space in found:
        begin = start_ms + round((end_ms - start_ms) * done / total)
        done += weight(part)
        end = start_ms + round((end_ms - start_ms) * done / total)
        words.append(Word(part, begin, end, space))
    return words


def ordered(words: Sequence[Word]) -> list[Word]:
    """As heard, but no word begins before the one before it has ended."""
    found: list[Word] = []
    at = 0
    for word in words:
        start = max(word.start_ms, at)
        at = max(word.end_ms, start)
        found.append(Word(word.text, start, at, word.space))
    return found


def joined(words: Sequence[Word]) -> str:
    return "".join(f" {w.text}" if w.space else w.text for w in words).strip()


def lined(words: Sequence[Word], language: Language) -> tuple[str, ...]:
    """In one line, or in two of about the same length."""
    whole = tidy(joined(words), language)
    if length(whole, language) <= language.line or len(words) < 2:
        return (whole,)
    cut = best_cut(words, language)
    halves = (joined(words[:cut]), joined(words[cut:]))
    return tuple(tidy(half, language) for half in halves)


def tidy(line: str, language: Language) -> str:
    kept = line.strip()
    return (kept.rstrip(UNWRITTEN + " ") or kept) if language.wide else kept


def best_cut(words: Sequence[Word], language: Language) -> int:
    """Near the middle, rather after a pause or before a small word.

    Two sides that fit into a line each come before anything else.
    """
    lengths = [length(word.text, language) + word.space for word in words]
    total = sum(lengths) or 1.0
    costs: list[tuple[float, int]] = []
    left = 0.0
    for cut in range(1, len(words)):
        left += lengths[cut - 1]
        widest = max(left, total - left) - 1
        outside = 10.0 if widest > language.line and total <= 2 * language.line else 0.0
        costs.append((abs(left / total - 0.5) - _worth(words, cut) + outside, cut))
    return min(costs)[1]


def _worth(words: Sequence[Word], cut: int) -> float:
    before, after = words[cut - 1], words[cut]
    if ENDS.search(before.text):
        return 0.35
    if PAUSES.search(before.text):
        return 0.3
    if after.text.lower() in BEFORE:
        return 0.15
    return min((after.start_ms - before.end_ms) / 1000, 1) * 0.2
