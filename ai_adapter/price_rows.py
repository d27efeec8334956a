"""The rows of the price book: what a provider charges, for what, and in which hours.

The rows are data (`prices.toml`), and an installation may add its own. A row that was
wrong is not edited: a newer one corrects it, and both stay in the book.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from ai_adapter.errors import Misconfigured

SHIPPED = Path(__file__).with_name("prices.toml")


class Rates(Struct, frozen=True, forbid_unknown_fields=True):
    """Per million tokens; `minute` of sound, `picture` each, `chars` per million."""

    miss: Decimal | None = None
    hit: Decimal | None = None
    write: Decimal | None = None
    image: Decimal | None = None
    audio: Decimal | None = None
    output: Decimal | None = None
    reasoning: Decimal | None = None
    minute: Decimal | None = None
    picture: Decimal | None = None
    chars: Decimal | None = None


class Long(Struct, frozen=True, forbid_unknown_fields=True):
    """The rates of the whole call once its prompt has more than `above` tokens."""

    above: int
    rates: Rates


class Window(Struct, frozen=True, forbid_unknown_fields=True):
    """Hours, from and before, of ISO weekdays in `zone`; there rates are multiplied."""

    factor: Decimal
    hours: tuple[tuple[int, int], ...]
    weekdays: frozenset[int]
    zone: str
    days_off: Literal["", "CN"] = ""


class Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The price of one model in one currency, from `since` and before `until`.

    `corrects` is the id of a row that was wrong and counts no more.
    """

    id: str
    provider: str
    model: str
    since: datetime
    currency: str
    rates: Rates
    source: str
    read: date
    until: datetime | None = None
    long: Long | None = None
    windows: tuple[str, ...] = ()
    corrects: str = ""

    def holds(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


class Sheet(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of rows, and the windows they name."""

    rows: tuple[Row, ...]
    windows: Mapping[str, Window] = {}


def read(path: Path) -> Sheet:
    """Raises Misconfigured that names the file and the field."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Sheet)
    except (OSError, msgspec.DecodeError) as wrong:
        raise Misconfigured(f"the price list {path} cannot be read: {wrong}") from wrong


@cache
def shipped() -> Sheet:
    return read(SHIPPED)


def together(*sheets: Sheet) -> Sheet:
    """Raises Misconfigured for an id that is there twice, or one that is not there."""
    whole = Sheet(
        rows=tuple(row for sheet in sheets for row in sheet.rows),
        windows={
            name: each for sheet in sheets for name, each in sheet.windows.items()
        },
    )
    _check(whole)
    return whole


def _check(sheet: Sheet) -> None:
    ids = {row.id for row in sheet.rows}
    seen: set[str] = set()
    for row in sheet.rows:
        if row.id in seen:
            raise Misconfigured(f"price row {row.id!r} is there twice: rename one")
        seen.add(row.id)
        for wanted in {row.corrects} - ids - {""}:
            raise Misconfigured(
                f"price row {row.id!r} corrects {wanted!r}: no such row"
            )
        for wanted in set(row.windows) - sheet.windows.keys():
            raise Misconfigured(
                f"price row {row.id!r} names {wanted!r}: no such window"
            )
        if row.since.tzinfo is None or (row.until and row.until.tzinfo is None):
            raise Misconfigured(f"price row {row.id!r}: its times need a time zone")
