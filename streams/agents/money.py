"""Money around one AI call: what is set aside before it, and what it came to."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from ai_adapter.base import Attempt
from ai_adapter.price_book import total
from schemas.budgets import Money
from schemas.commands.budget import ReleaseBudget, ReserveBudget, SettleBudget
from schemas.events.budget import BudgetRefused
from schemas.registry import wire_name

REFUSED = wire_name(BudgetRefused)
EXHAUSTED = "budget_exhausted"


class Purchase(Struct, frozen=True):
    """Whose call, under which name, and when nobody will answer for it any more."""

    name: str
    until: datetime
    project_id: str = ""
    person_id: str = ""


def reserve(
    call: Purchase, most: dict[str, Decimal] | None, now: datetime
) -> ReserveBudget:
    return ReserveBudget(
        reservation_id=call.name,
        at=now,
        expires_at=call.until,
        most=tuple(Money(cost, name) for name, cost in (most or {}).items()),
        project_id=call.project_id,
        person_id=call.person_id,
    )


def settlement(name: str, attempts: Sequence[Attempt]) -> SettleBudget | ReleaseBudget:
    """Without a call nothing was bought; a lost answer may have cost anything."""
    paid = [each.usage for each in attempts if each.usage is not None]
    lost = any(each.outcome == "unknown" and each.usage is None for each in attempts)
    if not paid and not lost:
        return ReleaseBudget(name)
    sum_ = total(tuple(paid))
    if lost or sum_.cost is None:
        return SettleBudget(name)
    return SettleBudget(name, sum_.cost, sum_.currency)
