"""Calendar periods: ``P90D``, ``P13M``, ``P2Y``.

A period has no length in seconds until it is added to an instant: two years from
2026-01-02 end on 2028-01-02, whatever leap days lie between. Years and months move the
date in the zone of the jurisdiction; a day that the month lacks becomes its last day,
so a period never ends later than the calendar says (docs: ``consent.md`` section 8).

Source: ISO 8601 durations, whole calendar units only.
"""

import calendar
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

_FORM = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?")


class Period(msgspec.Struct, frozen=True):
    """Whole calendar months and whole days."""

    months: int = 0
    days: int = 0


def period(text: str) -> Period:
    """Read ``text``.

    Raises:
        ValueError: not of the form P[nY][nM][nD], or empty.
    """
    match = _FORM.fullmatch(text)
    if match is None or text == "P":
        raise ValueError("a period is P[nY][nM][nD]")
    years, months, days = (int(part or 0) for part in match.groups())
    return Period(years * 12 + months, days)


def add_period(instant: datetime, text: str, zone: str) -> datetime:
    """Return the instant at which the period ends, in UTC.

    Args:
        instant: aware.
        text: see :func:`period`.
        zone: whose calendar is used, an IANA name.
    """
    span = period(text)
    local = instant.astimezone(ZoneInfo(zone))
    month0 = local.year * 12 + local.month - 1 + span.months
    year, month = divmod(month0, 12)
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    moved = local.replace(year=year, month=month + 1, day=day)
    return (moved + timedelta(days=span.days)).astimezone(UTC)


def is_within(text: str, limit: str) -> bool:
    """Whether a period never lasts longer than ``limit``, whenever it begins."""
    one, other = period(text), period(limit)
    if one.months <= other.months and one.days <= other.days:
        return True
    # A month has 31 days at most.
    return one.months * 31 + one.days <= shortest_days(limit)


def shortest_days(text: str) -> int:
    """Return the fewest days the period can last; for keys that live in whole days."""
    span = period(text)
    years, months = divmod(span.months, 12)
    # 59 days is the shortest pair of months (January and February end to end); a single
    # month may have 28, and twelve never have fewer than 365.
    return years * 365 + months * 28 + span.days
