"""What the oracle says of facts that are missing, doubled, or merged by the server."""

from projections.analytics.project import EVENTS
from tests.faults.oracle import Verdict, compare
from tests.faults.stores import Cells


def fact(event_id: str, offset: int) -> Cells:
    return {"tenant": "t", "event_id": event_id, "_off": offset}


def told(wanted: list[Cells], found: list[Cells]) -> Verdict:
    verdict = Verdict()
    compare(EVENTS, wanted, found, verdict)
    return verdict


def test_one_row_is_kept_of_a_fact_that_the_log_repeats() -> None:
    wanted = [fact("a", 1), fact("a", 2), fact("b", 3)]

    assert told(wanted, wanted).good
    assert told(wanted, wanted[1:]).good


def test_a_fact_without_any_row_is_lost_repeated_or_not() -> None:
    wanted = [fact("a", 1), fact("a", 2), fact("b", 3)]

    assert len(told(wanted, wanted[2:]).lost) == 2
    assert len(told(wanted, wanted[:2]).lost) == 1


def test_a_row_that_is_there_twice_is_doubled_also_of_a_repeated_fact() -> None:
    wanted = [fact("a", 1), fact("a", 2)]

    assert told(wanted, [*wanted, fact("a", 2)]).doubled
    assert told(wanted, [fact("a", 2), fact("a", 2)]).doubled
    assert told(wanted, [fact("a", 1), fact("a", 9)]).divergent
