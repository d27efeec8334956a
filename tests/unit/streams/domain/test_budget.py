"""Budgets: whatever comes in whatever order, a hard limit is never passed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.budgets import BudgetLimit, Money, Rate, Reached
from schemas.commands import budget as wish
from schemas.events import budget as fact
from streams.domain import budget as rules
from unit.streams.domain.given import after, refused, when

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
DAILY = BudgetLimit("tenant", "day", hard=Decimal(50))
TERMS = fact.BudgetChanged("CNY", (DAILY,), rates=(Rate("USD", Decimal(7)),))


def reserve(
    name: str = "r1",
    amount: str | None = "1",
    at: datetime = NOW,
    project: str = "",
    person: str = "",
) -> wish.ReserveBudget:
    most = () if amount is None else (Money(Decimal(amount), "CNY"),)
    return wish.ReserveBudget(name, at, LATER, most, project, person)


def limited(*limits: BudgetLimit) -> fact.BudgetChanged:
    return fact.BudgetChanged("CNY", limits)


HELD = fact.BudgetReserved("r1", Decimal(1), "2026-03-01", LATER)


def test_nothing_is_set_aside_where_nothing_is_limited() -> None:
    assert when("budget", reserve()) is None
    assert when("budget", reserve(), limited()) is None


def test_a_reservation_is_made_once_and_ends_once() -> None:
    settle = wish.SettleBudget("r1", Decimal("0.4"), "CNY")
    settled = fact.BudgetSettled("r1", Decimal("0.4"), Decimal("0.4"), "CNY")

    assert when("budget", reserve(), TERMS) == HELD
    assert when("budget", reserve(), TERMS, HELD) is None
    assert when("budget", settle, TERMS, HELD) == settled
    assert when("budget", settle, TERMS, HELD, settled) is None
    assert when("budget", wish.ReleaseBudget("r1"), TERMS, HELD, settled) is None
    assert when("budget", reserve(), TERMS, HELD, settled) is None


def test_what_was_not_bought_is_free_again() -> None:
    whole = fact.BudgetReserved("r1", Decimal(50), "2026-03-01", LATER)
    freed = when("budget", wish.ReleaseBudget("r1"), TERMS, whole)

    assert isinstance(when("budget", reserve("r2"), TERMS, whole), fact.BudgetRefused)
    assert freed == fact.BudgetReleased("r1", Decimal(50))
    assert isinstance(
        when("budget", reserve("r2"), TERMS, whole, freed), fact.BudgetReserved
    )


def test_an_outcome_nobody_knows_counts_what_was_set_aside() -> None:
    unknown = wish.SettleBudget("r1")
    late = wish.ExpireReservation("r1", LATER)
    other = wish.ExpireReservation("r1", NOW)

    assert when("budget", unknown, TERMS, HELD) == fact.BudgetSettled("r1", Decimal(1))
    assert when("budget", late, TERMS, HELD) == fact.BudgetSettled("r1", Decimal(1))
    assert when("budget", other, TERMS, HELD) is None


def test_another_currency_counts_by_its_rate_and_without_one_as_unknown() -> None:
    dollars = wish.SettleBudget("r1", Decimal("0.1"), "USD")
    yen = wish.SettleBudget("r1", Decimal(9), "JPY")

    assert when("budget", dollars, TERMS, HELD) == fact.BudgetSettled(
        "r1", Decimal("0.7"), Decimal("0.1"), "USD"
    )
    assert when("budget", yen, TERMS, HELD) == fact.BudgetSettled(
        "r1", Decimal(1), Decimal(9), "JPY"
    )


def test_the_dearest_of_the_models_that_may_answer_counts() -> None:
    most = (Money(Decimal(2), "CNY"), Money(Decimal(1), "USD"))
    found = when("budget", wish.ReserveBudget("r1", NOW, LATER, most), TERMS)

    assert isinstance(found, fact.BudgetReserved)
    assert found.amount == Decimal(7)


def test_a_call_without_a_price_counts_the_ceiling() -> None:
    terms = fact.BudgetChanged("CNY", (DAILY,), ceiling=Decimal("50.5"))
    found = when("budget", reserve(amount=None), terms)

    assert isinstance(found, fact.BudgetRefused)
    assert (found.amount, found.left) == (Decimal("50.5"), Decimal(50))


@pytest.mark.parametrize(
    ("limit", "call", "stopped"),
    [
        (BudgetLimit("project", "day", Decimal(1)), reserve("r2", project="p"), True),
        (BudgetLimit("project", "day", Decimal(1)), reserve("r2", project="q"), False),
        (
            BudgetLimit("project", "day", Decimal(1), id="q"),
            reserve("r2", project="p"),
            False,
        ),
        (BudgetLimit("person", "month", Decimal(1)), reserve("r2", person="u"), True),
        (BudgetLimit("person", "month", Decimal(1)), reserve("r2"), False),
        (
            BudgetLimit("tenant", "day", Decimal(1)),
            reserve("r2", at=NOW + timedelta(days=1)),
            False,
        ),
        (
            BudgetLimit("tenant", "month", Decimal(1)),
            reserve("r2", at=NOW + timedelta(days=1)),
            True,
        ),
    ],
)
def test_a_limit_is_for_whose_it_is_and_for_its_period(
    limit: BudgetLimit, call: wish.ReserveBudget, stopped: bool
) -> None:
    first = when("budget", reserve(project="p", person="u"), limited(limit))
    assert first is not None

    found = when("budget", call, limited(limit), first)

    assert isinstance(found, fact.BudgetRefused) is stopped


def test_a_day_begins_at_midnight_of_the_budgets_zone() -> None:
    found = when("budget", reserve(at=datetime(2026, 3, 1, 16, tzinfo=UTC)), TERMS)

    assert isinstance(found, fact.BudgetReserved)
    assert found.day == "2026-03-02"


def test_a_soft_limit_is_told_of_once() -> None:
    soft = BudgetLimit("tenant", "day", soft=Decimal(1))
    reached = Reached(soft, "tenant", "2026-03-01", Decimal(1))
    held = when("budget", reserve(), limited(soft))
    assert isinstance(held, fact.BudgetReserved)
    assert held.reached == (reached,)
    warned = when("budget", wish.WarnBudget(reached), limited(soft), held)
    assert warned == fact.BudgetWarned(reached)
    assert when("budget", wish.WarnBudget(reached), limited(soft), held, warned) is None

    second = when("budget", reserve("r2"), limited(soft), held, warned)

    assert isinstance(second, fact.BudgetReserved)
    assert second.reached == ()


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [
        (wish.SetBudget("yuan"), "/currency"),
        (wish.SetBudget("CNY", ceiling=Decimal(-1)), "/ceiling"),
        (wish.SetBudget("CNY", ceiling=Decimal("nan")), "/ceiling"),
        (wish.SetBudget("CNY", timezone="Moon/Sea"), "/timezone"),
        (wish.SetBudget("CNY", timezone="../etc/passwd"), "/timezone"),
        (wish.SetBudget("CNY", rates=(Rate("USD", Decimal(0)),)), "/rates/0"),
        (wish.SetBudget("CNY", (BudgetLimit("moon", "day"),)), "/limits/0/scope"),
        (wish.SetBudget("CNY", (BudgetLimit("tenant", "hour"),)), "/limits/0/period"),
        (
            wish.SetBudget("CNY", (BudgetLimit("tenant", "day", id="t"),)),
            "/limits/0/id",
        ),
        (
            wish.SetBudget("CNY", (BudgetLimit("tenant", "day", Decimal(-1)),)),
            "/limits/0/hard",
        ),
        (wish.SetBudget("CNY", (DAILY,) * 101), "/limits"),
    ],
)
def test_terms_that_cannot_be_meant_name_the_field(
    terms: wish.SetBudget, pointer: str
) -> None:
    assert refused("budget", terms).pointer == pointer


def test_terms_are_changed_once() -> None:
    terms = wish.SetBudget("CNY", (DAILY,), rates=(Rate("USD", Decimal(7)),))

    assert when("budget", terms) == TERMS
    assert when("budget", terms, TERMS) is None


CALL = st.tuples(st.integers(0, 9), st.integers(1, 9))
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "release", "expire", "unknown"]), CALL
    ),
    max_size=60,
)


def command(what: str, number: int, amount: int) -> rules.BudgetCommand:
    name = f"r{number}"
    match what:
        case "reserve":
            return reserve(name, str(amount))
        case "settle":
            return wish.SettleBudget(name, Decimal(1), "CNY")
        case "release":
            return wish.ReleaseBudget(name)
        case "unknown":
            return wish.SettleBudget(name)
        case _:
            return wish.ExpireReservation(name, LATER)


@given(STEPS)
@settings(deadline=None)
def test_in_any_order_of_anything_no_hard_limit_is_passed(
    steps: list[tuple[str, tuple[int, int]]],
) -> None:
    """A call never costs more than what was set aside for it, here at least 1."""
    limit = BudgetLimit("tenant", "day", hard=Decimal(10))
    state = after("budget", limited(limit))
    spent: dict[str, Decimal] = {}
    for what, (number, amount) in steps:
        assert isinstance(state, rules.Budget)
        event = rules.decide(command(what, number, amount), state)
        if event is None:
            continue
        state = rules.evolve(state, event)
        if isinstance(event, fact.BudgetSettled):
            assert event.reservation_id not in spent, "it was paid for twice"
            spent[event.reservation_id] = event.counted
        used = state.used.get("2026-03-01", {}).get("tenant", Decimal(0))
        held = sum((each.amount for each in state.held.values()), Decimal(0))
        assert used == sum(spent.values(), held)
        assert used <= Decimal(10)


def test_two_hundred_calls_at_once_spend_exactly_what_fifty_may() -> None:
    state = after("budget", TERMS)
    outcomes = []
    for number in range(200):
        assert isinstance(state, rules.Budget)
        event = rules.decide(reserve(f"r{number}"), state)
        assert event is not None
        state = rules.evolve(state, event)
        outcomes.append(type(event))

    assert outcomes.count(fact.BudgetReserved) == 50
    assert outcomes.count(fact.BudgetRefused) == 150


def test_old_periods_are_forgotten_in_the_order_they_began() -> None:
    """One clock that runs years ahead cannot make today's sums be forgotten."""
    state = after("budget", TERMS)
    ahead = NOW + timedelta(days=2000)
    for number, at in enumerate(
        (NOW - timedelta(days=1), NOW, ahead, NOW + timedelta(days=1))
    ):
        assert isinstance(state, rules.Budget)
        event = rules.decide(reserve(f"r{number}", at=at), state)
        assert event is not None
        state = rules.evolve(state, event)

    assert isinstance(state, rules.Budget)
    days = [each for each in state.used if len(each) == len("2026-03-01")]
    assert days == ["2026-03-01", ahead.date().isoformat(), "2026-03-02"]
