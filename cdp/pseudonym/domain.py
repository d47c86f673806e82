"""A domain: one purpose, one recipient, one epoch, so one language of pseudonyms.

- Two domains have two names, and two names have two keys.
- An epoch is a number of days, not a date: the same instant gives the same epoch
  everywhere. Epoch 0 begins on 1970-01-01 UTC.

Refuses: a name that two domains could share.

Source: policy page section 8.
"""

from datetime import datetime, timedelta

import msgspec

from cdp.kernel import to_micros
from cdp.pseudonym.errors import UnnamedDomainError

# Stands between purpose and recipient in a name, so it may stand in neither.
_BETWEEN = "/"
_MICROS_PER_DAY = timedelta(days=1) // timedelta(microseconds=1)


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """Who receives the pseudonyms, and for what."""

    purpose: str
    recipient: str


def domain_name(domain: Domain) -> str:
    """Return ``purpose/recipient``: the name of the domain's keys.

    Raises:
        UnnamedDomainError: a part is empty, holds the slash, or does not print.
    """
    for part in (domain.purpose, domain.recipient):
        if not part or _BETWEEN in part or not part.isprintable():
            raise UnnamedDomainError(
                "purpose and recipient are printable text without a slash"
            )
    return f"{domain.purpose}{_BETWEEN}{domain.recipient}"


def epoch_of(instant: datetime, period_days: int = 90) -> int:
    """Return the number of the epoch that ``instant`` falls into.

    Args:
        instant: aware, not before 1970.
        period_days: the length of an epoch, at least 1. The key id of a pseudonym holds
            the number modulo 256, so outputs MUST expire within 255 periods.
    """
    if period_days < 1:
        raise ValueError("an epoch lasts at least one day")
    day = to_micros(instant) // _MICROS_PER_DAY
    if day < 0:
        raise ValueError("no epoch begins before 1970")
    return day // period_days
