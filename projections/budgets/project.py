"""Budgets: their terms, each call that money was asked for, and what was warned of."""

from collections.abc import Iterable
from decimal import Decimal

from projections.table import Row, Table, row
from schemas.envelope import Record
from schemas.events.budget import (
    BudgetChanged,
    BudgetRefused,
    BudgetReleased,
    BudgetReserved,
    BudgetSettled,
    BudgetWarned,
)
from schemas.registry import Data

BUDGETS = Table("budgets", json=frozenset({"limits", "rates"}))
RESERVATIONS = Table("reservations", json=frozenset({"limited_by"}))
WARNINGS = Table("budget_warnings")


def project(record: Record[Data]) -> Iterable[Row]:
    match record.data:
        case BudgetChanged() as terms:
            return (_terms(record, terms),)
        case BudgetReserved() | BudgetRefused():
            return (_asked(record, record.data),)
        case BudgetSettled() | BudgetReleased():
            return (_ended(record, record.data),)
        case BudgetWarned() as warned:
            return (_warned(record, warned),)
        case _:
            return ()


def _terms(record: Record[Data], event: BudgetChanged) -> Row:
    return row(
        BUDGETS,
        record,
        currency=event.currency,
        ceiling=event.ceiling,
        timezone=event.timezone,
        limits=event.limits,
        rates=event.rates,
    )


def _asked(record: Record[Data], event: BudgetReserved | BudgetRefused) -> Row:
    refused = isinstance(event, BudgetRefused)
    return row(
        RESERVATIONS,
        record,
        id=event.reservation_id,
        status="refused" if refused else "reserved",
        asked=event.amount,
        amount=Decimal(0) if refused else event.amount,
        day=event.day,
        project_id=event.project_id,
        person_id=event.person_id,
        limited_by=event.limit if isinstance(event, BudgetRefused) else None,
    )


def _ended(record: Record[Data], event: BudgetSettled | BudgetReleased) -> Row:
    if isinstance(event, BudgetReleased):
        nothing = Decimal(0)
        return row(
            RESERVATIONS,
            record,
            id=event.reservation_id,
            status="released",
            amount=nothing,
        )
    return row(
        RESERVATIONS,
        record,
        id=event.reservation_id,
        status="unknown" if event.cost is None else "settled",
        amount=event.counted,
        cost=event.cost,
        billed_in=event.currency,
    )


def _warned(record: Record[Data], event: BudgetWarned) -> Row:
    found = event.reached
    return row(
        WARNINGS,
        record,
        id=f"{record.subject_id}:{found.period}:{found.whose}:{found.limit.soft}",
        period=found.period,
        whose=found.whose,
        soft=found.limit.soft,
        used=found.used,
    )
