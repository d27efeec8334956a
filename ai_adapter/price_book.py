"""What a call costs: by the row in force for the model that answered, when asked."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from ai_adapter import days_off
from ai_adapter.base import Spent, Usage
from ai_adapter.price_rows import Rates, Row, Sheet, Window, shipped, together

# OpenAI answers with `gpt-4o-mini-2024-07-18` when asked for `gpt-4o-mini`.
_STAMP = re.compile(r"-20\d\d(-?\d\d){0,2}$")
_PLAIN_TIERS = frozenset(("", "default", "auto", "standard"))
_MILLION = Decimal(1_000_000)
_NOTHING = Decimal(0)
_COUNTS = (
    "prompt_tokens",
    "completion_tokens",
    "cached_tokens",
    "seconds",
    "cache_write_tokens",
    "image_tokens",
    "audio_tokens",
    "reasoning_tokens",
    "images",
    "characters",
)
# How much of something, and its price; None = nobody knows it.
_Charge: TypeAlias = tuple[Decimal, Decimal | None]


class Book:
    """All rows there are; `billed` says in which currency a provider is paid.

    Where that is not said, it is the currency of the provider's first row.
    """

    def __init__(self, *sheets: Sheet, billed: Mapping[str, str] | None = None) -> None:
        """Raises Misconfigured for rows that contradict each other."""
        self.sheet = together(*sheets)
        usual = {row.provider: row.currency for row in reversed(self.sheet.rows)}
        self._billed = {**usual, **(billed or {})}
        corrected = {row.corrects for row in self.sheet.rows}
        self._live: dict[tuple[str, str], list[Row]] = {}
        for row in self.sheet.rows:
            if row.id not in corrected:
                self._live.setdefault((row.provider, row.model), []).append(row)

    def row(self, provider: str, model: str, at: datetime) -> Row | None:
        """The newest row in force; a dated model id is priced as its family."""
        family = (provider, _STAMP.sub("", model))
        known = self._live.get((provider, model)) or self._live.get(family, [])
        billed = self._billed.get(provider)
        rows = [row for row in known if row.currency == billed and row.holds(at)]
        return max(rows, key=lambda row: row.since, default=None)

    def usage_of(self, provider: str, spent: Spent, at: datetime) -> Usage:
        """What was spent, priced as of the request; an unknown price is None."""
        row = self.row(provider, spent.model_name, at)
        cost = None if row is None else _cost(row, spent)
        usage = _counted(spent)
        if row is None or cost is None:
            return usage
        rate = self._rate(row, at)
        return replace(
            usage,
            cost=cost * rate.factor,
            currency=row.currency,
            price_row=row.id,
            no_calendar=not rate.sure,
        )

    def _rate(self, row: Row, at: datetime) -> "_Rate":
        rates = (_rate(self.sheet.windows[name], at) for name in row.windows)
        return next((each for each in rates if each is not _PLAIN), _PLAIN)


class _Rate(NamedTuple):
    """What rates are multiplied by, and whether that day's calendar was announced."""

    factor: Decimal
    sure: bool


_PLAIN = _Rate(Decimal(1), sure=True)


def _rate(window: Window, at: datetime) -> _Rate:
    """A day nobody has announced counts as the working day that it mostly is."""
    local = at.astimezone(ZoneInfo(window.zone))
    inside = any(first <= local.hour < end for first, end in window.hours)
    if not inside or local.isoweekday() not in window.weekdays:
        return _PLAIN
    day = days_off.china(local.date()) if window.days_off else "work"
    return _PLAIN if day == "off" else _Rate(window.factor, day == "work")


class _Classes(NamedTuple):
    """Every token in exactly one of them."""

    miss: int
    hit: int
    write: int
    image: int
    audio: int
    output: int
    reasoning: int


def _classes(spent: Spent) -> _Classes:
    """Never negative, whatever a provider says."""
    named = spent.image_tokens + spent.audio_tokens
    known = spent.cached_tokens + spent.cache_write_tokens + named
    return _Classes(
        miss=max(0, spent.prompt_tokens - known),
        hit=spent.cached_tokens,
        write=spent.cache_write_tokens,
        image=spent.image_tokens,
        audio=spent.audio_tokens,
        output=max(0, spent.completion_tokens - spent.reasoning_tokens),
        reasoning=spent.reasoning_tokens,
    )


