"""What may have happened to a tenant's budget for AI calls."""

from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct

from schemas.budgets import BudgetLimit, Rate, Reached


class BudgetChanged(Struct, frozen=True, tag="io.contentops.budget.changed.v1"):
    """Limits are in `currency`; `rates` say what one of another currency is worth.

    `ceiling` is what a call counts for that nobody can price in it.
    """

    currency: str
    limits: tuple[BudgetLimit, ...] = ()
    ceiling: Decimal = Decimal(1)
    timezone: str = "Asia/Shanghai"
    rates: tuple[Rate, ...] = ()


class BudgetReserved(Struct, frozen=True, tag="io.contentops.budget.reserved.v1"):
    """`amount` is in the budget's currency; `day` is the local one it counts for.

    `reached` are the soft limits that this very reservation passed.
    """

    reservation_id: str
    amount: Decimal
    day: str
    expires_at: datetime
    project_id: str = ""
    person_id: str = ""
    reached: tuple[Reached, ...] = ()


class BudgetRefused(Struct, frozen=True, tag="io.contentops.budget.refused.v1"):
    """The hard limit would be passed by `amount`; `left` is what it still has."""

    reservation_id: str
    amount: Decimal
    limit: BudgetLimit
    left: Decimal
    day: str
    project_id: str = ""
    person_id: str = ""


class BudgetSettled(Struct, frozen=True, tag="io.contentops.budget.settled.v1"):
    """`counted` is in the budget's currency, `cost` as billed, None = unknown."""

    reservation_id: str
    counted: Decimal
    cost: Decimal | None = None
    currency: str = ""


class BudgetReleased(Struct, frozen=True, tag="io.contentops.budget.released.v1"):
    reservation_id: str
    amount: Decimal


class BudgetWarned(Struct, frozen=True, tag="io.contentops.budget.warned.v1"):
    """Once for each soft limit, whoever passed it, and period."""

    reached: Reached


BudgetEvent: TypeAlias = (
    BudgetChanged
    | BudgetReserved
    | BudgetRefused
    | BudgetSettled
    | BudgetReleased
    | BudgetWarned
)
