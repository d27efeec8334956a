"""Public holidays of China as the State Council announced them, year by year."""

from datetime import date
from functools import cache
from typing import Literal, TypeAlias

Day: TypeAlias = Literal["off", "work", "unknown"]

# Fixed by law in every year; all others depend on the moon and on an announcement.
_BY_LAW = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})


@cache
def china(day: date) -> Day:
    """`unknown` when that year is not announced and the law alone does not say."""
    # Loaded by whoever needs a price: 70 kB of dates.
    import chinese_calendar

    if (day.month, day.day) in _BY_LAW:
        return "off"
    try:
        return "off" if chinese_calendar.is_holiday(day) else "work"
    except NotImplementedError:
        return "unknown"


def announced_until() -> int:
    """The last year whose days off are known."""
    import chinese_calendar.constants as announced

    return int(max(announced.holidays).year)
