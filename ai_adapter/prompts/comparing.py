"""What changed between two versions of a prompt, line by line; pure."""

import difflib
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from schemas.prompts import PromptText


class Change(Struct, frozen=True):
    """One field that differs; `lines` begin with ' ', '-' or '+'."""

    field: str
    lines: tuple[str, ...]


def changes(before: PromptText, after: PromptText) -> tuple[Change, ...]:
    """Nothing for equal texts."""
    pairs = zip(_fields(before), _fields(after), strict=True)
    return tuple(
        Change(field, _lines(old, new))
        for (field, old), (_, new) in pairs
        if old != new
    )


def _fields(text: PromptText) -> tuple[tuple[str, Sequence[str]], ...]:
    declared = [msgspec.json.encode(each).decode() for each in text.variables]
    return (
        ("system", text.system.splitlines()),
        ("layout", text.layout.splitlines()),
        ("variables", declared),
        ("variants", [str(text.variants)]),
    )


def _lines(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    found = difflib.ndiff(list(old), list(new))
    return tuple(f"{line[0]}{line[2:]}" for line in found if line[0] != "?")
