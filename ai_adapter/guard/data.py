"""The detector's data files, read once: groups of terms, rules, folds, thresholds."""

import json
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

_FOLDER = Path(__file__).parent


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """Holds where one term of each group stands within `within` characters.

    `weight` is how sure the rule alone makes us, 0 to 1; a negative weight is how much
    the rule takes away.
    """

    id: str
    weight: float
    groups: tuple[str, ...]
    within: int = 40


class Patterns(Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    groups: Mapping[str, tuple[str, ...]]
    rules: tuple[Rule, ...]


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """From `mark` on a text is marked, from `block` on it is refused."""

    mark: float
    block: float


def patterns() -> Patterns:
    text = (_FOLDER / "patterns.json").read_bytes()
    return msgspec.json.decode(text, type=Patterns)


def thresholds() -> Mapping[str, Limits]:
    """By scene; the scene `*` is for all that have none of their own."""
    text = (_FOLDER / "thresholds.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, Limits])


def _folds() -> dict[int, str]:
    text = (_FOLDER / "folds.json").read_text("utf-8")
    pairs: dict[str, str] = json.loads(text)
    return {ord(look): like for look, like in pairs.items()}


FOLDS = _folds()
