"""The instant that features are computed for, and the calendar they are counted in.

- A window of ``w`` days is ``(as_of - w * 24 h, as_of]``. An event after ``as_of`` is
  in no window, so that a replay of a past instant gives the past's answer.
- A weekday is one of the calendar of a zone. The zone's offsets inside the window are
  worked out here, so that the plan holds plain arithmetic and no engine needs a time
  zone table of its own, which might be another edition.

Source: IANA time zone database, through ``zoneinfo``.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import msgspec

_TIMESTAMP = dt.Timestamp(scale=6)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One instant and one calendar.

    ``zone`` is an IANA name.
    """

    as_of: datetime
    zone: str = "UTC"

    def within(self, instants: ir.TimestampValue, days: int | None) -> ir.BooleanValue:
        """Say which instants are in the window; without ``days`` it has no start."""
        inside = instants <= _literal(self.as_of)
        if days is None:
            return inside
        return inside & (instants > _literal(self.as_of - timedelta(days=days)))

    def begins(self, days: int) -> ir.TimestampScalar:
        """Return the instant before a window, as a literal."""
        return _literal(self.as_of - timedelta(days=days))

    def days_since(self, instant: ir.TimestampValue) -> ir.IntegerValue:
        """Return whole days of 24 hours from ``instant`` to ``as_of``."""
        elapsed = epoch_seconds(_literal(self.as_of)) - epoch_seconds(instant)
        return (elapsed / 86_400).floor().cast("int64")

    def local(self, instants: ir.TimestampValue, days: int) -> ir.TimestampValue:
        """Return the zone's clock for instants of a window, as naive timestamps."""
        offsets = offsets_between(
            self.as_of - timedelta(days=days), self.as_of, ZoneInfo(self.zone)
        )
        *earlier, (_, last) = offsets
        if not earlier:
            return instants + ibis.interval(seconds=last)
        ends = [start for start, _ in offsets[1:]]
        seconds = ibis.cases(
            *(
                (instants < _literal(end), offset)
                for end, (_, offset) in zip(ends, earlier, strict=True)
            ),
            else_=last,
        )
        return instants + seconds.as_interval("s")


def epoch_seconds(instant: ir.TimestampValue) -> ir.IntegerValue:
    """Return whole seconds since 1970; what is below a second is dropped."""
    return instant.truncate("s").epoch_seconds().cast("int64")


def offsets_between(
    start: datetime, end: datetime, zone: ZoneInfo
) -> list[tuple[datetime, int]]:
    """Return a zone's offsets over a span, in seconds, each with its first instant.

    Offsets are looked at once a day; a change in between is narrowed down to the
    second. A zone that changes twice within a day and back is beyond it; none ever has.
    """
    found = [(start, _offset(start, zone))]
    at = start
    while at < end:
        later = min(at + _DAY, end)
        offset = _offset(later, zone)
        if offset != found[-1][1]:
            low, high = at, later
            while high - low > _SECOND:
                middle = low + (high - low) // 2
                if _offset(middle, zone) == found[-1][1]:
                    low = middle
                else:
                    high = middle
            # Changes fall on whole seconds, and the old offset still held at ``low``.
            found.append((high.replace(microsecond=0), offset))
        at = later
    return found


def _offset(instant: datetime, zone: ZoneInfo) -> int:
    offset = instant.astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _literal(instant: datetime) -> ir.TimestampScalar:
    return ibis.literal(instant.astimezone(UTC).replace(tzinfo=None), type=_TIMESTAMP)
