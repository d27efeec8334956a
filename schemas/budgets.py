"""A budget's terms: what AI calls may cost, whose calls, and in which period."""

from decimal import Decimal

from msgspec import Struct


class BudgetLimit(Struct, frozen=True):
    """Money of one period; `hard` is never passed, `soft` is told of. None = neither.

    `scope` is tenant, project or person; without an `id` each of them has its own.
    `period` is day or month, in the budget's zone.
    """

    scope: str
    period: str
    hard: Decimal | None = None
    soft: Decimal | None = None
    id: str = ""


class Money(Struct, frozen=True):
    amount: Decimal
    currency: str


class Rate(Struct, frozen=True):
    """What one of `currency` is worth in the budget's own."""

    currency: str
    worth: Decimal


class Reached(Struct, frozen=True):
    """A soft limit that was passed: whose, in which period, with how much of it."""

    limit: BudgetLimit
    whose: str
    period: str
    used: Decimal
