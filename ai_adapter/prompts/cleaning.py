"""What a text may hold before it goes to a model, and the markers it stands between."""

import hashlib
import unicodedata
from itertools import chain

# Zero-width and bidirectional controls and tag characters hide text from people.
# U+200D stays: emoji sequences and several scripts need it.
_HIDDEN = frozenset(
    chain(
        (0x200B, 0x200C, 0x200E, 0x200F, 0x2060, 0xFEFF),
        range(0x202A, 0x202F),
        range(0x2066, 0x206A),
        range(0xE0000, 0xE0080),
    ),
)


def clean(text: str) -> str:
    """Drops what cannot be sent or cannot be seen; visible text stays as it was.

    No NFKC here: it would turn Chinese punctuation into ASCII.
    """
    # Nearly every text passes here, and asks for each of its letters are slow.
    if all(line.isprintable() for line in text.split("\n")):
        return text
    return "".join(c for c in sendable(text) if _visible(c))


def sendable(text: str) -> str:
    """Without the halves of characters that UTF-8 has no bytes for."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _visible(char: str) -> bool:
    if char in "\n\t":
        return True
    return ord(char) not in _HIDDEN and unicodedata.category(char) != "Cc"


def fenced(text: str) -> str:
    """Material between markers it cannot contain.

    Derived from the text, so that the same question has the same digest; a text that
    holds its own hash cannot be written.
    """
    marker = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"<<{marker}\n{text}\n{marker}>>"
