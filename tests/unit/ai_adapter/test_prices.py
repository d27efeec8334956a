"""Prices: by day, by Beijing hour, by class of token, and never guessed."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ai_adapter import days_off
from ai_adapter.base import Spent, Usage
from ai_adapter.errors import Misconfigured
from ai_adapter.price_book import Book, balanced, listed, total, usage_of
from ai_adapter.price_rows import Long, Rates, Row, Sheet, read, shipped

GOLDEN = Path(__file__).parents[2] / "golden" / "prices" / "deepseek.csv"
CASES = list(csv.DictReader(GOLDEN.read_text("utf-8").splitlines()))
SUNDAY = datetime(2026, 11, 22, 2, tzinfo=UTC)
COUNT = st.integers(min_value=0, max_value=10**7)
ROWS = [row for row in shipped().rows if row.holds(SUNDAY) and row.rates.miss]


def row(**changes: object) -> Row:
    plain = Row(
        id="one",
        provider="p",
        model="m",
        since=datetime(2026, 1, 1, tzinfo=UTC),
        currency="USD",
        rates=Rates(miss=Decimal(1), output=Decimal(2)),
        source="test",
        read=date(2026, 11, 22),
    )
    return replace(plain, **changes)


def book(*rows: Row) -> Book:
    return Book(Sheet(rows))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_deepseek_costs_what_the_golden_file_says(case: dict[str, str]) -> None:
    local = datetime.fromisoformat(case["beijing"])
    at = local.replace(tzinfo=ZoneInfo("Asia/Shanghai"))
    spent = Spent(
        case["model"],
        int(case["prompt"]),
        int(case["completion"]),
        int(case["cached"]),
    )
    prices = Book(shipped(), billed={"deepseek": case["currency"]})

    usage = prices.usage_of("deepseek", spent, at)

    assert usage.cost == Decimal(case["cost"])
    assert usage.currency == case["currency"]
    assert usage.price_row.startswith(f"{case['model']}/{case['currency'].lower()}/")
    assert not usage.unbalanced
    assert not usage.no_calendar


def test_a_year_without_an_announced_calendar_is_priced_as_weekdays_and_flagged() -> (
    None
):
    year = days_off.announced_until() + 1
    monday = next(
        day
        for day in (datetime(year, 3, n, 2, tzinfo=UTC) for n in range(1, 8))
        if day.isoweekday() == 1
    )
    spent = Spent("deepseek-flash", 1_000_000)

    assert usage_of("deepseek", spent, monday).no_calendar
    assert usage_of("deepseek", spent, monday).cost == Decimal(2)
    # By night and on Sundays nothing depends on a calendar, and nothing is flagged.
    assert not usage_of("deepseek", spent, monday.replace(hour=20)).no_calendar
    assert days_off.china(date(year, 10, 1)) == "off"


def test_an_unknown_model_has_no_price_and_not_a_price_of_zero() -> None:
    assert usage_of("deepseek", Spent("brand-new", 10, 10), SUNDAY).cost is None
    assert usage_of("local", Spent("deepseek-flash", 10, 10), SUNDAY).cost is None


def test_another_class_of_service_has_no_price() -> None:
    assert usage_of(
        "openai", Spent("gpt-6-luna", 10, tier="priority"), SUNDAY
    ).cost is (None)
    assert usage_of("openai", Spent("gpt-6-luna", 10, tier="default"), SUNDAY).cost


def test_a_dated_model_name_is_priced_as_its_family_and_a_longer_one_is_not() -> None:
    prices = listed()

    assert prices.row("openai", "gpt-4o-mini-2024-07-18", SUNDAY) is not None
    assert prices.row("openai", "gpt-4o-mini-audio", SUNDAY) is None
    found = prices.row("openai", "gpt-4o-mini-tts", SUNDAY)
    assert found is not None
    assert found.model == "gpt-4o-mini-tts"


def test_a_row_holds_from_its_first_moment_until_before_its_last() -> None:
    change = datetime(2026, 11, 22, tzinfo=UTC)
    old, new = row(id="old", until=change), row(id="new", since=change)
    prices = book(new, old)

    assert prices.row("p", "m", datetime(2025, 1, 1, tzinfo=UTC)) is None
    assert prices.row("p", "m", datetime(2026, 11, 21, 23, 59, tzinfo=UTC)) == old
    assert prices.row("p", "m", change) == new


def test_a_correction_counts_instead_of_the_row_it_names_and_both_stay() -> None:
    wrong, right = row(id="wrong"), row(id="right", corrects="wrong")
    prices = book(wrong, right)

    assert prices.row("p", "m", SUNDAY) == right
    assert prices.sheet.rows == (wrong, right)


@given(prompt=COUNT, cached=COUNT, written=COUNT, out=COUNT, of=st.sampled_from(ROWS))
def test_cost_is_each_class_times_its_rate(
    prompt: int, cached: int, written: int, out: int, of: Row
) -> None:
    cached = min(cached, prompt)
    written = min(written, prompt - cached)
    out = out if of.rates.output is not None else 0
    spent = Spent(of.model, prompt, out, cached, cache_write_tokens=written)
    rates = of.long.rates if of.long and prompt > of.long.above else of.rates

    usage = book(replace(of, windows=())).usage_of(of.provider, spent, SUNDAY)

    hit, write = (
        rates.miss if each is None else each for each in (rates.hit, rates.write)
    )
    expected = (prompt - cached - written) * rates.miss + cached * hit
    expected += written * write + out * (rates.output or 0)
    assert usage.cost == expected / 1_000_000
    assert not usage.unbalanced


@given(
    cached=COUNT, written=COUNT, image=COUNT, reasoning=COUNT, prompt=COUNT, out=COUNT
)
def test_a_cost_is_never_negative_and_classes_beyond_the_totals_are_flagged(
    cached: int, written: int, image: int, reasoning: int, prompt: int, out: int
) -> None:
    spent = Spent(
        "m",
        prompt,
        out,
        cached,
        cache_write_tokens=written,
        image_tokens=image,
        reasoning_tokens=reasoning,
    )
    usage = book(row()).usage_of("p", spent, SUNDAY)
    whole = cached + written + image <= prompt and reasoning <= out

    assert usage.cost is not None
    assert usage.cost >= 0
    assert usage.unbalanced != whole


def test_a_total_of_the_provider_that_is_not_the_sum_is_flagged() -> None:
    assert balanced(Spent("m", 10, 5, total=15))
    assert not balanced(Spent("m", 10, 5, total=16))


def test_reasoning_and_pictures_have_their_own_rates_where_a_row_says_so() -> None:
    rates = Rates(
        miss=Decimal(1), image=Decimal(8), output=Decimal(2), reasoning=Decimal(4)
    )
    spent = Spent(
        "m", 1_000_000, 1_000_000, image_tokens=500_000, reasoning_tokens=500_000
    )

    assert book(row(rates=rates)).usage_of("p", spent, SUNDAY).cost == Decimal("7.5")


@pytest.mark.parametrize(
    ("model", "spent", "cost"),
    [
        ("whisper-1", {"seconds": 90.0}, "0.009"),
        ("gpt-transcribe", {"seconds": 60.0}, "0.0045"),
        ("gpt-transcribe", {"seconds": 60.0, "prompt_tokens": 900}, "0.0045"),
        ("gpt-4o-transcribe", {"seconds": 60.0, "prompt_tokens": 1_000}, "0.0025"),
        (
            "gpt-4o-transcribe",
            {"prompt_tokens": 1_000, "audio_tokens": 900, "completion_tokens": 100},
            "0.00665",
        ),
        ("tts-1", {"characters": 2_000}, "0.03"),
        ("omni-moderation-latest", {"prompt_tokens": 100}, "0"),
        ("gpt-image-2", {"prompt_tokens": 1_000, "images": 1}, "0.005"),
        ("gpt-6-luna", {"prompt_tokens": 272_000}, "0.0272"),
        ("gpt-6-luna", {"prompt_tokens": 272_001}, "0.0544002"),
    ],
)
def test_sound_pictures_and_long_prompts_are_priced_as_listed(
    model: str, spent: dict[str, float], cost: str
) -> None:
    usage = usage_of("openai", Spent(model, **spent), SUNDAY)

    assert usage.cost == Decimal(cost)
    assert usage.currency == "USD"


@pytest.mark.parametrize(
    ("model", "spent"),
    [
        ("gpt-transcribe", {"prompt_tokens": 900}),
        ("gpt-4o-transcribe", {"seconds": 60.0}),
        ("gpt-6-luna", {"images": 1}),
        ("text-embedding-3-small", {"completion_tokens": 1}),
    ],
)
def test_what_was_used_but_has_no_rate_leaves_the_cost_unknown(
    model: str, spent: dict[str, float]
) -> None:
    assert usage_of("openai", Spent(model, **spent), SUNDAY).cost is None


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ((row(), row()), "'one' is there twice"),
        ((row(corrects="gone"),), "corrects 'gone'"),
        ((row(windows=("night",)),), "names 'night'"),
        ((row(since=datetime(2026, 1, 1)),), "time zone"),  # noqa: DTZ001
    ],
)
def test_rows_that_contradict_each_other_are_refused(
    rows: tuple[Row, ...], says: str
) -> None:
    with pytest.raises(Misconfigured, match=says):
        book(*rows)


def test_a_price_list_with_a_wrong_field_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[[rows]]\nid = "x"\nprize = "1"\n', "utf-8")

    with pytest.raises(Misconfigured, match=r"mine\.toml.*prize"):
        read(path)


def test_every_row_that_ships_says_where_and_when_it_was_read() -> None:
    for each in shipped().rows:
        assert each.source
        assert each.read <= date(2026, 12, 31)
        assert each.rates != Rates()
        assert isinstance(each.long, Long | None)


def test_a_sum_over_two_currencies_or_an_unknown_price_is_unknown() -> None:
    yuan, dollar = (Usage(1, 1, Decimal(1), c) for c in ("CNY", "USD"))
    unknown = Usage(1, 1, None, "")

    assert total((yuan, yuan)) == Usage(2, 2, Decimal(2), "CNY")
    assert total((yuan, dollar)).cost is None
    assert total((yuan, unknown)).cost is None
    assert total(()).cost == Decimal(0)


def test_a_sum_keeps_its_row_and_every_flag() -> None:
    one = Usage(1, 0, Decimal(1), "CNY", price_row="r", unbalanced=True)
    other = Usage(1, 0, Decimal(1), "CNY", price_row="r", estimated=True)

    assert total((one, other)).price_row == "r"
    assert total((one, other)).estimated
    assert total((one, other)).unbalanced
    assert total((one, replace(other, price_row="s"))).price_row == ""
