"""What requests of the past would have become under another routing, prompt or price.

Pure: nothing is asked. Tokens are those that were counted then; another prompt scales
those that went in by its length, which is an estimate and says so.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from statistics import fmean

from msgspec import Struct, structs

from ai_adapter.base import Ask, Spent
from ai_adapter.distance import distance
from ai_adapter.policies import Policy
from ai_adapter.ports import Prices
from ai_adapter.prompts.prompt import Prompt, inputs_of, word
from ai_adapter.prompts.repository import prompt_for
from ai_adapter.providers.factory import Endpoint
from ai_adapter.registry import Target
from ai_adapter.routing import TEMPLATE, route

_STAMP = re.compile(r"-20\d\d(-?\d\d){0,2}$")


class Bill(Struct, frozen=True):
    """Who answers, and what that costs; `cost` None = nobody knows."""

    model: Target
    cost: Decimal | None = None
    currency: str = ""


class Past(Struct, frozen=True, kw_only=True):
    """One request as it was answered; `texts` are empty where nobody kept them."""

    id: str
    at: datetime
    ask: Ask
    bill: Bill
    spent: Spent
    texts: tuple[str, ...] = ()


class Shadow(Struct, frozen=True):
    """The same request under the new terms; `texts` only where it was really asked.

    `estimated`: its tokens were not counted by anybody.
    """

    past: Past
    bill: Bill
    rule: str = ""
    estimated: bool = False
    texts: tuple[str, ...] = ()
    failed: str = ""


class Terms(Struct, frozen=True, kw_only=True):
    """What is new; what is None stays as it was."""

    endpoints: tuple[Endpoint, ...]
    prices: Prices
    policy: Policy | None = None
    prompt: Prompt | None = None


class Sum(Struct, frozen=True):
    """Money by currency, and for how many calls nobody knows it."""

    money: dict[str, Decimal]
    unknown: int = 0


class Line(Struct, frozen=True, kw_only=True):
    """All requests of one task that went from one model to another.

    `changed` is how much of the texts differs (0..1), None where nothing was asked.
    """

    task: str
    before: str
    after: str
    calls: int
    paid: Sum
    would_pay: Sum
    estimated: int = 0
    failed: int = 0
    changed: float | None = None


def replayed(past: Past, terms: Terms) -> Shadow:
    """Raises Refused where the new routing would refuse it."""
    model, rule = _routed(past, terms)
    spent, estimated = _tokens(past, terms.prompt)
    told = past.spent.model_name if _same(model, past.bill.model) else model.model
    bill = _billed(model, structs.replace(spent, model_name=told), past, terms)
    return Shadow(past, bill, rule, estimated)


def _routed(past: Past, terms: Terms) -> tuple[Target, str]:
    if terms.policy is None:
        return past.bill.model, ""
    found = route(past.ask, terms.policy, terms.endpoints, past.at.date())
    stays = _same(found.meant, past.bill.model)
    return past.bill.model if stays else found.meant, found.resolved.rule.name


def _same(one: Target, other: Target) -> bool:
    """A provider answers with a dated name for the plain one it was asked by."""
    plain = _STAMP.sub("", one.model), _STAMP.sub("", other.model)
    return one.provider == other.provider and plain[0] == plain[1]


def _tokens(past: Past, prompt: Prompt | None) -> tuple[Spent, bool]:
    built_in = prompt_for(past.ask)
    if prompt is None or prompt.name != built_in.name:
        return past.spent, False
    before, after = _size(built_in, past.ask), _size(prompt, past.ask)
    scaled = round(past.spent.prompt_tokens * after / max(1, before))
    return structs.replace(past.spent, prompt_tokens=scaled, total=0), True


def _size(prompt: Prompt, ask: Ask) -> int:
    worded = word(prompt, ask, inputs_of(ask), prompt.variants)
    return len(worded.system) + len(worded.user)


def _billed(model: Target, spent: Spent, past: Past, terms: Terms) -> Bill:
    if model == TEMPLATE:
        return Bill(model, Decimal(0), past.bill.currency)
    if not spent.prompt_tokens + spent.completion_tokens:
        return Bill(model)  # a template answered then: nobody counted its tokens
    usage = terms.prices.usage_of(model.provider, spent, past.at)
    return Bill(model, usage.cost, usage.currency)


def lines(shadows: Iterable[Shadow]) -> tuple[Line, ...]:
    """The most frequent change first."""
    groups: dict[tuple[str, str, str], list[Shadow]] = {}
    for each in shadows:
        ask = each.past.ask
        names = _name(each.past.bill.model), _name(each.bill.model)
        groups.setdefault((ask.tool or ask.task, *names), []).append(each)
    found = [_line(*key, group) for key, group in groups.items()]
    return tuple(sorted(found, key=lambda line: (-line.calls, line.task, line.after)))


def _line(task: str, before: str, after: str, group: Sequence[Shadow]) -> Line:
    told = [each for each in group if each.texts]
    apart = [_apart(each) for each in told]
    return Line(
        task=task,
        before=before,
        after=after,
        calls=len(group),
        paid=summed(each.past.bill for each in group),
        would_pay=summed(each.bill for each in group if not each.failed),
        estimated=sum(each.estimated for each in group),
        failed=sum(bool(each.failed) for each in group),
        changed=fmean(apart) if apart else None,
    )


def _apart(shadow: Shadow) -> float:
    return distance("\n".join(shadow.past.texts), "\n".join(shadow.texts))


def _name(model: Target) -> str:
    return f"{model.provider}/{model.model}"


def summed(bills: Iterable[Bill]) -> Sum:
    money: dict[str, Decimal] = {}
    unknown = 0
    for bill in bills:
        if bill.cost is None:
            unknown += 1
        elif bill.cost:
            money[bill.currency] = money.get(bill.currency, Decimal(0)) + bill.cost
    return Sum(money, unknown)
