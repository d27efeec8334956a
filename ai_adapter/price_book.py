"""What tokens cost, by provider, model and day; rows are added, never changed.

DeepSeek charges double in Beijing office hours, so a row may carry a peak window.
Whole days off are a calendar, because vendors exempt Chinese public holidays.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from ai_adapter.base import Spent, Usage

_BEIJING = timezone(timedelta(hours=8))
_MILLION = Decimal(1_000_000)
_NOTHING = Decimal(0)

# Extended each year when the State Council publishes the calendar.
HOLIDAYS: frozenset[date] = frozenset({date(2027, 1, 1)})


class Row(Struct, frozen=True):
    """Prices per million tokens; hours are Beijing time, Monday to Friday.

    `minute` is the price of a minute of sound.
    """

    provider: str
    model: str
    since: date
    prompt: Decimal
    completion: Decimal
    cached: Decimal
    currency: str
    source: str
    peak_factor: int = 1
    peak_hours: frozenset[int] = frozenset()
    minute: Decimal = _NOTHING


_OFFICE = frozenset((9, 10, 11, 14, 15, 16, 17))
_DEEPSEEK = "api-docs.deepseek.com/zh-cn pricing, read 2026-11"
_OPENAI = "genai-prices 0.2.3, verified 2026-10"


def _deepseek(model: str, cached: str, prompt: str, completion: str) -> Row:
    return Row(
        provider="deepseek",
        model=model,
        since=date(2026, 10, 1),
        prompt=Decimal(prompt),
        completion=Decimal(completion),
        cached=Decimal(cached),
        currency="CNY",
        source=_DEEPSEEK,
        peak_factor=2,
        peak_hours=_OFFICE,
    )


def _openai(model: str, cached: str, prompt: str, completion: str) -> Row:
    return Row(
        provider="openai",
        model=model,
        since=date(2026, 10, 1),
        prompt=Decimal(prompt),
        completion=Decimal(completion),
        cached=Decimal(cached),
        currency="USD",
        source=_OPENAI,
    )


def _by_the_minute(model: str, price: str) -> Row:
    return Row(
        provider="openai",
        model=model,
        since=date(2026, 10, 1),
        prompt=_NOTHING,
        completion=_NOTHING,
        cached=_NOTHING,
        currency="USD",
        source="developers.openai.com pricing, read 2026-11",
        minute=Decimal(price),
    )


BOOK: tuple[Row, ...] = (
    _deepseek("deepseek-flash", "0.02", "1", "4"),
    _deepseek("deepseek-v4-flash", "0.02", "1", "4"),
    _deepseek("deepseek-v4-pro", "0.15", "4.5", "13.5"),
    _openai("gpt-4o-mini", "0.075", "0.15", "0.60"),
    _openai("gpt-6-luna", "0.01", "0.10", "0.50"),
    _openai("gpt-5.6-luna", "0.02", "0.20", "1.20"),
    _openai("gpt-6.1-terra", "0.05", "1", "5"),
    _openai("text-embedding-3-small", "0.02", "0.02", "0"),
    _openai("text-embedding-3-large", "0.13", "0.13", "0"),
    _by_the_minute("whisper-1", "0.006"),
    _by_the_minute("gpt-transcribe", "0.0045"),
)


def row_for(
    provider: str, model: str, at: datetime, book: tuple[Row, ...] = BOOK
) -> Row | None:
    """The newest row in force; a dated model id is priced as its family."""
    day = at.astimezone(UTC).date()
    rows = [
        row
        for row in book
        if row.provider == provider and row.since <= day and _same(row.model, model)
    ]
    return max(rows, key=lambda row: row.since) if rows else None


def _same(listed: str, billed: str) -> bool:
    # OpenAI answers with `gpt-4o-mini-2024-07-18` when asked for `gpt-4o-mini`.
    stamp = billed.removeprefix(listed)
    dated = stamp.startswith("-20") and stamp[1:].replace("-", "").isdecimal()
    return billed == listed or (billed.startswith(listed) and dated)


def usage_of(
    provider: str, spent: Spent, at: datetime, book: tuple[Row, ...] = BOOK
) -> Usage:
    """Tokens with their price at that moment; an unknown price leaves cost None."""
    row = row_for(provider, spent.model_name, at, book)
    return Usage(
        prompt_tokens=spent.prompt_tokens,
        completion_tokens=spent.completion_tokens,
        cost=None if row is None else _cost(row, spent, at),
        currency="" if row is None else row.currency,
        cached_tokens=spent.cached_tokens,
        seconds=spent.seconds,
    )


def _cost(row: Row, spent: Spent, at: datetime) -> Decimal:
    fresh = max(0, spent.prompt_tokens - spent.cached_tokens)
    sum_of = (
        fresh * row.prompt
        + spent.cached_tokens * row.cached
        + spent.completion_tokens * row.completion
    )
    heard = Decimal(str(spent.seconds)) * row.minute / 60
    return sum_of * _factor(row, at) / _MILLION + heard


def _factor(row: Row, at: datetime) -> int:
    local = at.astimezone(_BEIJING)
    working = local.weekday() < 5 and local.date() not in HOLIDAYS
    return row.peak_factor if working and local.hour in row.peak_hours else 1


FREE = Usage(0, 0, _NOTHING, "")


def total(usages: tuple[Usage, ...]) -> Usage:
    """All attempts together; two currencies or one unknown price make cost None."""
    paid = tuple(
        u for u in usages if u.prompt_tokens or u.completion_tokens or u.seconds
    )
    sums = Usage(
        prompt_tokens=sum(u.prompt_tokens for u in paid),
        completion_tokens=sum(u.completion_tokens for u in paid),
        cost=None,
        currency="",
        cached_tokens=sum(u.cached_tokens for u in paid),
        seconds=sum(u.seconds for u in paid),
    )
    by_currency = _by_currency(paid)
    if by_currency is None or len(by_currency) > 1:
        return sums
    currency, cost = next(iter(by_currency.items()), ("", _NOTHING))
    return replace(sums, cost=cost, currency=currency)


def _by_currency(usages: tuple[Usage, ...]) -> Mapping[str, Decimal] | None:
    sums: dict[str, Decimal] = {}
    for usage in usages:
        if usage.cost is None:
            return None
        sums[usage.currency] = sums.get(usage.currency, _NOTHING) + usage.cost
    return sums
