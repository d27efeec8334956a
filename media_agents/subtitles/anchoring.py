"""Units of a known script onto sound, by its silences alone; any language. Pure.

Speech comes in runs between silences. A sentence takes one run or several, or some
sentences share some runs, so that each gets about as much speech as it has words; the
cheapest such division is found by going through both in order once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf
from typing import TypeAlias

from msgspec import Struct

# A pause of a second where a unit ends makes up for being off by its whole length.
WORTH_OF_SILENCE = 1.2
# Two units without a pause between them: possible, but rather not.
PRICE_OF_SHARING = 0.6
SHARED = 3
# Runs that one group may take; more where runs are many.
TAKEN = 10
# Units for each run, at most: of more, neighbours are taken together.
UNITS_A_RUN = 4
# How far, in seconds of speech, the division may be off the even one.
BAND_S = 20.0

# So many units, so many runs.
Node: TypeAlias = tuple[int, int]


class Run(Struct, frozen=True):
    """Speech without a pause, or where something is said; in seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


class Group(Struct, frozen=True):
    """Units `first` to before `last` are said in these runs."""

    first: int
    last: int
    runs: tuple[Run, ...]

    @property
    def span(self) -> Run:
        return Run(self.runs[0].start, self.runs[-1].end)


def runs_between(
    silences: Sequence[tuple[float, float]], seconds: float, least: float = 0.05
) -> list[Run]:
    """What is left of the whole; a click between two silences is no speech."""
    found: list[Run] = []
    at = 0.0
    for start, end in [*silences, (seconds, seconds)]:
        if start - at >= least:
            found.append(Run(at, start))
        at = max(at, end)
    return found


def grouped(weights: Sequence[float], runs: Sequence[Run]) -> list[Group]:
    """All units in order, all runs in order; `weights`: how long each takes to say."""
    whole = Group(0, len(weights), tuple(runs))
    if len(weights) == 1 or len(runs) == 1:
        return [whole]
    if len(weights) > UNITS_A_RUN * len(runs):
        return _together(weights, runs)
    nodes = _Division(weights, runs).nodes() or [(0, 0), (len(weights), len(runs))]
    return [
        Group(before[0], after[0], tuple(runs[before[1] : after[1]]))
        for before, after in pairwise(nodes)
    ]


def _together(weights: Sequence[float], runs: Sequence[Run]) -> list[Group]:
    """Of thousands of tiny units, so many to one that each run has some."""
    size = -(-len(weights) // (UNITS_A_RUN * len(runs)))
    starts = [*range(0, len(weights), size), len(weights)]
    whole = [sum(weights[a:b]) for a, b in pairwise(starts)]
    return [
        Group(starts[each.first], starts[each.last], each.runs)
        for each in grouped(whole, runs)
    ]


class _Division:
    """The cheapest way from no units and no runs to all of both."""

    def __init__(self, weights: Sequence[float], runs: Sequence[Run]) -> None:
        self._runs = runs
        self._said = sums(weights)
        self._spoken = sums([run.seconds for run in runs])
        self._pace = self._spoken[-1] / (self._said[-1] or 1.0)
        self._end: Node = (len(weights), len(runs))
        self._shared = max(SHARED, 2 * -(-len(weights) // len(runs)))
        self._taken = max(TAKEN, 2 * -(-len(runs) // len(weights)))
        self._best: dict[Node, float] = {(0, 0): 0.0}
        self._came: dict[Node, Node] = {}

    def nodes(self) -> list[Node]:
        """Empty where no way keeps near the even division."""
        for unit in range(self._end[0]):
            even = self._said[unit] * self._pace
            first = bisect_left(self._spoken, even - BAND_S)
            last = bisect_right(self._spoken, even + BAND_S)
            for run in range(first, min(last, self._end[1])):
                self._leave((unit, run))
        found = [self._end]
        while found[-1] in self._came:
            found.append(self._came[found[-1]])
        return found[::-1] if found[-1] == (0, 0) else []

    def _leave(self, node: Node) -> None:
        so_far = self._best.get(node, inf)
        if so_far == inf:
            return
        for other in self._onward(node):
            cost = so_far + self._cost(node, other)
            if cost < self._best.get(other, inf):
                self._best[other] = cost
                self._came[other] = node

    def _onward(self, node: Node) -> Iterator[Node]:
        units = min(node[0] + self._shared, self._end[0])
        runs = min(node[1] + self._taken, self._end[1])
        for unit in range(node[0] + 1, units + 1):
            for run in range(node[1] + 1, runs + 1):
                yield unit, run

    def _cost(self, node: Node, other: Node) -> float:
        """Long ones may vary less, for their length, than short ones."""
        wanted = (self._said[other[0]] - self._said[node[0]]) * self._pace
        got = self._spoken[other[1]] - self._spoken[node[1]]
        off = (got - wanted) / (0.5 + 0.25 * wanted)
        sharing = PRICE_OF_SHARING * (other[0] - node[0] - 1)
        return off * off + sharing - WORTH_OF_SILENCE * self._pause(other[1])

    def _pause(self, run: int) -> float:
        if run >= len(self._runs):
            return 0.0
        return min(1.0, self._runs[run].start - self._runs[run - 1].end)


def sums(values: Sequence[float]) -> list[float]:
    """0, the first, the first two, …"""
    found = [0.0]
    for value in values:
        found.append(found[-1] + value)
    return found


def moment(runs: Sequence[Run], spoken: float, *, after: bool = False) -> float:
    """When so many seconds of speech were heard; `after` a pause that falls there."""
    left = spoken
    for run in runs[:-1]:
        if left < run.seconds - 1e-6 or (not after and left <= run.seconds + 1e-6):
            return min(run.start + left, run.end)
        left = max(0.0, left - run.seconds)
    return min(runs[-1].start + left, runs[-1].end)
