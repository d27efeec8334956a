"""Shadow runs: the same requests under other terms, and what is honest about them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from ai_adapter.base import Ask, Spent
from ai_adapter.errors import Refused
from ai_adapter.policies import Match, Policy, Rule
from ai_adapter.price_book import Book
from ai_adapter.price_rows import shipped
from ai_adapter.prompts.prompt import Prompt
from ai_adapter.prompts.repository import TASKS
from ai_adapter.providers.factory import Endpoint
from ai_adapter.registry import Target
from ai_adapter.shadow import Bill, Past, Sum, Terms, lines, replayed, summed

PEAK = datetime(2026, 11, 23, 2, tzinfo=UTC)  # Monday, 10:00 in Beijing
QUIET = datetime(2026, 11, 22, 2, tzinfo=UTC)  # Sunday
DOORS = (Endpoint("deepseek", "deepseek-flash"), Endpoint("openai", "gpt-4o-mini"))
BOOK = Book(shipped())
ASK = Ask(task="title", input="a lamp", tenant_id="t")
FLASH = Target("deepseek", "deepseek-flash")
SPENT = Spent("deepseek-flash", 1_000, 500)
TO_OPENAI = Policy(
    name="new",
    version=1,
    rules=(Rule(name="titles", when=Match(tasks=("title",)), models=("gpt-4o-mini",)),),
)


def past(at: datetime = QUIET, **more: object) -> Past:
    bill = Bill(FLASH, Decimal("0.003"), "CNY")
    found = Past(id="1", at=at, ask=ASK, bill=bill, spent=SPENT, texts=("夜骑灯",))
    return replace(found, **more)


def terms(**more: object) -> Terms:
    return replace(Terms(endpoints=DOORS, prices=BOOK), **more)


def test_a_new_routing_says_the_rule_the_model_and_the_price() -> None:
    found = replayed(past(), terms(policy=TO_OPENAI))
    known = BOOK.usage_of("openai", Spent("gpt-4o-mini", 1_000, 500), QUIET)

    assert found.rule == "titles"
    assert found.bill == Bill(
        Target("openai", "gpt-4o-mini"), known.cost, known.currency
    )
    assert known.cost


def test_what_stays_keeps_the_name_it_was_billed_by() -> None:
    dated = Target("openai", "gpt-4o-mini-2024-07-18")
    spent = replace(SPENT, model_name="gpt-4o-mini-2024-07-18")
    then = past(bill=Bill(dated, Decimal(1), "USD"), spent=spent)

    assert replayed(then, terms(policy=TO_OPENAI)).bill.model == dated


def test_new_prices_count_at_the_time_of_the_request() -> None:
    quiet, peak = (replayed(past(at), terms()).bill for at in (QUIET, PEAK))

    assert quiet.cost == Decimal("0.003")
    assert peak.cost == Decimal("0.006")


def test_a_longer_prompt_costs_more_and_says_it_is_an_estimate() -> None:
    words = TASKS["title"].system * 3
    longer = Prompt(name="title", version=0, system=words, variants=5)
    found = replayed(past(), terms(prompt=longer))
    other = replayed(past(), terms(prompt=replace(longer, name="copy")))

    assert found.estimated
    assert (found.bill.cost or 0) > Decimal("0.003")
    assert not other.estimated
    assert other.bill.cost == Decimal("0.003")


def test_what_nobody_counted_is_unknown_and_not_free() -> None:
    template = Bill(Target("template", "template-1"), Decimal(0), "")
    then = past(bill=template, spent=Spent("template-1"))
    found = replayed(then, terms(policy=TO_OPENAI))

    assert found.bill.cost is None
    assert summed([found.bill, found.bill]) == Sum({}, unknown=2)


def test_an_unknown_model_by_name_is_refused_as_it_would_be() -> None:
    with pytest.raises(Refused):
        replayed(past(ask=replace(ASK, model="nobody")), terms(policy=TO_OPENAI))


def test_lines_gather_what_goes_the_same_way_and_keep_currencies_apart() -> None:
    moved = replayed(past(), terms(policy=TO_OPENAI))
    asked = replace(moved, texts=("夜行灯",))
    failed = replace(moved, failed="blocked")
    stays = replayed(past(ask=replace(ASK, task="copy")), terms(policy=TO_OPENAI))

    titles, copies = lines([moved, asked, failed, stays])

    assert (titles.task, titles.calls, titles.failed) == ("title", 3, 1)
    assert (titles.before, titles.after) == (
        "deepseek/deepseek-flash",
        "openai/gpt-4o-mini",
    )
    assert titles.paid.money == {"CNY": Decimal("0.009")}
    assert set(titles.would_pay.money) == {moved.bill.currency}
    assert titles.changed == pytest.approx(1 / 3)
    assert (copies.task, copies.before) == ("copy", copies.after)
    assert copies.changed is None
