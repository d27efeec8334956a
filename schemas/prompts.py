"""A prompt as it lies on the log: constant words, and slots with a kind and a limit."""

from typing import Literal, TypeAlias

from msgspec import Struct

Kind: TypeAlias = Literal["word", "choice", "number", "line", "text"]
Label: TypeAlias = Literal["draft", "live"]
LAYOUT = "{{facts}}\n\nMaterial:\n{{material}}"


class Variable(Struct, frozen=True, kw_only=True):
    """One slot `{{name}}`.

    `most` counts the characters of a word, a line and a text; a number lies between
    `least` and `most`; None = what its kind allows. A choice is one of `choices`. One
    that is not required and not given has its `default`, which may be empty.
    """

    name: str
    kind: Kind = "line"
    required: bool = True
    least: int = 0
    most: int | None = None
    choices: tuple[str, ...] = ()
    default: str = ""


class PromptText(Struct, frozen=True, kw_only=True):
    """One version, never changed. `variants`: how many answers it asks for."""

    system: str
    layout: str = LAYOUT
    variables: tuple[Variable, ...] = ()
    variants: int = 1
