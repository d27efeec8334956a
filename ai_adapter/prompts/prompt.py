"""What a prompt is, and how an ask is put into its user message. Pure."""

import hashlib
import unicodedata
from itertools import chain

import msgspec
from msgspec import Struct

from ai_adapter.base import Ask
from ai_adapter.platforms import style_of

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


class Prompt(Struct, frozen=True):
    """Immutable: new words are a new version.

    `system` is constant and has no slots. `layout` has the slots `facts` and
    `material`; everything a person can influence goes through them.
    """

    name: str
    version: int
    system: str
    layout: str = "{facts}\n\nMaterial:\n{material}"
    variants: int = 1

    @property
    def label(self) -> str:
        return f"{self.name}@{self.version}"


class Worded(Struct, frozen=True):
    """A prompt with its slots filled; `digest` is what a cache or an audit compares."""

    system: str
    user: str
    label: str
    digest: str


def clean(text: str) -> str:
    """Drops what cannot be sent or cannot be seen; visible text stays as it was.

    No NFKC here: it would turn Chinese punctuation into ASCII.
    """
    sendable = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(c for c in sendable if _visible(c))


def _visible(char: str) -> bool:
    if char in "\n\t":
        return True
    return ord(char) not in _HIDDEN and unicodedata.category(char) != "Cc"


def inputs_of(ask: Ask) -> tuple[str, ...]:
    """The material as cleaned pieces, one or many."""
    pieces = (ask.input,) if isinstance(ask.input, str) else ask.input
    return tuple(clean(piece) for piece in pieces)


def fenced(text: str) -> str:
    """Material between markers it cannot contain.

    Derived from the text, so that the same question has the same digest; a text that
    holds its own hash cannot be written.
    """
    marker = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"<<{marker}\n{text}\n{marker}>>"


def word(prompt: Prompt, ask: Ask, inputs: tuple[str, ...], variants: int) -> Worded:
    """Fills the user message; the system part is passed through untouched."""
    material = "\n".join(fenced(piece) for piece in inputs)
    user = prompt.layout.format(facts=_facts(ask, variants), material=material)
    body = msgspec.json.encode([prompt.label, prompt.system, user])
    digest = hashlib.sha256(body).hexdigest()
    return Worded(prompt.system, user, prompt.label, digest)


def _facts(ask: Ask, variants: int) -> str:
    style = style_of(ask.platform)
    rows = (
        ("language", _token(ask.lang) or "zh"),
        ("platform", _token(ask.platform) or "any"),
        ("style", style.hint),
        ("title length", f"at most {style.title_max} characters"),
        ("body length", f"at most {style.body_max} characters"),
        (
            "tags",
            f"at most {style.tags_max}, like {style.tag_open}tag{style.tag_close}",
        ),
        ("variants", str(variants)),
    )
    return "\n".join(f"{name}: {value}" for name, value in rows)


def _token(text: str) -> str:
    # These two come from outside as well: one short word, so no sentence gets in.
    return "".join(c for c in text if c.isalnum() or c in "-_")[:32]
