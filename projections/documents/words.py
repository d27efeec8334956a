"""Text into words: Chinese by jieba's dictionary, everything else by runs of letters.

Without jieba's guess at unknown words: it depends on what stands around them, so a text
and a question would be cut differently. Unknown ones become single characters in both.
"""

import re
import unicodedata
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

from msgspec import Struct

HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
RUNS = re.compile(rf"([{HAN}]+)|([^\W_{HAN}]+)")
ENTRY = re.compile(r"'([^']*)':\d+")
# Postgres refuses positions beyond this and lexemes of 2 kB.
MOST = 16_383
LONGEST = 64


class Cutter(Protocol):
    """What we use of jieba's tokenizer."""

    def cut(self, sentence: str, *, HMM: bool) -> Iterator[str]: ...  # noqa: N803

    def tokenize(
        self,
        unicode_sentence: str,
        mode: str,
        HMM: bool,  # noqa: N803
    ) -> Iterator[tuple[str, int, int]]: ...


class Word(Struct, frozen=True):
    """`text` is normalised; [start, end) are characters of the text it was found in."""

    text: str
    start: int
    end: int
    han: bool


def words(text: str) -> Iterator[Word]:
    """Every word, of long Chinese ones also the shorter words within."""
    plain, places = _plain(text)
    for run in RUNS.finditer(plain):
        han = run.group(1) is not None
        parts = _cut(run.group()) if han else [(run.group()[:LONGEST], 0, len(run[0]))]
        for word, start, end in parts:
            first, last = run.start() + start, run.start() + end - 1
            yield Word(word, places[first], places[last] + 1, han)


def asked(question: str) -> list[tuple[str, tuple[str, ...], bool]]:
    """The words of a question: each with the shorter words within, and whether Han."""
    plain, _ = _plain(question)
    found: list[tuple[str, tuple[str, ...], bool]] = []
    for run in RUNS.finditer(plain):
        if run.group(1) is None:
            found.append((run.group()[:LONGEST], (), False))
        else:
            found += [(word, _within(word), True) for word in _whole(run.group())]
    return list(dict.fromkeys(found))


def vector(text: str) -> str:
    """The words as a `tsvector` literal. A word never holds a quote or a backslash."""
    found = [word.text for _, word in zip(range(MOST), words(text), strict=False)]
    return " ".join(f"'{word}':{place}" for place, word in enumerate(found, 1))


def entries(vector: str) -> list[str]:
    """The words of a `tsvector` literal that `vector` made, each once."""
    return list(dict.fromkeys(ENTRY.findall(vector)))


def _plain(text: str) -> tuple[str, list[int]]:
    """Without case and width, and where each character came from."""
    plain: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for each in unicodedata.normalize("NFKC", character).casefold():
            plain.append(each)
            places.append(place)
    return "".join(plain), places


def _cut(run: str) -> Iterator[tuple[str, int, int]]:
    yield from _tokenizer().tokenize(run, mode="search", HMM=False)


def _whole(run: str) -> list[str]:
    return list(_tokenizer().cut(run, HMM=False))


def _within(word: str) -> tuple[str, ...]:
    return tuple(each for each, _, _ in _cut(word) if each != word)


@lru_cache(maxsize=1)
def _tokenizer() -> Cutter:
    """Loaded with the first Chinese text: about a second and 100 MB.

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
