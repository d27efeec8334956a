"""Models: a change of health is told once for each process, an end once a notice."""

import pytest

from schemas.commands.model import NoteEnding, NoteHealth, NoteUnpriced
from schemas.events.model import (
    ModelEndingAnnounced,
    ModelHealthChanged,
    ModelUnpriced,
)
from unit.streams.domain.given import refused, when

OPEN = ModelHealthChanged("deepseek", "flash", "open", "w/1", rate=0.6)
JANUARY = "2027-01-14"


def noted(state: str, seen_by: str = "w/1") -> NoteHealth:
    return NoteHealth("deepseek", "flash", state, seen_by, rate=0.6)


def test_a_change_is_told_and_the_same_state_again_is_not() -> None:
    assert when("model", noted("open")) == OPEN
    assert when("model", noted("open"), OPEN) is None
    assert when("model", noted("closed")) is None
    closed = when("model", noted("closed"), OPEN)
    assert isinstance(closed, ModelHealthChanged)


def test_each_process_has_a_state_of_its_own() -> None:
    other = when("model", noted("open", "w/2"), OPEN)

    assert isinstance(other, ModelHealthChanged)
    assert other.seen_by == "w/2"


def test_an_end_is_told_once_for_each_notice() -> None:
    month = ModelEndingAnnounced("openai", "m", JANUARY, 30)

    assert when("model", NoteEnding("openai", "m", JANUARY, 30)) == month
    assert when("model", NoteEnding("openai", "m", JANUARY, 30), month) is None
    assert when("model", NoteEnding("openai", "m", JANUARY, 90), month) is None
    week = when("model", NoteEnding("openai", "m", JANUARY, 7), month)
    assert week == ModelEndingAnnounced("openai", "m", JANUARY, 7)


def test_an_end_that_was_put_off_is_told_again() -> None:
    month = ModelEndingAnnounced("openai", "m", JANUARY, 7)
    later = NoteEnding("openai", "m", "2027-06-01", 90)

    assert when("model", later, month)


@pytest.mark.parametrize("state", ["", "ajar"])
def test_a_state_nobody_knows_is_refused(state: str) -> None:
    assert refused("model", noted(state)).code == "state_unknown"


def test_a_missing_price_is_told_once_a_day() -> None:
    monday = ModelUnpriced("p", "m", "2026-11-23")

    assert when("model", NoteUnpriced("p", "m", "2026-11-23")) == monday
    assert when("model", NoteUnpriced("p", "m", "2026-11-23"), monday) is None
    assert when("model", NoteUnpriced("p", "m", "2026-11-22"), monday) is None
    assert when("model", NoteUnpriced("p", "m", "2026-11-24"), monday)
