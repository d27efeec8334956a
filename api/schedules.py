"""When something is to happen: a wish in local time becomes one instant."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec.structs import replace

from api.problems import Problem, invalid
from schemas.jobs import Schedule

LONGEST = timedelta(days=366)
_SLACK = timedelta(seconds=5)


def schedule(at: str | None, timezone: str | None, now: datetime) -> Schedule:
    """Without `at`: now. Raises the 422 that names the field."""
    zone = _zone(timezone)
    if at is None:
        return Schedule(at=now, local=_local(now, zone), timezone=zone.key)
    moment = _read(at)
    instant = moment if moment.tzinfo else _placed(moment, zone, timezone)
    _check(instant, now)
    # The five seconds of grace count as "now", so no timer lies in the past.
    when = max(instant.astimezone(UTC), now)
    return Schedule(at=when, local=_local(when, zone), timezone=zone.key)


def until(planned: Schedule, not_after: str | None, timezone: str | None) -> Schedule:
    """With the instant it must not happen after; raises the 422 that names it."""
    if not_after is None:
        return planned
    moment = _read(not_after, "/notAfter")
    zone = _zone(timezone)
    last = moment if moment.tzinfo else _placed(moment, zone, timezone, "/notAfter")
    if last <= planned.at:
        raise invalid(
            "/notAfter",
            "This is not after the time it is planned for.",
            "Choose a later time, or leave it out.",
        )
    return replace(planned, not_after=last.astimezone(UTC))


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as wrong:
        raise invalid(
            "/timezone",
            "There is no such time zone.",
            "Use an IANA name such as Asia/Shanghai.",
        ) from wrong


def _read(at: str, field: str = "/scheduleAt") -> datetime:
    try:
        found = datetime.fromisoformat(at)
    except ValueError as wrong:
        raise invalid(
            field,
            "This is not a point in time.",
            "Use 2026-11-23T08:00:00Z, or a local time together with timezone.",
        ) from wrong
    # outside these years the arithmetic of zones overflows
    if not 1970 <= found.year <= 2999:
        raise invalid(field, "This is too far away.", "Choose a time within a year.")
    return found


def _placed(
    moment: datetime, zone: ZoneInfo, given: str | None, field: str = "/scheduleAt"
) -> datetime:
    """A local time the clocks skip is refused; of two equal ones the first counts.

    Whether 02:30 means 01:30 or 03:30 on such a day is not for us to say; the answer
    offers it moved forward by the gap.
    """
    if given is None:
        raise invalid(
            "/timezone", "A local time needs its zone.", "Add timezone, or end with Z."
        )
    placed = moment.replace(tzinfo=zone, fold=0)
    back = placed.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    if back != moment:
        moved = back.isoformat(timespec="seconds")
        raise invalid(
            field,
            "The clocks skip this time there.",
            f"Choose {moved}, or another time.",
        )
    return placed


def _check(instant: datetime, now: datetime) -> None:
    far = instant - now
    if far < -_SLACK:
        raise _wrong(
            "This time is in the past.", "Choose a later time, or leave it out."
        )
    if far > LONGEST:
        raise _wrong("This is too far away.", "Choose a time within a year.")


def _wrong(detail: str, remedy: str) -> Problem:
    return invalid("/scheduleAt", detail, remedy)


def _local(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone).replace(tzinfo=None)
    return local.isoformat(timespec="seconds")
