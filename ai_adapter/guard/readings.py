"""The ways one text can be read: as it stands, and with each disguise taken off.

Only for looking: what is sent to a model is `prompts.prompt.clean`, which keeps visible
text as it was. Everything here takes time in proportion to the text.
"""

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

from msgspec import Struct

from ai_adapter.guard.data import FOLDS

# Soft hyphens, fillers, zero-width and bidirectional controls, variation selectors and
# the tag block. U+200D and U+FE0F go too: here nobody has to see the emoji.
_INVISIBLE = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u180e\u3164\ufeff\uffa0\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
)
_SUSPECT = re.compile("[\u200b\u200c\u202a-\u202e\u2060-\u206f\U000e0100-\U000e01ef]")
_TAG = re.compile("[\U000e0020-\U000e007e]+")
# Only words with a sign that may stand for a letter, looked at from their beginning.
_WORD = re.compile(r"(?<![a-z0-9@$!|])[a-z]*+[0-9@$!|][a-z0-9@$!|]*")
_LEET = str.maketrans("013457@$!|", "oieastasil")
_ROT13 = str.maketrans("abcdefghijklmnopqrstuvwxyz", "nopqrstuvwxyzabcdefghijklm")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}[ :]?){10,}")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})")
_HAN = "\u3400-\u9fff"
_GAP = re.compile(rf"(?<=[{_HAN}])\s+(?=[{_HAN}])")
_SPELLED = re.compile(
    r"(?<![a-z])(?:[a-z][ .,_*|/~-]){3,}[a-z](?![a-z])"
    rf"|(?:[{_HAN}][^\w\s{_HAN}]){{3,}}[{_HAN}]"
)
_TOO_MANY = 6
"""So many invisible characters are no emoji and no accident of a copied text."""


class Reading(Struct, frozen=True):
    """`disguise` names what was taken off; empty for the text as it stands."""

    disguise: str
    text: str
    inside_words: bool = False


def plain(text: str) -> str:
    """Lower case, one width, no invisible characters, look-alikes folded."""
    return _GAP.sub("", " ".join(_folded(text).split()))


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    one_width = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    return one_width.casefold().translate(FOLDS)


def readings(text: str) -> Iterator[Reading]:
    """The plain reading first; the others only where they differ from it."""
    shown = plain(text)
    yield Reading("", shown)
    seen = {shown}
    for reading in _undone(text, shown):
        if reading.text not in seen:
            seen.add(reading.text)
            yield reading


def hidden(text: str) -> bool:
    """Whether somebody put in what people cannot see: tags, or many controls."""
    if text.isascii():
        return False
    return _tagged(text) != "" or len(_SUSPECT.findall(text)) > _TOO_MANY


def _undone(text: str, shown: str) -> Iterator[Reading]:
    if not text.isascii():
        yield Reading("tags", plain(_tagged(text)))
    # Before white space is made one: a wider gap is where a spelled word ends.
    yield Reading("spelled", plain(_SPELLED.sub(_joined, _folded(text))))
    yield Reading("spelled", _runs(shown), inside_words=True)
    yield Reading("leet", _WORD.sub(_unleet, shown))
    yield Reading("escaped", plain(_unescaped(text)))
    yield Reading("base64", plain(" ".join(_from_base64(text))))
    yield Reading("hex", plain(" ".join(_from_hex(text))))
    yield Reading("rot13", shown.translate(_ROT13))
    yield Reading("reversed", shown[::-1])


def _tagged(text: str) -> str:
    """Letters in the tag block; a flag of a region has at most six of them."""
    found = "".join(_TAG.findall(text))
    shown = "".join(chr(ord(tag) - 0xE0000) for tag in found)
    return shown if len(shown) > _TOO_MANY else ""


def _joined(found: re.Match[str]) -> str:
    return "".join(c for c in found.group() if c.isalnum())


def _runs(shown: str) -> str:
    """Only what was spelled out, where words cannot be told apart any more."""
    return " ".join(_joined(found) for found in _SPELLED.finditer(shown))


def _unleet(found: re.Match[str]) -> str:
    word = found.group()
    mixed = not word.isalpha() and any(c.isalpha() for c in word)
    return word.translate(_LEET) if mixed else word


def _unescaped(text: str) -> str:
    """Percent signs, HTML entities and the escapes of programming languages."""
    undone = html.unescape(unquote(text, errors="replace"))
    return _ESCAPED.sub(lambda found: chr(int(found[1] or found[2], 16)), undone)


def _from_base64(text: str) -> Iterator[str]:
    for found in _BASE64.finditer(text):
        body = found.group().rstrip("=").replace("-", "+").replace("_", "/")
        try:
            raw = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
        except binascii.Error:
            continue
        yield from _legible(raw)


def _from_hex(text: str) -> Iterator[str]:
    for found in _HEX.finditer(text):
        yield from _legible(bytes.fromhex(found.group().replace(":", " ")))


def _legible(raw: bytes) -> Iterator[str]:
    """Text, if that is what it is; pictures and hashes are not."""
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError:
        return
    if decoded.isprintable() or "\n" in decoded:
        yield decoded
