"""Breakers: when they open, for how long, and that one probe decides."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_adapter.base import BreakerChanged
from ai_adapter.breakers import (
    HARD_IN_A_ROW,
    LEAST_ATTEMPTS,
    OPEN_FIRST_S,
    OPEN_MOST_S,
    PROBE_S,
    WINDOW_S,
    Admission,
    Breaker,
    Breakers,
    Place,
    Seen,
)

CALL = Admission(probe=False)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PLACE = Place("deepseek", "deepseek-flash", "")


def fed(*seen: Seen, step: float = 0.1) -> Breaker:
    breaker = Breaker()
    for number, each in enumerate(seen):
        breaker.note(each, number * step, CALL)
    return breaker


def opened() -> Breaker:
    return fed(*(["hard"] * HARD_IN_A_ROW))


def test_five_hard_failures_in_a_row_open_it() -> None:
    assert fed(*(["hard"] * (HARD_IN_A_ROW - 1))).state == "closed"
    assert opened().state == "open"


def test_an_answer_in_between_begins_the_row_again() -> None:
    assert fed("hard", "hard", "hard", "hard", "good", "hard").state == "closed"


def test_half_of_twenty_attempts_open_it_and_half_of_nineteen_do_not() -> None:
    pairs: list[Seen] = ["good", "hard"] * (LEAST_ATTEMPTS // 2)

    assert fed(*pairs[:-1]).state == "closed"
    assert fed(*pairs).state == "open"


def test_limits_count_half_and_never_as_a_row() -> None:
    some: list[Seen] = ["good", "limited"] * 20

    assert fed(*some).state == "closed"
    assert fed(*(["limited"] * (LEAST_ATTEMPTS - 1))).state == "closed"
    assert fed(*(["limited"] * LEAST_ATTEMPTS)).state == "open"


def test_what_is_older_than_the_window_is_forgotten() -> None:
    breaker = fed(*(["good", "hard"] * 9))

    breaker.note("hard", 2.0 + WINDOW_S, CALL)

    assert (breaker.state, breaker.rate()) == ("closed", 1.0)


def test_one_probe_is_let_through_after_the_pause_and_closes_it() -> None:
    breaker = opened()
    at = breaker.until

    assert breaker.admit(at - 0.001) is None
    probe = breaker.admit(at)
    assert probe is not None
    assert breaker.admit(at + 1) is None

    breaker.note("good", at + 2, probe)
    assert (breaker.state, breaker.rate()) == ("closed", 0.0)


def test_each_failed_probe_doubles_the_pause_up_to_five_minutes() -> None:
    breaker, pauses = opened(), []
    for _ in range(6):
        at = breaker.until
        probe = breaker.admit(at)
        assert probe is not None
        breaker.note("hard", at, probe)
        pauses.append(breaker.until - at)

    assert pauses == pytest.approx([60, 120, 240, *[OPEN_MOST_S] * 3])


def test_a_probe_that_never_reports_does_not_keep_it_shut_for_ever() -> None:
    breaker = opened()
    at = breaker.until
    assert breaker.admit(at)

    assert breaker.admit(at + PROBE_S - 0.1) is None
    assert breaker.admit(at + PROBE_S)


def test_a_probe_that_was_given_up_is_sent_again_at_once() -> None:
    breaker = opened()
    probe = breaker.admit(breaker.until)
    assert probe is not None

    breaker.withdraw(99.0, probe)

    assert breaker.admit(99.0)


def test_calls_that_began_before_it_opened_change_nothing() -> None:
    breaker = opened()
    until = breaker.until

    breaker.note("good", until - 1, CALL)
    breaker.note("hard", until - 1, CALL)

    assert (breaker.state, breaker.until) == ("open", until)


SEEN = st.sampled_from(["good", "hard", "soft", "limited"])
STEPS = st.lists(st.tuples(SEEN, st.floats(0.0, 40.0)), max_size=120)


@given(STEPS)
def test_state_follows_from_the_attempts_alone(steps: list[tuple[Seen, float]]) -> None:
    first, again = Breaker(), Breaker()
    for breaker in (first, again):
        now = 0.0
        for seen, pause in steps:
            now += pause
            if leave := breaker.admit(now):
                breaker.note(seen, now, leave)

    assert first == again


@given(STEPS)
def test_an_open_breaker_is_open_for_thirty_seconds_to_five_minutes(
    steps: list[tuple[Seen, float]],
) -> None:
    breaker, now = Breaker(), 0.0
    for seen, pause in steps:
        now += pause
        leave = breaker.admit(now)
        if leave is None:
            assert breaker.until <= now + OPEN_MOST_S
            continue
        breaker.note(seen, now, leave)
        if breaker.state == "open":
            assert OPEN_FIRST_S <= breaker.until - now <= OPEN_MOST_S


@given(st.lists(st.just("good"), max_size=200))
def test_a_model_that_answers_is_never_left_alone(seen: list[Seen]) -> None:
    assert fed(*seen).state == "closed"


def test_each_change_is_told_with_the_moment_of_the_next_probe() -> None:
    now, told = [0.0], []
    breakers = Breakers(
        lambda: now[0], lambda: NOON + timedelta(seconds=now[0]), told.append
    )
    for _ in range(HARD_IN_A_ROW):
        leave = breakers.admit(PLACE)
        assert leave is not None
        leave.end("hard")
        leave.end("good")  # too late: the first word counts

    assert breakers.opens_at(PLACE) == NOON + timedelta(seconds=OPEN_FIRST_S)
    assert breakers.opens_at(Place("deepseek", "deepseek-flash", "another")) is None
    now[0] = OPEN_FIRST_S
    probe = breakers.admit(PLACE)
    assert probe is not None
    probe.end("good")

    assert [
        (fact.state, fact.until) for fact in told if isinstance(fact, BreakerChanged)
    ] == [
        ("open", NOON + timedelta(seconds=OPEN_FIRST_S)),
        ("half_open", NOON + timedelta(seconds=OPEN_FIRST_S + PROBE_S)),
        ("closed", None),
    ]


def test_a_key_is_not_in_the_words_of_its_place() -> None:
    assert "sk-secret" not in repr(Place("openai", "m", "sk-secret"))


@pytest.mark.parametrize("count", [1500])
def test_breakers_of_old_keys_do_not_pile_up(count: int) -> None:
    breakers = Breakers(lambda: 0.0, lambda: NOON, lambda _: None)
    for number in range(count):
        leave = breakers.admit(Place("openai", "m", f"key-{number}"))
        assert leave is not None
        leave.end("good")

    assert len(breakers._made) <= 1000
