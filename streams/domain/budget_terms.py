"""Which terms a budget may have."""

from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo

from schemas.budgets import BudgetLimit
from schemas.commands.budget import SetBudget
from streams.domain.rejected import Rejected

MOST_LIMITS = 100
LARGEST = Decimal(10) ** 12
SCOPES = ("tenant", "project", "person")
PERIODS = ("day", "month")


def refuse_terms(command: SetBudget) -> None:
    """Raises Rejected, which names the first field that cannot be meant."""
    for pointer, detail in _faults(command):
        raise Rejected("invalid", "budget_terms", detail, pointer=pointer)


def _faults(command: SetBudget) -> Iterator[tuple[str, str]]:
    if not _currency(command.currency):
        yield "/currency", "Use the three letters of ISO 4217, such as CNY."
    if not _money(command.ceiling):
        yield "/ceiling", f"An amount is 0 to {LARGEST:f}."
    if not _zone(command.timezone):
        yield "/timezone", "Use an IANA name such as Asia/Shanghai."
    if len(command.limits) > MOST_LIMITS:
        yield "/limits", f"A budget has {MOST_LIMITS} limits at most."
    for place, limit in enumerate(command.limits):
        yield from _limit_faults(f"/limits/{place}", limit)
    for place, rate in enumerate(command.rates):
        if not _currency(rate.currency) or not _money(rate.worth) or not rate.worth:
            yield f"/rates/{place}", "A rate is more than 0, under an ISO 4217 name."


def _limit_faults(at: str, limit: BudgetLimit) -> Iterator[tuple[str, str]]:
    if limit.scope not in SCOPES:
        yield f"{at}/scope", f"A scope is one of {', '.join(SCOPES)}."
    if limit.period not in PERIODS:
        yield f"{at}/period", f"A period is one of {', '.join(PERIODS)}."
    if limit.scope == "tenant" and limit.id:
        yield f"{at}/id", "The tenant needs no id; leave it out."
    for name, amount in (("hard", limit.hard), ("soft", limit.soft)):
        if amount is not None and not _money(amount):
            yield (
                f"{at}/{name}",
                f"An amount is 0 to {LARGEST:f}; leave it out for none.",
            )


def _money(amount: Decimal) -> bool:
    return amount.is_finite() and 0 <= amount <= LARGEST


def _currency(name: str) -> bool:
    return len(name) == 3 and name.isascii() and name.isalpha() and name.isupper()


def _zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True
