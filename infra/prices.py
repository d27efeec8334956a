"""The price book of this installation: rows that ship and its own, and their look."""

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import asdict

from ai_adapter import days_off
from ai_adapter.errors import Misconfigured
from ai_adapter.price_book import Book
from ai_adapter.price_rows import Rates, Row, read, shipped
from infra.problem import Stop
from infra.settings import PREFIX, Settings


def book(settings: Settings) -> Book:
    """Raises Stop that names the file and the row that is wrong."""
    own = [] if settings.ai_prices is None else [settings.ai_prices]
    try:
        sheets = [shipped(), *(read(path) for path in own)]
        return Book(*sheets, billed=settings.billed)
    except Misconfigured as wrong:
        raise Stop(f"{wrong}: mend the file that {PREFIX}AI_PRICES names.") from wrong


def lines(prices: Book, at: datetime) -> Iterator[str]:
    """One line for each row, what counts at `at` marked, and how far days off go."""
    for row in prices.sheet.rows:
        mark = "*" if prices.row(row.provider, row.model, at) == row else " "
        windows = "".join(
            f", ×{prices.sheet.windows[w].factor} {w}" for w in row.windows
        )
        yield f"{mark} {row.id:34} {row.provider}/{row.model}: {_rates(row)}{windows}"
        yield f"    {_span(row)}; {row.source}, read {row.read}"
    yield "* counts now. Per million tokens or characters, per minute, per picture."
    year = days_off.announced_until()
    yield (
        f"Public holidays of China are known to the end of {year}; later costs that "
        "depend on them carry the flag no_calendar."
    )


def _rates(row: Row) -> str:
    long = row.long
    beyond = f"; above {long.above} tokens {_each(long.rates)}" if long else ""
    return f"{row.currency} {_each(row.rates)}{beyond}"


def _each(rates: Rates) -> str:
    known = {name: rate for name, rate in asdict(rates).items() if rate is not None}
    return ", ".join(f"{name} {rate}" for name, rate in known.items())


def _span(row: Row) -> str:
    until = f" until {row.until.isoformat()}" if row.until else ""
    corrects = f", corrects {row.corrects}" if row.corrects else ""
    return f"from {row.since.isoformat()}{until}{corrects}"
