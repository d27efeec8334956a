"""What is said of a text, and by whom."""

from typing import Literal, TypeAlias

from msgspec import Struct

Ruling: TypeAlias = Literal["allow", "flag", "block"]


class Flag(Struct, frozen=True):
    """A word, or what it resembles, that somebody objects to.

    `source` is `list@version`, `similar@model`, a provider's model, `guard`, or `own`.
    """

    word: str
    category: str
    severity: Literal["flag", "block"]
    source: str
