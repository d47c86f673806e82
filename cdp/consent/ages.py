"""What is known of a person's age, and what it comes to on a day.

- A fact is a day: the person was born on it or before. Who says "13" today was born no
  later than 13 years ago, and is never taken for older than that.
- The newest fact of a handle counts; in a profile the youngest of them does.
- A handle without a fact is taken for an adult.
- Nobody is older in one zone for being older in another: a birthday begins at the
  midnight of the jurisdiction whose age is asked. Who was born on 29 February has the
  birthday on 1 March of other years.

Refuses: a date of birth. What is kept is the day that the age came to.

Source: rule R13 of the consent design; PIPA Art. 22-2; GDPR Art. 8; 11 CCR 7070 to
7072; docs/decisions/0064-ages-notices-reminders.md.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cdp.consent.signals import How
from cdp.kernel import Handle, from_micros, to_micros


class KnownAge(NamedTuple):
    """A fact about the age of a handle: born on ``born_by`` or before."""

    handle: Handle
    born_by: date
    how: How


class Age(NamedTuple):
    """The newest fact about one handle, learnt at ``recorded_at`` (microseconds)."""

    born_by: date
    recorded_at: int


def born_by(age: int, on: date) -> date:
    """Return the latest day on which somebody of ``age`` full years ``on`` was born."""
    try:
        return on.replace(year=on.year - age)
    except ValueError:
        return date(on.year - age, 2, 28)


def full_years(born: date, at: int, zone: str) -> int:
    """Return the full years since ``born`` at an instant, as counted in ``zone``."""
    today = from_micros(at).astimezone(ZoneInfo(zone)).date()
    before = (today.month, today.day) < (born.month, born.day)
    return today.year - born.year - before


# A memo of a pure function: the same people are asked about again and again.
@lru_cache(maxsize=65_536)
def of_age_at(born: date, years: int, zone: str) -> int:
    """Return when somebody is ``years`` old in ``zone``, in microseconds UTC.

    Before it ``full_years`` says less, from it on no less.
    """
    try:
        birthday = born.replace(year=born.year + years)
    except ValueError:
        birthday = date(born.year + years, 3, 1)
    begins = datetime(
        birthday.year, birthday.month, birthday.day, tzinfo=ZoneInfo(zone)
    )
    return to_micros(begins.astimezone(UTC))


def youngest(ages: Sequence[Age]) -> date | None:
    """Return the latest ``born_by``; None when nothing is known."""
    if len(ages) == 1:
        return ages[0].born_by
    return max((age.born_by for age in ages), default=None)


def was_below(ages: Iterable[Age], years: int, zone: str) -> bool:
    """Whether any fact said, when it was learnt, that the person is younger."""
    return any(age.recorded_at < of_age_at(age.born_by, years, zone) for age in ages)
