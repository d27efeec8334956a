"""What a prompt is, and how an ask is put into its user message. Pure."""

import hashlib

import msgspec
from msgspec import Struct

from ai_adapter.base import Ask
from ai_adapter.errors import Refused
from ai_adapter.platforms import style_of
from ai_adapter.prompts.cleaning import clean, fenced
from ai_adapter.prompts.language import Unfillable, filled, rendered
from schemas.prompts import LAYOUT, PromptText, Variable


class Prompt(Struct, frozen=True):
    """Immutable: new words are a new version.

    `layout` has the slots `facts` and `material`, and what `variables` declare;
    everything a person can influence goes through them (see `language`). `owner` is
    empty for what is built in, else `tenant` or the project whose prompt it is.
    """

    name: str
    version: int
    system: str
    layout: str = LAYOUT
    variants: int = 1
    variables: tuple[Variable, ...] = ()
    owner: str = ""

    @property
    def label(self) -> str:
        name = f"{self.owner}:{self.name}" if self.owner else self.name
        return f"{name}@{self.version}"

    @property
    def text(self) -> PromptText:
        return PromptText(
            system=self.system,
            layout=self.layout,
            variables=self.variables,
            variants=self.variants,
        )


def stored(name: str, number: int, text: PromptText, owner: str) -> Prompt:
    """A version that a person wrote; `owner` is `tenant` or a project."""
    return Prompt(
        name=name,
        version=number,
        system=text.system,
        layout=text.layout,
        variants=text.variants,
        variables=text.variables,
        owner=owner,
    )


class Worded(Struct, frozen=True):
    """A prompt with its slots filled; `digest` is what a cache or an audit compares."""

    system: str
    user: str
    label: str
    digest: str


def inputs_of(ask: Ask) -> tuple[str, ...]:
    """The material as cleaned pieces, one or many."""
    pieces = (ask.input,) if isinstance(ask.input, str) else ask.input
    return tuple(clean(piece) for piece in pieces)


def word(prompt: Prompt, ask: Ask, inputs: tuple[str, ...], variants: int) -> Worded:
    """Fills the slots; raises Refused where a variable is missing or too much."""
    values = _values(prompt, ask)
    material = "\n".join(fenced(piece) for piece in inputs)
    system = rendered(prompt.system, values)
    own = {"facts": _facts(ask, variants), "material": material}
    user = rendered(prompt.layout, {**values, **own})
    body = msgspec.json.encode([prompt.label, system, user])
    digest = hashlib.sha256(body).hexdigest()
    return Worded(system, user, prompt.label, digest)


def _values(prompt: Prompt, ask: Ask) -> dict[str, str]:
    try:
        return filled(prompt.variables, ask.variables)
    except Unfillable as wrong:
        raise Refused(wrong.code, wrong.detail) from wrong


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
