"""A corrected price: old, new and difference, and nothing of history changes."""

from datetime import UTC, date, datetime
from decimal import Decimal

from msgspec.structs import replace

from ai_adapter.price_book import Book
from ai_adapter.price_rows import Rates, Row, Sheet
from infra.ai_reprice import Call, calls_of, lines, shown
from schemas.generation import Generated, Tried, Usage

AT = datetime(2026, 11, 23, 2, tzinfo=UTC)
WRONG = Row(
    id="wrong",
    provider="p",
    model="m",
    since=datetime(2026, 1, 1, tzinfo=UTC),
    currency="CNY",
    rates=Rates(miss=Decimal(1), hit=Decimal("0.1"), output=Decimal(2)),
    source="test",
    read=date(2026, 11, 22),
)
RIGHT = replace(
    WRONG,
    id="right",
    corrects="wrong",
    rates=Rates(miss=Decimal(2), hit=Decimal("0.1"), output=Decimal(2)),
)
BOOK = Book(Sheet((WRONG, RIGHT)))
USAGE = Usage(1_000_000, 0, "0.55", "CNY", cached_tokens=500_000, price_row="wrong")


def made(**changes: object) -> Generated:
    plain = Generated(
        task="copy",
        output=("x",),
        usage=USAGE,
        provider="p",
        model_name="m",
        latency_ms=1,
        degraded=False,
        prompt_hash="h",
        prompt_version="v",
    )
    return replace(plain, **changes)


def test_the_difference_is_by_tenant_and_model_with_cached_tokens_apart() -> None:
    calls = [*calls_of("acme", AT, made()), *calls_of("acme", AT, made())]
    (line,) = lines([*calls, *calls_of("b", AT, made())], BOOK)[:1]

    assert (line.tenant, line.model, line.currency) == ("acme", "p/m", "CNY")
    assert line.calls == 2
    assert line.old == Decimal("1.10")
    assert line.new == Decimal("2.10")
    assert line.difference == Decimal("1.00")
    assert len(lines([*calls, *calls_of("b", AT, made())], BOOK)) == 2


def test_what_had_no_price_gets_one_and_what_has_none_says_so() -> None:
    blank = replace(USAGE, cost=None, currency="")
    calls = [
        Call("acme", AT, "p", "m", blank),
        Call("acme", AT, "p", "unheard-of", blank),
    ]
    known, unknown = lines(calls, BOOK)

    assert (known.found, known.unknown, known.new) == (1, 0, Decimal("1.05"))
    assert (unknown.found, unknown.unknown) == (0, 1)
    assert any("1 had no price" in each for each in shown([known, unknown]))
    assert any("1 have none" in each for each in shown([known, unknown]))


def test_each_call_is_priced_by_its_own_model_and_a_repeated_answer_by_none() -> None:
    tried = (
        Tried("p", "m", "ask_again", 5, USAGE),
        Tried("p", "other", "answered", 5, replace(USAGE, cost="9")),
    )

    assert [each.model for each in calls_of("t", AT, made(tried=tried))] == [
        "m",
        "other",
    ]
    assert list(calls_of("t", AT, made(cached_from="r"))) == []


def test_a_template_that_used_nothing_is_no_line() -> None:
    assert lines(calls_of("t", AT, made(usage=Usage())), BOOK) == []
