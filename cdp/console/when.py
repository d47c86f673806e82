"""Instants as a person reads them, in the zone of their jurisdiction.

Pure.
"""

from datetime import datetime
from typing import Final, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

from cdp.console.html import Html, tag

Language: TypeAlias = Literal["ko", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

# Written out: the names of the C library depend on the machine's locale.
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def instant(at: datetime, zone: str, language: Language) -> Html:
    """Return day, time and zone, readable for people and for machines."""
    local = at.astimezone(ZoneInfo(zone))
    return tag(
        "time",
        f"{_day(local, language)}{_BETWEEN[language]}{local:%H:%M} ({local:%Z})",
        datetime=local.isoformat(timespec="seconds"),
    )


def clock_time(at: datetime, zone: str) -> Html:
    """Return the time of day and its zone."""
    local = at.astimezone(ZoneInfo(zone))
    return tag(
        "time", f"{local:%H:%M} ({local:%Z})", datetime=local.isoformat("T", "seconds")
    )


_BETWEEN: Final = {"ko": " ", "en": ", "}


def _day(local: datetime, language: Language) -> str:
    match language:
        case "ko":
            return f"{local.year}년 {local.month}월 {local.day}일"
        case "en":
            return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"
