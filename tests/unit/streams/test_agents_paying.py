"""What jobs buy: money first, never twice, and a pause while nobody can be asked."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from ai_adapter.base import Answer, Ask, Attempt, Usage
from ai_adapter.errors import Refused, Unavailable
from ai_adapter.policies import Policy, Rule
from schemas.budgets import BudgetLimit, Money
from schemas.commands.budget import (
    ReleaseBudget,
    ReserveBudget,
    SetBudget,
    SettleBudget,
)
from schemas.generation import GenerateInput
from schemas.ids import budget_id
from streams.agents.paying import Till
from streams.agents.work import Impossible, Job, Parked
from streams.ai_terms import AiTerms
from tests.unit.streams.workshop import NOON, FakeClock, FakeLog, answers, job

ASK = Ask(task="copy", input="灯", tenant_id="")
PRICE = {"CNY": Decimal(1)}
SPENT = Usage(1, 1, Decimal("0.4"), "CNY")
GOOD = Answer(
    "text",
    SPENT,
    "p",
    "m",
    9,
    False,
    "r",
    "h",
    "1",
    (Attempt("p", "m", "answered", 9, SPENT),),
)
LOST = "the attempt before"


class FakeGateway:
    """Answers, or does what it was made for; counts how often it was asked."""

    def __init__(self, **wanted: object) -> None:
        self.asked: list[Ask] = []
        self.most_ = wanted.get("most", PRICE)
        self.error = wanted.get("error")
        self.kept = wanted.get("kept")
        self.opens = wanted.get("opens")
        self.begun = asyncio.Event()
        self.hangs = bool(wanted.get("hangs"))

    async def ask(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        self.begun.set()
        if self.hangs:
            await asyncio.Event().wait()
        if isinstance(self.error, Exception):
            raise self.error
        return GOOD

    async def ready(self, ask: Ask) -> Answer | None:
        return self.kept if isinstance(self.kept, Answer) else None

    async def opens_at(self, ask: Ask) -> datetime | None:
        return self.opens if isinstance(self.opens, datetime) else None

    def most(self, ask: Ask) -> dict[str, Decimal] | None:
        return self.most_ if isinstance(self.most_, dict) else None


class Fixed:
    def __init__(self, terms: AiTerms) -> None:
        self._terms = terms

    async def look(self, _tenant: str) -> AiTerms:
        return self._terms


def limited(hard: str) -> FakeLog:
    log = FakeLog()
    limit = BudgetLimit("tenant", "day", hard=Decimal(hard))
    log.given(budget_id("t"), SetBudget("CNY", (limit,)))
    return log


def buyer(
    gateway: FakeGateway, log: FakeLog | None = None, policy: Policy | None = None
) -> Till:
    terms = AiTerms(limited=log is not None)
    if policy is not None:
        terms = AiTerms(terms.limited, policy)
    return Till(gateway, Fixed(terms), answers(log or FakeLog(), FakeClock()))


def attempt(lost: str = "") -> Job:
    found = job(GenerateInput("copy", "auto", ("灯",)))
    return Job(
        id=found.id,
        tenant="t",
        subject=found.subject,
        input=found.input,
        token="one",
        lost=lost,
        project_id="p",
        requested_by="user/u",
    )


async def test_money_is_set_aside_before_and_settled_after() -> None:
    log, gateway = limited("10"), FakeGateway()

    answer = await buyer(gateway, log).of(attempt()).ask(ASK)

    assert answer is GOOD
    (asked,) = gateway.asked
    assert (asked.tenant_id, asked.project_id, asked.person_id) == ("t", "p", "u")
    (held,) = log.told(ReserveBudget)
    assert isinstance(held, ReserveBudget)
    assert (held.project_id, held.person_id) == ("p", "u")
    assert held.most == (Money(Decimal(1), "CNY"),)
    assert log.told(SettleBudget) == [
        SettleBudget(held.reservation_id, Decimal("0.4"), "CNY")
    ]


async def test_what_the_budget_refuses_is_never_asked() -> None:
    gateway = FakeGateway()

    with pytest.raises(Impossible, match="budget_exhausted"):
        await buyer(gateway, limited("0.5")).of(attempt()).ask(ASK)

    assert gateway.asked == []


async def test_each_question_of_an_attempt_is_a_purchase_of_its_own() -> None:
    log, gateway = limited("10"), FakeGateway()
    door = buyer(gateway, log).of(attempt())

    await door.ask(ASK)
    await door.ask(ASK)

    assert len({each.reservation_id for each in log.told(ReserveBudget)}) == 2  # type: ignore[attr-defined]
    assert len(log.told(SettleBudget)) == 2


async def test_without_limits_or_a_price_to_pay_the_log_hears_nothing() -> None:
    log = limited("10")

    await buyer(FakeGateway(most={}), log).of(attempt()).ask(ASK)

    assert log.told(ReserveBudget) == []


async def test_a_refused_question_frees_the_money() -> None:
    log, no = limited("10"), Refused("guard_blocked", "no")

    with pytest.raises(Refused):
        await buyer(FakeGateway(error=no), log).of(attempt()).ask(ASK)

    assert len(log.told(ReleaseBudget)) == 1


async def test_an_attempt_cut_off_in_its_call_counts_what_was_set_aside() -> None:
    log, gateway = limited("10"), FakeGateway(hangs=True)
    asking = asyncio.create_task(buyer(gateway, log).of(attempt()).ask(ASK))
    await gateway.begun.wait()

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    (settled,) = log.told(SettleBudget)
    assert isinstance(settled, SettleBudget)
    assert settled.cost is None


async def test_a_lost_answer_is_not_asked_for_again() -> None:
    log, gateway = limited("10"), FakeGateway()

    with pytest.raises(Impossible, match="outcome_unknown") as no:
        await buyer(gateway, log).of(attempt(LOST)).ask(ASK)

    assert gateway.asked == []
    assert "at most 1 CNY" in no.value.reason
    assert log.told(SettleBudget) == [SettleBudget(f"{LOST}:0")]


async def test_an_answer_that_was_kept_is_no_lost_one() -> None:
    gateway = FakeGateway(kept=GOOD)

    assert await buyer(gateway).of(attempt(LOST)).ask(ASK) is GOOD
    assert gateway.asked == []


@pytest.mark.parametrize(
    ("most", "rules"),
    [
        ({}, ()),
        (PRICE, (Rule(name="cheap", repeat_lost=True),)),
    ],
)
async def test_what_costs_nothing_or_may_be_repeated_is_asked_again(
    most: dict[str, Decimal], rules: tuple[Rule, ...]
) -> None:
    gateway = FakeGateway(most=most)
    policy = Policy(name="house", version=1, rules=rules)

    await buyer(gateway, policy=policy).of(attempt(LOST)).ask(ASK)

    assert len(gateway.asked) == 1


async def test_a_job_parks_until_somebody_can_be_asked() -> None:
    opens = NOON + timedelta(seconds=30)
    gateway = FakeGateway(opens=opens)

    with pytest.raises(Parked) as parked:
        await buyer(gateway).of(attempt()).ask(ASK)

    assert parked.value.after == timedelta(seconds=30)
    assert gateway.asked == []


async def test_nobody_able_parks_as_well_if_somebody_may_be_later() -> None:
    soon = Unavailable("nobody", NOON + timedelta(seconds=5))
    never = Unavailable("nobody")

    with pytest.raises(Parked):
        await buyer(FakeGateway(error=soon)).of(attempt()).ask(ASK)
    with pytest.raises(Refused):
        await buyer(FakeGateway(error=never)).of(attempt()).ask(ASK)
