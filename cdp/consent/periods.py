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


# A memo of a pure function: a few ages and zones meet the same instants again and
# again.
@lru_cache(maxsize=8192)
def end_micros(start: int, period: Period, zone: str) -> int:
    """Return when a grant of ``start`` ends, both in microseconds UTC."""
    place = ZoneInfo(zone)
    last = period.after(from_micros(start).astimezone(place).date())
    midnight = datetime(last.year, last.month, last.day, tzinfo=place)
    return to_micros(midnight.astimezone(UTC))
