"""Word lists: which words a text holds that a law or a platform objects to."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from ai_adapter.finder import Finder, Hit
from ai_adapter.guard.readings import plain

Severity: TypeAlias = Literal["flag", "block"]
FOLDER = Path(__file__).parent / "lists"
OWN = "own"


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """Words of one category that are objected to alike."""

    category: str
    severity: Severity
    words: tuple[str, ...]


class WordList(Struct, frozen=True, forbid_unknown_fields=True):
    """One file. Without platforms it holds everywhere.

    `harmless` are longer words a listed one may stand in. `source` says where it is
    written, and how sure we are that the words are those of the law or the platform.
    """

    name: str
    version: str
    title: str
    source: str
    terms: tuple[Words, ...]
    platforms: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"


class OwnWords(Struct, frozen=True):
    """A tenant's own: forbidden ones block, allowed ones are objected to no more."""

    forbidden: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()


class Objection(Struct, frozen=True):
    """A word that was found; `source` is `list@version`, or `own`."""

    word: str
    category: str
    severity: Severity
    source: str


@cache
def lists() -> tuple[WordList, ...]:
    """All lists that come along, by name."""
    return tuple(
        msgspec.json.decode(path.read_bytes(), type=WordList)
        for path in sorted(FOLDER.glob("*.json"))
    )


def versions(platform: str) -> tuple[str, ...]:
    """The lists that hold for a platform, as an event names them."""
    return tuple(each.label for each in _holding(platform))


def objections(
    text: str, platform: str = "", own: OwnWords | None = None
) -> tuple[Objection, ...]:
    """Each word once, what blocks first; time in proportion to the text."""
    own = own or OwnWords()
    searched = plain(text)
    found = {each.word: each for each in _listed(searched, platform)}
    found |= {each.word: each for each in _forbidden(searched, own)}
    allowed = {plain(word) for word in own.allowed}
    kept = (each for word, each in found.items() if word not in allowed)
    return tuple(sorted(kept, key=lambda each: (each.severity, each.word)))


def _listed(searched: str, platform: str) -> Iterator[Objection]:
    book = _book(platform)
    hits = list(book.finder.hits(searched))
    safe = _Covered([hit for hit in hits if hit.term in book.harmless])
    for hit in hits:
        known = book.objections.get(hit.term)
        if known is not None and not safe.cover(hit):
            yield known
    yield from _spread(searched, book)


def _spread(searched: str, book: "_Book") -> Iterator[Objection]:
    """Words taken apart by signs; two characters could meet by chance."""
    closed = "".join(c for c in searched if c.isalnum())
    if closed == searched or any(each in closed for each in book.harmless):
        return
    for hit in book.finder.hits(closed):
        if len(hit.term) > 2 and not hit.term.isascii() and hit.term in book.objections:
            yield book.objections[hit.term]


class _Covered:
    """Whether a hit lies inside one of others; asked in logarithmic time."""

    def __init__(self, others: Iterable[Hit]) -> None:
        ordered = sorted(others, key=lambda hit: hit.start)
        self._starts = [hit.start for hit in ordered]
        self._ends = list(accumulate((hit.end for hit in ordered), max))

    def cover(self, hit: Hit) -> bool:
        before = bisect_right(self._starts, hit.start)
        return before > 0 and hit.end <= self._ends[before - 1]


def _forbidden(searched: str, own: OwnWords) -> Iterator[Objection]:
    words = {plain(word) for word in own.forbidden} - {""}
    for hit in Finder(words).hits(searched) if words else ():
        yield Objection(hit.term, "own", "block", OWN)


class _Book(Struct, frozen=True):
    finder: Finder
    objections: dict[str, Objection]
    harmless: frozenset[str]


def _holding(platform: str) -> Iterator[WordList]:
    return (
        each for each in lists() if not each.platforms or platform in each.platforms
    )


@cache
def _book(platform: str) -> _Book:
    found: dict[str, Objection] = {}
    harmless: set[str] = set()
    for each in _holding(platform):
        harmless |= {plain(word) for word in each.harmless}
        for objection in _objections(each):
            found.setdefault(objection.word, objection)
    return _Book(Finder([*found, *harmless]), found, frozenset(harmless))


def _objections(words: WordList) -> Iterable[Objection]:
    return (
        Objection(plain(word), term.category, term.severity, words.label)
        for term in sorted(words.terms, key=lambda each: each.severity)
        for word in term.words
    )
