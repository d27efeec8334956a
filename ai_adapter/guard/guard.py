"""The guard as the gateway knows it: a ruling on what goes in and what comes out."""

import re
from collections.abc import Iterable

from ai_adapter.base import ALLOWED, Ask, Verdict
from ai_adapter.guard.canary import canary_of, leaked
from ai_adapter.guard.data import Limits, patterns, thresholds
from ai_adapter.guard.detector import Detector, Finding
from ai_adapter.guard.readings import plain
from ai_adapter.prompts.rules import RULES

_UNHARMED = frozenset({"embed", "moderation", "transcription", "speech", "image"})
"""Tasks whose model follows no text, or is there to judge exactly such texts."""
_RULES = tuple(plain(each) for each in RULES.split(". ")[:2])
_PICTURE = re.compile(r"!\[[^\]\n]{0,80}\]\(\s{0,4}https?://[^\s)]{1,300}[?=&]")


class StandardGuard:
    """Pure and quick: no model, no network, time in proportion to the text."""

    def __init__(self, salt: bytes = b"") -> None:
        self._salt = salt
        self._detector = Detector(patterns())
        self._limits = thresholds()

    def look(self, ask: Ask, texts: Iterable[str]) -> Verdict:
        """The worst of the texts; scene, else task, chooses the thresholds."""
        if ask.task in _UNHARMED:
            return ALLOWED
        found = [self._detector.scan(text) for text in texts]
        if not found:
            return ALLOWED
        worst = max(found, key=lambda finding: finding.score)
        return _ruled(worst, self._limits_of(ask))

    def canary(self, ask: Ask) -> str:
        return canary_of(self._salt, ask.tenant_id, ask.tool or ask.task)

    def output(self, ask: Ask, text: str, canary: str) -> Verdict:
        """Blocks what gives our rules away; marks pictures that carry data off."""
        if ask.task in _UNHARMED:
            return ALLOWED
        if leaked(text, canary):
            return Verdict("block", 1.0, ("output.canary",))
        if any(rule in plain(text) for rule in _RULES):
            return Verdict("block", 1.0, ("output.rules",))
        if _PICTURE.search(text):
            return Verdict("mark", 0.5, ("output.picture",))
        return ALLOWED

    def _limits_of(self, ask: Ask) -> Limits:
        for name in (ask.scene, ask.task):
            if name in self._limits:
                return self._limits[name]
        return self._limits["*"]


def _ruled(finding: Finding, limits: Limits) -> Verdict:
    if finding.score >= limits.block:
        return Verdict("block", round(finding.score, 3), finding.rules)
    if finding.score >= limits.mark:
        return Verdict("mark", round(finding.score, 3), finding.rules)
    return Verdict("allow", round(finding.score, 3), finding.rules)
