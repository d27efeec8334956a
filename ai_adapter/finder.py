"""Many terms found in one pass over a text, whatever their number."""

from collections.abc import Iterable, Iterator

from ahocorasick_rs import AhoCorasick
from msgspec import Struct


class Hit(Struct, frozen=True):
    """Where a term stands: characters from `start` up to, not including, `end`."""

    term: str
    start: int
    end: int


class Finder:
    """Terms are lower case. One that ends in `*` may be the beginning of a word.

    Latin letters and digits are matched as whole words; Chinese has no word ends, so
    a Chinese term is found anywhere. Time grows with the text, not with the terms.
    """

    def __init__(self, terms: Iterable[str]) -> None:
        self._terms = tuple(_Term.of(term) for term in dict.fromkeys(terms))
        texts = (each.text for each in self._terms)
        self._found = AhoCorasick(texts, store_patterns=False)

    def hits(self, text: str, *, inside_words: bool = False) -> Iterator[Hit]:
        """All hits, overlapping ones too, in order of their ends."""
        places = self._found.find_matches_as_indexes(text, overlapping=True)
        for number, start, end in places:
            term = self._terms[number]
            if inside_words or term.whole(text, start, end):
                yield Hit(term.name, start, end)


class _Term(Struct, frozen=True):
    name: str
    text: str
    guards_start: bool
    guards_end: bool

    @classmethod
    def of(cls, name: str) -> "_Term":
        text = name.removesuffix("*")
        return cls(name, text, _latin(text[0]), _latin(text[-1]) and text == name)

    def whole(self, text: str, start: int, end: int) -> bool:
        if self.guards_start and start > 0 and _latin(text[start - 1]):
            return False
        return not (self.guards_end and end < len(text) and _latin(text[end]))


def _latin(char: str) -> bool:
    return char.isascii() and char.isalnum()
