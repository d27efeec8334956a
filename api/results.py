"""What came of an experiment, arm by arm, each number with how sure it is."""

from collections.abc import Callable, Mapping, Sequence

from pydantic import Field

from ai_adapter import intervals
from ai_adapter.distance import distance
from ai_adapter.intervals import Interval
from api.shapes import Shown


class Outcome(Shown):
    """One copy of an arm: was it accepted, published, and did a lead come of it?"""

    arm: str
    variants: list[str] = Field(default=[])
    variant: int = 0
    text: str = ""
    accepted: bool = False
    shown: bool = False
    led: bool = False


class Sure(Shown):
    """`low` and `high` hold 95 %; null where `n` is too small to say."""

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


class ArmResult(Shown):
    """`accepted` of all copies, `distance` (0..1) of the accepted ones, `leads` of the
    published ones; the three `…Apart` are this arm minus the first one.
    """

    arm: str
    subjects: int
    accepted: Sure
    distance: Sure
    leads: Sure
    accepted_apart: Sure | None = None
    distance_apart: Sure | None = None
    leads_apart: Sure | None = None


def results(
    arms: Sequence[str], subjects: Mapping[str, int], found: Sequence[Outcome]
) -> list[ArmResult]:
    """The first arm is the one the others are held against."""
    copies = {arm: [each for each in found if each.arm == arm] for arm in arms}
    first, *others = arms
    return [
        _result(first, subjects, copies[first]),
        *(
            _result(arm, subjects, copies[arm]).model_copy(
                update=_apart(copies[first], copies[arm])
            )
            for arm in others
        ),
    ]


def _result(
    arm: str, subjects: Mapping[str, int], copies: Sequence[Outcome]
) -> ArmResult:
    return ArmResult(
        arm=arm,
        subjects=subjects.get(arm, 0),
        accepted=_sure(_accepted(copies)),
        distance=_sure(intervals.mean(_distances(copies))),
        leads=_sure(_leads(copies)),
    )


def _apart(first: Sequence[Outcome], other: Sequence[Outcome]) -> dict[str, Sure]:
    rates: dict[str, Callable[[Sequence[Outcome]], Interval]] = {
        "accepted_apart": _accepted,
        "leads_apart": _leads,
    }
    apart = {
        name: intervals.rates_apart(of(first), of(other)) for name, of in rates.items()
    }
    apart["distance_apart"] = intervals.means_apart(
        _distances(first), _distances(other)
    )
    return {name: _sure(each) for name, each in apart.items()}


def _accepted(copies: Sequence[Outcome]) -> Interval:
    return intervals.rate(sum(each.accepted for each in copies), len(copies))


def _leads(copies: Sequence[Outcome]) -> Interval:
    shown = [each for each in copies if each.shown]
    return intervals.rate(sum(each.led for each in shown), len(shown))


def _distances(copies: Sequence[Outcome]) -> list[float]:
    """How much people changed of what they accepted."""
    return [
        distance(each.variants[each.variant], each.text)
        for each in copies
        if each.accepted and 0 <= each.variant < len(each.variants)
    ]


def _sure(found: Interval) -> Sure:
    return Sure(n=found.n, value=found.value, low=found.low, high=found.high)
