"""Rules of a budget: money is set aside before a call, and counted when it ended.

    reserve ──► reserved ──► settled   (what it cost, or what was set aside: unknown)
           └──► refused  └─► released  (nothing was bought)

All calls of a tenant ask this one stream, so however many come at once, what is spent
and what is set aside never pass a hard limit together.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import assert_never
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from schemas.budgets import BudgetLimit, Money, Reached
from schemas.commands.budget import (
    BudgetCommand,
    ExpireReservation,
    ReleaseBudget,
    ReserveBudget,
    SetBudget,
    SettleBudget,
    WarnBudget,
)
from schemas.events.budget import (
    BudgetChanged,
    BudgetEvent,
    BudgetRefused,
    BudgetReleased,
    BudgetReserved,
    BudgetSettled,
    BudgetWarned,
)
from streams.domain.budget_terms import refuse_terms

ENDED_KEPT = 500
"""So many reservations that have ended are known, to take a late repeat for one."""
PERIODS_KEPT = 3
"""Days and months each; in order of their first use, whatever a wrong clock says."""
NOTHING = Decimal(0)


class Held(Struct, frozen=True):
    """What a call under way may cost, in the budget's currency, and for which day."""

    amount: Decimal
    day: str
    project_id: str
    person_id: str
    expires_at: datetime


class Budget(Struct, frozen=True):
    """`used` is spent or set aside, by period and by whose it is."""

    terms: BudgetChanged | None = None
    held: dict[str, Held] = {}
    used: dict[str, dict[str, Decimal]] = {}
    ended: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()


initial = Budget()


def decide(command: BudgetCommand, budget: Budget) -> BudgetEvent | None:
    match command:
        case SetBudget():
            return _change(command, budget)
        case ReserveBudget():
            return _reserve(command, budget)
        case SettleBudget():
            return _settle(command, budget)
        case ReleaseBudget(reservation_id=name):
            held = budget.held.get(name)
            return BudgetReleased(name, held.amount) if held else None
        case ExpireReservation():
            return _expire(command, budget)
        case WarnBudget(reached=reached):
            told = _warning(reached.period, reached.whose, reached.limit)
            return None if told in budget.warned else BudgetWarned(reached)
        case _:
            assert_never(command)


def _change(command: SetBudget, budget: Budget) -> BudgetChanged | None:
    refuse_terms(command)
    wanted = BudgetChanged(
        currency=command.currency,
        limits=command.limits,
        ceiling=command.ceiling,
        timezone=command.timezone,
        rates=command.rates,
    )
    return None if wanted == budget.terms else wanted


def _reserve(
    command: ReserveBudget, budget: Budget
) -> BudgetReserved | BudgetRefused | None:
    """A refusal is an event: a chain or a job has to learn of it, and people look."""
    terms, name = budget.terms, command.reservation_id
    if terms is None or not terms.limits:
        return None
    if name in budget.held or name in budget.ended:
        return None
    day = command.at.astimezone(ZoneInfo(terms.timezone)).date().isoformat()
    amount = _most(terms, command.most)
    project_id, person_id = command.project_id, command.person_id
    call = Held(amount, day, project_id, person_id, command.expires_at)
    for limit, left in _room(budget, terms, call):
        if limit.hard is not None and amount > left:
            return _refused(name, call, limit, left)
    return BudgetReserved(
        reservation_id=name,
        amount=amount,
        day=day,
        expires_at=command.expires_at,
        project_id=project_id,
        person_id=person_id,
        reached=tuple(_reached(budget, terms, call)),
    )


def _refused(name: str, call: Held, limit: BudgetLimit, left: Decimal) -> BudgetRefused:
    return BudgetRefused(
        reservation_id=name,
        amount=call.amount,
        limit=limit,
        left=max(left, NOTHING),
        day=call.day,
        project_id=call.project_id,
        person_id=call.person_id,
    )


def _most(terms: BudgetChanged, most: tuple[Money, ...]) -> Decimal:
    """Whichever of the models that may answer is the dearest."""
    worth = [_worth(terms, m.amount, m.currency, terms.ceiling) for m in most]
    return max(worth, default=terms.ceiling)


def _worth(
    terms: BudgetChanged, amount: Decimal | None, currency: str, unknown: Decimal
) -> Decimal:
    """In the budget's currency; `unknown` where nobody can tell."""
    rates = {each.currency: each.worth for each in terms.rates}
    rate = Decimal(1) if currency == terms.currency else rates.get(currency)
    if amount is None or rate is None or not amount.is_finite() or amount < 0:
        return unknown
    return amount * rate


