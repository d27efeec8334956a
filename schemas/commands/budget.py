"""What may be wished of a tenant's budget for AI calls."""

from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct

from schemas.budgets import BudgetLimit, Money, Rate, Reached


class SetBudget(Struct, frozen=True, tag="io.contentops.budget.set.v1"):
    """See BudgetChanged; without limits every call is free to go."""

    currency: str
    limits: tuple[BudgetLimit, ...] = ()
    ceiling: Decimal = Decimal(1)
    timezone: str = "Asia/Shanghai"
    rates: tuple[Rate, ...] = ()


class ReserveBudget(Struct, frozen=True, tag="io.contentops.budget.reserve.v1"):
    """`most` is what a call may cost, in each currency it may be billed in.

    Empty: nobody knows. `at` chooses day and month. What is not settled at
    `expires_at` counts as spent, because nobody can tell any more.
    """

    reservation_id: str
    at: datetime
    expires_at: datetime
    most: tuple[Money, ...] = ()
    project_id: str = ""
    person_id: str = ""


class SettleBudget(Struct, frozen=True, tag="io.contentops.budget.settle.v1"):
    """What the call did cost, as billed; None = nobody knows."""

    reservation_id: str
    cost: Decimal | None = None
    currency: str = ""


class ReleaseBudget(Struct, frozen=True, tag="io.contentops.budget.release.v1"):
    """Nothing was bought."""

    reservation_id: str


class ExpireReservation(Struct, frozen=True, tag="io.contentops.budget.expire.v1"):
    """Sent by the dispatcher at `expires_at`, which is the reservation's own."""

    reservation_id: str
    expires_at: datetime


class WarnBudget(Struct, frozen=True, tag="io.contentops.budget.warn.v1"):
    reached: Reached


BudgetCommand: TypeAlias = (
    SetBudget
    | ReserveBudget
    | SettleBudget
    | ReleaseBudget
    | ExpireReservation
    | WarnBudget
)
