"""What recorded calls would have cost by the price book as it is now.

History stays as it was billed: this is a report, by tenant, model and currency.
"""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import Struct
from msgspec.structs import asdict
from psycopg.rows import dict_row

from ai_adapter.base import Spent
from ai_adapter.price_book import Book
from infra import prices
from infra.settings import Settings
from infra.wiring import pool_of
from schemas.generation import Generated, Tried, Usage

RECORDED = """
SELECT tenant, coalesce(started_at, created_at) AS at, result FROM read.tasks
WHERE kind = 'generate' AND status = 'completed' AND created_at >= %s
ORDER BY tenant, created_at
"""
_COUNTED = frozenset(Spent.__struct_fields__) & frozenset(Usage.__struct_fields__)


class Call(Struct, frozen=True):
    """One recorded call and when it was made."""

    tenant: str
    at: datetime
    provider: str
    model: str
    usage: Usage


class Line(Struct, frozen=True):
    """Sums of one tenant, model and currency.

    `unknown`: calls that have no price now either. `found`: that had none before.
    """

    tenant: str
    model: str
    currency: str
    calls: int
    old: Decimal
    new: Decimal
    found: int
    unknown: int

    @property
    def difference(self) -> Decimal:
        return self.new - self.old


def report(settings: Settings, since: datetime) -> list[Line]:
    """By the rows that ship and those of CONTENTOPS_AI_PRICES, as of each request."""
    return lines(asyncio.run(_recorded(settings, since)), prices.book(settings))


def calls_of(tenant: str, at: datetime, made: Generated) -> Iterator[Call]:
    """Every call that went out; none where an earlier answer was given again."""
    if made.cached_from:
        return
    alone = Tried(made.provider, made.model_name, "answered", 0, made.usage)
    for each in made.tried or (alone,):
        yield Call(tenant, at, each.provider, each.model_name, each.usage)


def lines(calls: Iterable[Call], book: Book) -> list[Line]:
    found: dict[tuple[str, str, str], Line] = {}
    for call in calls:
        if not _spent(call).prompt_tokens and not _units(call.usage):
            continue
        line = _line(call, book)
        key = (line.tenant, line.model, line.currency)
        found[key] = _added(found[key], line) if key in found else line
    return [found[key] for key in sorted(found)]


def _line(call: Call, book: Book) -> Line:
    now = book.usage_of(call.provider, _spent(call), call.at)
    old = call.usage.cost
    return Line(
        tenant=call.tenant,
        model=f"{call.provider}/{call.model}",
        currency=now.currency or call.usage.currency,
        calls=1,
        old=Decimal(old or 0),
        new=now.cost or Decimal(0),
        found=int(old is None and now.cost is not None),
        unknown=int(now.cost is None),
    )


def _added(one: Line, other: Line) -> Line:
    return Line(
        one.tenant,
        one.model,
        one.currency,
        one.calls + other.calls,
        one.old + other.old,
        one.new + other.new,
        one.found + other.found,
        one.unknown + other.unknown,
    )


def _spent(call: Call) -> Spent:
    """As it was counted; a recorded name is the one it was billed by."""
    counted = {name: n for name, n in asdict(call.usage).items() if name in _COUNTED}
    return msgspec.convert({"model_name": call.model, **counted}, Spent)


def _units(usage: Usage) -> float:
    return usage.completion_tokens + usage.seconds + usage.images + usage.characters


async def _recorded(settings: Settings, since: datetime) -> list[Call]:
    """As the owner of the read models: a report is over all tenants."""
    found: list[Call] = []
    async with pool_of(settings, "owner", largest=1) as pool, pool.connection() as ours:
        cursor = ours.cursor(row_factory=dict_row)
        await cursor.execute(RECORDED, (since,))
        async for row in cursor:
            made = msgspec.convert(row["result"], Generated)
            found += calls_of(row["tenant"], row["at"], made)
    return found


def shown(found: Iterable[Line]) -> Iterator[str]:
    head = f"{'tenant':20} {'model':34} {'calls':>7} {'billed':>14} {'now':>14}"
    yield f"{head} difference"
    for line in found:
        notes = [f"{line.found} had no price"] if line.found else []
        notes += [f"{line.unknown} have none"] if line.unknown else []
        yield (
            f"{line.tenant:20} {line.model:34} {line.calls:7} {line.old:14.6f} "
            f"{line.new:14.6f} {line.difference:+.6f} {line.currency} "
            f"{'; '.join(notes)}"
        ).rstrip()