def _room(
    budget: Budget, terms: BudgetChanged, call: Held
) -> Iterator[tuple[BudgetLimit, Decimal]]:
    for limit in terms.limits:
        if (whose := _whose(limit, call)) and limit.hard is not None:
            yield limit, limit.hard - _used(budget, limit, call, whose)


def _reached(budget: Budget, terms: BudgetChanged, call: Held) -> Iterator[Reached]:
    for limit in terms.limits:
        whose = _whose(limit, call)
        if not whose or limit.soft is None:
            continue
        before = _used(budget, limit, call, whose)
        after = before + call.amount
        period = _period(limit, call.day)
        told = _warning(period, whose, limit) in budget.warned
        if before < limit.soft <= after and not told:
            yield Reached(limit, whose, period, after)


def _used(budget: Budget, limit: BudgetLimit, call: Held, whose: str) -> Decimal:
    period = budget.used.get(_period(limit, call.day), {})
    return period.get(whose, NOTHING)


def _whose(limit: BudgetLimit, call: Held) -> str:
    """Empty where this limit is not for this call."""
    if limit.scope == "tenant":
        return "tenant"
    mine = call.project_id if limit.scope == "project" else call.person_id
    return f"{limit.scope}/{mine}" if mine and limit.id in ("", mine) else ""


def _period(limit: BudgetLimit, day: str) -> str:
    return day if limit.period == "day" else day[:7]


def _warning(period: str, whose: str, limit: BudgetLimit) -> str:
    return f"{period} {whose} {limit.soft}"


def _settle(command: SettleBudget, budget: Budget) -> BudgetSettled | None:
    """What nobody can price counts for what was set aside."""
    name = command.reservation_id
    held, terms = budget.held.get(name), budget.terms
    if held is None or terms is None:
        return None
    counted = _worth(terms, command.cost, command.currency, held.amount)
    return BudgetSettled(name, counted, command.cost, command.currency)


def _expire(command: ExpireReservation, budget: Budget) -> BudgetSettled | None:
    held = budget.held.get(command.reservation_id)
    if held is None or held.expires_at != command.expires_at:
        return None
    return BudgetSettled(command.reservation_id, held.amount)


def evolve(budget: Budget, event: BudgetEvent) -> Budget:
    match event:
        case BudgetChanged():
            return replace(budget, terms=event)
        case BudgetReserved():
            return _held(budget, event)
        case BudgetSettled(reservation_id=name, counted=counted):
            return _ended(budget, name, counted)
        case BudgetReleased(reservation_id=name):
            return _ended(budget, name, NOTHING)
        case BudgetWarned(reached=found):
            told = _warning(found.period, found.whose, found.limit)
            kept = tuple(w for w in budget.warned if w.split(" ")[0] in budget.used)
            return replace(budget, warned=(*kept, told))
        case BudgetRefused():
            return budget
        case _:
            assert_never(event)


def _held(budget: Budget, event: BudgetReserved) -> Budget:
    call = Held(
        event.amount,
        event.day,
        event.project_id,
        event.person_id,
        event.expires_at,
    )
    used = budget.used
    for period in (event.day, event.day[:7]):
        used = _opened(used, period)
    used = _counted(used, call, call.amount)
    return replace(budget, held={**budget.held, event.reservation_id: call}, used=used)


def _opened(
    used: dict[str, dict[str, Decimal]], period: str
) -> dict[str, dict[str, Decimal]]:
    """A period begins; of its kind the one that began longest ago may go."""
    if period in used:
        return used
    alike = [each for each in used if len(each) == len(period)]
    gone = alike[: max(0, len(alike) + 1 - PERIODS_KEPT)]
    return {**{k: v for k, v in used.items() if k not in gone}, period: {}}


def _ended(budget: Budget, name: str, counted: Decimal) -> Budget:
    call = budget.held.get(name)
    if call is None:
        return budget
    left = {key: each for key, each in budget.held.items() if key != name}
    used = _counted(budget.used, call, counted - call.amount)
    ended = (*budget.ended, name)[-ENDED_KEPT:]
    return replace(budget, held=left, used=used, ended=ended)


def _counted(
    used: dict[str, dict[str, Decimal]], call: Held, amount: Decimal
) -> dict[str, dict[str, Decimal]]:
    """More, or less where `amount` is negative; a period that is gone stays gone."""
    found = dict(used)
    for period in (call.day, call.day[:7]):
        if period in found:
            found[period] = _added(found[period], call, amount)
    return found


def _added(sums: dict[str, Decimal], call: Held, amount: Decimal) -> dict[str, Decimal]:
    mine = ["tenant"]
    mine += [f"project/{call.project_id}"] if call.project_id else []
    mine += [f"person/{call.person_id}"] if call.person_id else []
    return {**sums, **{each: sums.get(each, NOTHING) + amount for each in mine}}
