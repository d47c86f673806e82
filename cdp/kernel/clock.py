"""Time is an argument: whoever needs an instant takes a ``Clock``.

Instants are aware, in UTC, and precise to the microsecond. Where a column or a wire
field holds an instant as a number, it is microseconds since 1970-01-01T00:00:00Z.
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """Something that says what time it is."""

    def now(self) -> datetime:
        """Return the instant, aware and in UTC."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the machine's instant in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands until somebody moves it."""

    def __init__(self, instant: datetime) -> None:
        self.instant = instant

    def now(self) -> datetime:
        """Return the instant it was set to."""
        return self.instant

    def advance(self, by: timedelta) -> None:
        """Move the clock by ``by``, which may be negative."""
        self.instant += by


def to_micros(instant: datetime) -> int:
    """Return microseconds since the epoch; exact, no float on the way."""
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the aware UTC instant of ``to_micros``."""
    # By position: the name costs as much as the sum, and this runs for each decision.
    return _EPOCH + timedelta(0, 0, micros)
