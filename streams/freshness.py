"""Whether rows may be acted upon: they passed the log's end of a moment ago."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

Ends: TypeAlias = Mapping[tuple[str, int], int]

STALE_S = 5.0


class Freshness:
    """Nothing may be acted upon until the end seen at start has been passed.

    From then on a new end is taken whenever the last was passed; one that is not
    passed within five seconds means that the rows are stale.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._bar: Ends | None = None
        self._since = 0.0
        self._passed = False
        self._begun = False

    def due(self) -> bool:
        """Whether it is time to ask the broker for its ends again."""
        return self._bar is None or (self._passed and self._age() >= STALE_S)

    def raise_bar(self, ends: Ends) -> None:
        self._bar, self._since, self._passed = ends, self._seconds(), False

    def may_act(self, positions: Ends) -> bool:
        bar = self._bar
        if bar is None:
            return False
        if all(positions.get(place, 0) >= end for place, end in bar.items()):
            self._passed = self._begun = True
        return self._passed or (self._begun and self._age() < STALE_S)

    def _age(self) -> float:
        return self._seconds() - self._since
