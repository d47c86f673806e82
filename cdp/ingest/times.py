"""When did it happen? The clock-skew rule, and the range that a time must lie in.

``occurred_at = received_at - (sent_at - t)``: the client's clock is only asked how long
ago something was by its own reckoning, so a wrong clock does no harm. A negative
difference counts as zero. Times are never moved into range.

Source: the house page on the wire, section 9; Segment's documented skew correction.
"""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec

TimeFlag = Literal["ok", "no_time", "unparsable"]

OLDEST: Final = timedelta(days=400)
NEWEST: Final = timedelta(minutes=5)


def parse_instant(value: object) -> datetime | None:
    """Return the aware UTC instant that ``value`` spells, or None.

    ISO 8601 with a zone; without one it is taken as UTC, as the client libraries mean
    it.
    """
    if not isinstance(value, str):
        return None
    try:
        instant = msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        try:
            instant = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if instant.tzinfo is None:
        return instant.replace(tzinfo=UTC)
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        return None


def happened(
    stated: object, sent: datetime | None, received: datetime
) -> tuple[datetime, TimeFlag]:
    """Return when an event happened, and how that is known.

    Args:
        stated: the item's ``originalTimestamp`` or ``timestamp`` as it came; None if
        none.
        sent: the client's clock when it sent the request, if it said so.
        received: our clock when the request was in.
    """
    if stated is None:
        return received, "no_time"
    instant = parse_instant(stated)
    if instant is None:
        return received, "unparsable"
    if sent is None:
        return instant, "ok"
    try:
        return received - max(sent - instant, timedelta(0)), "ok"
    except OverflowError:
        return received, "unparsable"


def is_in_range(occurred: datetime, received: datetime) -> bool:
    """Whether an event of this time may enter a release; else it is quarantined."""
    return received - OLDEST <= occurred <= received + NEWEST


def is_ahead(stated: object, clock: datetime) -> bool:
    """Whether ``stated`` lies ahead of what its own clock showed, and not by a hair."""
    instant = parse_instant(stated)
    return instant is not None and instant > clock + NEWEST
