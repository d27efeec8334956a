"""How long an encode may take, learned from those that came to an end."""

from collections.abc import Sequence

from msgspec import Struct

START_S = 120.0
FIRST_GUESS_S = 20.0
SLOWEST_S, FASTEST_S = 120.0, 4.0
PATIENCE = 4.0
PER_MEDIA_SECOND = 2.0
FEWEST = 20


class Pace(Struct, frozen=True):
    """Wall seconds per weighted second: the patience of a time limit, no forecast."""

    seconds: float = FIRST_GUESS_S

    def budget(self, media_seconds: float, weighted_seconds: float) -> float:
        work = self.seconds * weighted_seconds
        return START_S + work + PER_MEDIA_SECOND * media_seconds


UNKNOWN_PACE = Pace()


def learned(ratios: Sequence[float]) -> Pace:
    """Of seconds per weighted second: four times what nineteen of twenty needed.

    Fewer than twenty teach nothing; one fast machine does not doom a slow one.
    """
    if len(ratios) < FEWEST:
        return UNKNOWN_PACE
    usual = sorted(ratios)[int(0.95 * (len(ratios) - 1))]
    return Pace(min(SLOWEST_S, max(FASTEST_S, PATIENCE * usual)))
