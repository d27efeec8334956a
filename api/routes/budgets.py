"""Budgets for AI calls: limits that hold however many calls come at once."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response
from pydantic import Field, field_validator

from api.deps import P, Read, Who
from api.problems import Problem
from api.rows import Rows
from api.shapes import Body, Id, Item, Receipt, Shown
from api.writes import Writes, answer, decide, receipt
from projections.budgets.query import USED
from schemas.budgets import BudgetLimit, Rate
from schemas.commands.budget import SetBudget
from schemas.ids import budget_id

router = APIRouter(tags=["ai"])

Money: TypeAlias = Annotated[Decimal, Field(ge=0, le=10**12, decimal_places=12)]
Worth: TypeAlias = Annotated[Decimal, Field(gt=0, le=10**6)]


class NewLimit(Body):
    """`hard` is never passed, `soft` is told of; without `id` each has its own."""

    scope: Literal["tenant", "project", "person"]
    period: Literal["day", "month"]
    hard: Money | None = None
    soft: Money | None = None
    id: Id | None = None


class NewBudget(Body):
    """All at once: what is left out has no limit from then on.

    `rates` say what one of another currency is worth; a call that nobody can price
    counts `ceiling`.
    """

    currency: str = Field(pattern="^[A-Z]{3}$")
    limits: list[NewLimit] = Field(default_factory=list, max_length=100)
    ceiling: Money = Decimal(1)
    timezone: str = Field(default="Asia/Shanghai", max_length=60)
    rates: dict[str, Worth] = Field(default_factory=dict, max_length=30)


class Limit(Shown):
    scope: str
    period: str
    hard: Decimal | None = None
    soft: Decimal | None = None
    id: str = ""


class Used(Shown):
    """Spent or set aside, in the budget's currency; `whose` as in person/<id>."""

    whose: str
    day: Decimal
    month: Decimal


class Budget(Item):
    currency: str = ""
    ceiling: Decimal | None = None
    timezone: str = "Asia/Shanghai"
    limits: list[Limit] = Field(default_factory=list)
    rates: dict[str, Decimal] = Field(default_factory=dict)

    @field_validator("rates", mode="before")
    @classmethod
    def _by_currency(cls, kept: object) -> object:
        """Kept as a list; people name the currency."""
        if not isinstance(kept, list):
            return kept
        return {each["currency"]: each["worth"] for each in kept}

    used: list[Used] = Field(default_factory=list)


@router.get("/ai/budgets")
async def read_budget(who: Who, rows: Read, parts: P) -> Budget:
    """The tenant's terms and what is used of them, today and this month."""
    found = await _budget(rows, who.tenant)
    sums = await rows.all(USED, _periods(found.timezone, parts.clock()))
    used = [Used.model_validate(each) for each in sums]
    return found.model_copy(update={"used": used})


@router.put("/ai/budgets", status_code=202, response_model=Receipt)
async def set_budget(body: NewBudget, write: Writes, rows: Read) -> Response:
    if write.who.role != "admin":
        raise Problem(403, "Only an admin may set budgets.", code="forbidden")
    tenant = write.who.tenant
    own = budget_id(tenant)
    outcome = await decide(write, _wish(body), own)
    told = receipt(write, outcome, own)
    return await answer(write, outcome, told, lambda: _budget(rows, tenant))


def _wish(body: NewBudget) -> SetBudget:
    return SetBudget(
        currency=body.currency,
        limits=tuple(
            BudgetLimit(each.scope, each.period, each.hard, each.soft, each.id or "")
            for each in body.limits
        ),
        ceiling=body.ceiling,
        timezone=body.timezone,
        rates=tuple(Rate(name, worth) for name, worth in body.rates.items()),
    )


async def _budget(rows: Rows, tenant: str) -> Budget:
    own = budget_id(tenant)
    return await rows.one("budgets", Budget, own) or Budget(id=own)


def _periods(timezone: str, now: datetime) -> dict[str, str]:
    day = now.astimezone(ZoneInfo(timezone)).date().isoformat()
    return {"day": day, "month": day[:7]}