def balanced(spent: Spent) -> bool:
    """Whether the classes are the totals that the provider itself reports."""
    sums = spent.prompt_tokens + spent.completion_tokens
    return sum(_classes(spent)) == sums == (spent.total or sums)


def _cost(row: Row, spent: Spent) -> Decimal | None:
    """Outside any window."""
    if spent.tier not in _PLAIN_TIERS:
        return None
    far = row.long is not None and spent.prompt_tokens > row.long.above
    return _charged(row.long.rates if row.long and far else row.rates, spent)


def _charged(rates: Rates, spent: Spent) -> Decimal | None:
    """None when something was used that has no price."""
    tokens, units = _sum(_tokens(rates, spent)), _sum(_units(rates, spent))
    if tokens is not None and units is not None:
        return tokens + units
    # Sound and pictures are billed by the piece or by the token, and often counted in
    # both ways: what has a price is what is billed.
    if tokens is not None:
        return tokens if spent.prompt_tokens or spent.completion_tokens else None
    return units or None


def _tokens(rates: Rates, spent: Spent) -> Iterator[_Charge]:
    of_prompt = (rates.miss, rates.hit, rates.write, rates.image, rates.audio)
    of_completion = (rates.output, rates.reasoning)
    prices = (
        *(_or(rate, rates.miss) for rate in of_prompt),
        *(_or(rate, rates.output) for rate in of_completion),
    )
    for tokens, price in zip(_classes(spent), prices, strict=True):
        yield Decimal(tokens) / _MILLION, price


def _units(rates: Rates, spent: Spent) -> Iterator[_Charge]:
    yield Decimal(str(spent.seconds)) / 60, rates.minute
    yield Decimal(spent.images), rates.picture
    yield Decimal(spent.characters) / _MILLION, rates.chars


def _sum(charges: Iterable[_Charge]) -> Decimal | None:
    whole = _NOTHING
    for amount, price in charges:
        if amount and price is None:
            return None
        whole += amount * (price or _NOTHING)
    return whole


def _or(rate: Decimal | None, other: Decimal | None) -> Decimal | None:
    return other if rate is None else rate


def _counted(spent: Spent) -> Usage:
    return Usage(
        prompt_tokens=spent.prompt_tokens,
        completion_tokens=spent.completion_tokens,
        cost=None,
        currency="",
        cached_tokens=spent.cached_tokens,
        seconds=spent.seconds,
        cache_write_tokens=spent.cache_write_tokens,
        image_tokens=spent.image_tokens,
        audio_tokens=spent.audio_tokens,
        reasoning_tokens=spent.reasoning_tokens,
        images=spent.images,
        characters=spent.characters,
        estimated=spent.estimated,
        unbalanced=not balanced(spent),
    )


@cache
def listed() -> Book:
    """The prices that come with this release."""
    return Book(shipped())


def usage_of(provider: str, spent: Spent, at: datetime) -> Usage:
    """As `Book.usage_of`, by the prices that come with this release."""
    return listed().usage_of(provider, spent, at)


FREE = Usage(0, 0, _NOTHING, "")


def total(usages: Sequence[Usage]) -> Usage:
    """All attempts together; two currencies or one unknown price make cost None."""
    counted = [(each, _counts(each)) for each in usages]
    paid = [each for each, counts in counted if any(counts)]
    sums = [sum(column) for column in zip(*(c for _, c in counted), strict=True)]
    whole = replace(FREE, **dict(zip(_COUNTS, sums, strict=False)))
    costs = [each.cost for each in paid if each.cost is not None]
    known = len(costs) == len(paid) and len({each.currency for each in paid}) <= 1
    rows = {each.price_row for each in paid}
    return replace(
        whole,
        cost=sum(costs, _NOTHING) if known else None,
        currency=paid[0].currency if known and paid else "",
        price_row=rows.pop() if len(rows) == 1 else "",
        estimated=any(each.estimated for each in paid),
        unbalanced=any(each.unbalanced for each in paid),
        no_calendar=any(each.no_calendar for each in paid),
    )


def _counts(usage: Usage) -> list[float]:
    return [getattr(usage, name) for name in _COUNTS]
