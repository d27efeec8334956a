"""How much an ask wants of a model, from 0 to 1: a pure, quick look at its text."""

import re

from ai_adapter.base import Ask
from ai_adapter.estimates import said

_LOOKED_AT = 8_000  # beyond this only the length counts
_LONG = 4_000
_MANY = 8
# Counted as they stand: a regular expression over all of them takes ten times as long.
_CONSTRAINTS = (
    *("必须", "不要", "不能", "不得", "不超过", "至少", "只能", "保留", "字以内"),
    *(" must ", " never ", " only ", " without ", " exactly ", " at most "),
    *(" at least ", " no more than "),
)
_STEPS = ("然后", "接着", "最后", "第一步", "第二步", " then ", " next ", " finally ")
_ITEM = re.compile(r"^[ \t]*(?:\d+\s*[.、)）]|[-*•])", re.MULTILINE)
_SCRIPTS = tuple(
    re.compile(pattern)
    for pattern in (
        "[a-z]{3}",
        "[\u4e00-\u9fff]",
        "[\u3040-\u30ff]",
        "[\uac00-\ud7af]",
        "[\u0400-\u04ff]",
        "[\u0600-\u06ff]",
    )
)


def complexity(ask: Ask) -> float:
    """Length, constraints, steps and languages, each up to its share of 1."""
    text = said(ask)
    seen = text[:_LOOKED_AT].lower()
    scripts = sum(script.search(seen) is not None for script in _SCRIPTS)
    steps = len(_ITEM.findall(seen)) + sum(map(seen.count, _STEPS))
    return round(
        0.40 * min(1.0, len(text) / _LONG)
        + 0.25 * _share(sum(map(seen.count, _CONSTRAINTS)) + len(ask.functions))
        + 0.20 * _share(steps)
        + 0.15 * min(1.0, max(0, scripts - 1) / 2),
        3,
    )


def _share(count: int) -> float:
    return min(1.0, count / _MANY)
