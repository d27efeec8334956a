"""BERT's way to cut a text into pieces of its vocabulary. Pure.

Lower case, no accents, one piece per Chinese character; words that are not in the
vocabulary become the longest pieces that are (Wu et al. 2016, as BERT has it).
"""

import unicodedata
from collections.abc import Iterator, Mapping

UNKNOWN, BEGIN, END = "[UNK]", "[CLS]", "[SEP]"
_LONGEST_WORD = 100
_CJK = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


def pieces(text: str, vocabulary: Mapping[str, int], most: int) -> list[int]:
    """Numbers of the pieces with both marks; at most `most` of them."""
    found: list[int] = []
    for word in _words(text):
        found += _cut(word, vocabulary)
        if len(found) >= most - 2:
            break
    return [vocabulary[BEGIN], *found[: most - 2], vocabulary[END]]


def _words(text: str) -> Iterator[str]:
    """Between blanks, and every sign and every Chinese character by itself."""
    word = ""
    for char in _plain(text):
        alone = _alone(char)
        if not alone and not char.isspace():
            word += char
            continue
        if word:
            yield word
        word = ""
        if alone:
            yield char
    if word:
        yield word


def _plain(text: str) -> str:
    """Without what cannot be seen; accents gone, small letters."""
    seen = "".join(
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    apart = unicodedata.normalize("NFD", seen.lower())
    return "".join(char for char in apart if unicodedata.category(char) != "Mn")


def _alone(char: str) -> bool:
    number = ord(char)
    if number < 128:
        return not char.isalnum() and not char.isspace()
    cjk = any(low <= number <= high for low, high in _CJK)
    return cjk or unicodedata.category(char)[0] == "P"


def _cut(word: str, vocabulary: Mapping[str, int]) -> list[int]:
    if len(word) > _LONGEST_WORD:
        return [vocabulary[UNKNOWN]]
    found: list[int] = []
    start = 0
    while start < len(word):
        end = _longest(word, start, vocabulary)
        if end == start:
            return [vocabulary[UNKNOWN]]
        found.append(vocabulary[_piece(word, start, end)])
        start = end
    return found


def _longest(word: str, start: int, vocabulary: Mapping[str, int]) -> int:
    """Where the longest known piece ends; `start` where there is none."""
    for end in range(len(word), start, -1):
        if _piece(word, start, end) in vocabulary:
            return end
    return start


def _piece(word: str, start: int, end: int) -> str:
    return word[start:end] if start == 0 else f"##{word[start:end]}"
