"""Prices: by day, by Beijing hour, by cached token, and never guessed."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_adapter.base import Spent, Usage
from ai_adapter.price_book import BOOK, Row, row_for, total, usage_of

SUNDAY = datetime(2026, 11, 22, 2, tzinfo=UTC)
MONDAY_10_BEIJING = datetime(2026, 11, 23, 2, tzinfo=UTC)
MONDAY_13_BEIJING = datetime(2026, 11, 23, 5, tzinfo=UTC)
NEW_YEAR_10_BEIJING = datetime(2027, 1, 1, 2, tzinfo=UTC)
TEN_THOUSAND = Spent("deepseek-flash", 10_000, 2_000, 6_400)
COUNT = st.integers(min_value=0, max_value=10**7)


@pytest.mark.parametrize(
    ("at", "cost"),
    [
        (SUNDAY, "0.011728"),
        (MONDAY_13_BEIJING, "0.011728"),
        (NEW_YEAR_10_BEIJING, "0.011728"),
        (MONDAY_10_BEIJING, "0.023456"),
    ],
)
def test_deepseek_costs_double_in_office_hours_only(at: datetime, cost: str) -> None:
    usage = usage_of("deepseek", TEN_THOUSAND, at)

    assert usage.cost == Decimal(cost)
    assert usage.currency == "CNY"


def test_an_unknown_model_has_no_price_and_not_a_price_of_zero() -> None:
    assert usage_of("deepseek", Spent("brand-new", 10, 10), SUNDAY).cost is None
    assert usage_of("local", TEN_THOUSAND, SUNDAY).cost is None


def test_a_dated_model_name_is_priced_as_its_family_and_a_longer_one_is_not() -> None:
    assert row_for("openai", "gpt-4o-mini-2024-07-18", SUNDAY) is not None
    assert row_for("openai", "gpt-4o-mini-tts", SUNDAY) is None


def test_a_day_before_the_first_row_has_no_price() -> None:
    assert row_for("openai", "gpt-4o-mini", datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_the_newest_row_in_force_counts() -> None:
    old = Row(
        provider="p",
        model="m",
        since=date(2026, 1, 1),
        prompt=Decimal(1),
        completion=Decimal(1),
        cached=Decimal(1),
        currency="USD",
        source="test",
    )
    new = Row(
        provider="p",
        model="m",
        since=date(2026, 11, 22),
        prompt=Decimal(2),
        completion=Decimal(2),
        cached=Decimal(2),
        currency="USD",
        source="test",
    )
    before = datetime(2026, 11, 21, 23, 59, tzinfo=UTC)

    assert row_for("p", "m", before, (new, old)) == old
    assert row_for("p", "m", SUNDAY, (new, old)) == new


@given(prompt=COUNT, cached=COUNT, completion=COUNT, row=st.sampled_from(BOOK))
def test_cost_is_fresh_plus_cached_plus_completion(
    prompt: int, cached: int, completion: int, row: Row
) -> None:
    cached = min(cached, prompt)
    usage = usage_of(row.provider, Spent(row.model, prompt, completion, cached), SUNDAY)

    expected = (prompt - cached) * row.prompt + cached * row.cached
    assert usage.cost == (expected + completion * row.completion) / 1_000_000


def test_a_sum_over_two_currencies_or_an_unknown_price_is_unknown() -> None:
    yuan, dollar = (Usage(1, 1, Decimal(1), c) for c in ("CNY", "USD"))
    unknown = Usage(1, 1, None, "")

    assert total((yuan, yuan)) == Usage(2, 2, Decimal(2), "CNY")
    assert total((yuan, dollar)).cost is None
    assert total((yuan, unknown)).cost is None
    assert total(()).cost == Decimal(0)
