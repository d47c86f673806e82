"""Calendar periods: how long a grant lasts in the zone of its jurisdiction.

- A period ends at 00:00 local time of the same calendar date, later by the period:
  ``P2Y`` from 2026-01-02 in Seoul ends at 2028-01-02 00:00 there.
- Where that date does not exist, the earlier day counts (our reading): from 29 February
  a year ends on 28 February.
- So a period never lasts longer than its name says.

Refuses: hours, fractions, zero.

Source: ISO 8601-1:2019 section 5.5.2 (durations by designators);
docs/decisions/0060-consent-fold.md.
"""

import calendar
import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from cdp.consent.errors import PeriodSyntaxError
from cdp.kernel import from_micros, to_micros

_FORM = re.compile(r"P(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,6})D)?")
# An age of over a thousand years is a slip of the pen, and would overflow a date.
_MAX_MONTHS = 12_000
_MAX_DAYS = 366_000
_DAY = 86_400_000_000  # microseconds


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Calendar months and days; at least one of them is above zero."""

    months: int = 0
    days: int = 0

    @staticmethod
    def parse(text: str) -> "Period":
        """Read ``P2Y``, ``P13M``, ``P1Y6M``, ``P4W``, ``P90D``.

        Raises:
            PeriodSyntaxError: another form, zero, or over a thousand years.
        """
        match = _FORM.fullmatch(text)
        years, months, weeks, days = (
            (int(part or 0) for part in match.groups()) if match else (0, 0, 0, 0)
        )
        period = Period(months=12 * years + months, days=7 * weeks + days)
        if period == Period():
            raise PeriodSyntaxError(f"{text!r} is not a period of calendar days")
        if period.months > _MAX_MONTHS or period.days > _MAX_DAYS:
            raise PeriodSyntaxError(f"{text!r} is longer than a thousand years")
        return period

    def after(self, start: date) -> date:
        """Return the date on which a period that began on ``start`` ends."""
        month = start.year * 12 + start.month - 1 + self.months
        year, month = divmod(month, 12)
        last = calendar.monthrange(year, month + 1)[1]
        return date(year, month + 1, min(start.day, last)) + timedelta(days=self.days)


class Term:
    """A period in the calendar of a zone.

    It remembers, by day of UTC, what a pure function came to: grants of one day end
    together, or in two groups where the local midnight lies between them.
    """

    __slots__ = ("_days", "period", "zone")

    def __init__(self, period: Period, zone: str) -> None:
        self.period = period
        self.zone = ZoneInfo(zone)
        self._days: dict[int, tuple[int, int, int]] = {}

    def end(self, start: int) -> int:
        """Return when what began at ``start`` ends, both in microseconds UTC."""
        known = self._days.get(start // _DAY)
        if known is None:
            return self._learn(start)
        midnight, before, after = known
        return before if start < midnight else after

    def _learn(self, start: int) -> int:
        day = start // _DAY
        first = from_micros(day * _DAY).astimezone(self.zone)
        last = from_micros(day * _DAY + _DAY - 1).astimezone(self.zone)
        if first.utcoffset() != last.utcoffset():
            # The clocks change on this day; it is worked out each time.
            return self._end_of(from_micros(start).astimezone(self.zone).date())
        midnight = to_micros(_midnight(last.date(), self.zone))
        if first.date() == last.date():
            midnight = day * _DAY
        before, after = self._end_of(first.date()), self._end_of(last.date())
        self._days[day] = (midnight, before, after)
        return before if start < midnight else after

    def _end_of(self, local: date) -> int:
        return to_micros(_midnight(self.period.after(local), self.zone))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


@lru_cache(maxsize=1024)
def term(period: Period, zone: str) -> Term:
    """Return the one term of a period in a zone, so that its memory is shared."""
    return Term(period, zone)


def end_micros(start: int, period: Period, zone: str) -> int:
    """Return when a grant of ``start`` ends, both in microseconds UTC."""
    return term(period, zone).end(start)
