"""Money around one call: what is set aside before it, what is said after it."""

from datetime import UTC, datetime
from decimal import Decimal

from ai_adapter.base import Ask, Attempt, Outcome, Usage
from ai_adapter.gateway import Gateway
from ai_adapter.providers.factory import Endpoint
from schemas.budgets import Money
from schemas.commands.budget import ReleaseBudget, ReserveBudget, SettleBudget
from streams.agents.money import Purchase, reserve, settlement

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
ASK = Ask(task="copy", input="夜骑灯" * 100, tenant_id="t", max_tokens=1000)


def attempt(outcome: Outcome, cost: str | None = None, currency: str = "") -> Attempt:
    usage = Usage(1, 1, Decimal(cost), currency) if cost else None
    return Attempt("p", "m", outcome, 5, usage)


def gateway(model: str, provider: str = "deepseek") -> Gateway:
    url = "http://127.0.0.1:1/v1"
    return Gateway([Endpoint(name=provider, default_model=model, base_url=url)])


def test_without_a_call_nothing_was_bought() -> None:
    assert settlement("r", ()) == ReleaseBudget("r")
    assert settlement("r", (attempt("try_later"),)) == ReleaseBudget("r")
    assert settlement("r", (attempt("misconfigured"),)) == ReleaseBudget("r")


def test_every_attempt_that_cost_something_counts() -> None:
    twice = (attempt("ask_again", "0.2", "CNY"), attempt("answered", "0.3", "CNY"))

    assert settlement("r", twice) == SettleBudget("r", Decimal("0.5"), "CNY")


def test_a_lost_answer_may_have_cost_anything() -> None:
    lost = (attempt("unknown"), attempt("answered", "0.3", "CNY"))

    assert settlement("r", lost) == SettleBudget("r")


def test_two_currencies_have_no_sum() -> None:
    mixed = (attempt("ask_again", "1", "USD"), attempt("answered", "1", "CNY"))

    assert settlement("r", mixed) == SettleBudget("r")


def test_the_reservation_is_above_what_the_call_can_cost() -> None:
    most = gateway("deepseek-flash").most(ASK)

    assert most is not None
    # 1 000 tokens of output alone, at the lower of the day's two prices.
    assert most["CNY"] >= Decimal("0.004")
    assert most["CNY"] < Decimal("0.05")
    held = (Money(most["CNY"], "CNY"),)
    assert reserve(Purchase("r", NOW), most, NOW) == ReserveBudget("r", NOW, NOW, held)


def test_a_model_without_a_price_leaves_it_to_the_ceiling() -> None:
    assert gateway("home-made", "local").most(ASK) is None
    assert reserve(Purchase("r", NOW), None, NOW).most == ()


def test_a_template_costs_nothing() -> None:
    assert Gateway().most(ASK) == {}
