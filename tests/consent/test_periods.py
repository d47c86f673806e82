from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent import Period, PeriodSyntaxError
from cdp.consent.periods import Term, end_micros
from cdp.kernel import from_micros, to_micros


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("P2Y", date(2026, 1, 2), date(2028, 1, 2)),
        ("P1Y", date(2028, 2, 29), date(2029, 2, 28)),
        ("P4Y", date(2028, 2, 29), date(2032, 2, 29)),
        ("P13M", date(2026, 1, 31), date(2027, 2, 28)),
        ("P1M", date(2026, 12, 31), date(2027, 1, 31)),
        ("P90D", date(2026, 1, 1), date(2026, 4, 1)),
        ("P2W", date(2026, 2, 20), date(2026, 3, 6)),
        ("P1Y1M1D", date(2026, 1, 31), date(2027, 3, 1)),
    ],
)
def test_a_period_ends_on_the_same_or_the_earlier_calendar_day(
    text: str, start: date, end: date
) -> None:
    assert Period.parse(text).after(start) == end


@pytest.mark.parametrize(
    "text", ["", "P", "P0D", "PT1H", "P1.5Y", "2Y", "P1Y2", "P-1Y", " P1Y", "P9999Y"]
)
def test_what_is_not_a_calendar_period_is_refused(text: str) -> None:
    with pytest.raises(PeriodSyntaxError):
        Period.parse(text)


def test_two_years_from_a_korean_day_end_at_the_midnight_of_seoul() -> None:
    given_at = datetime(2026, 1, 2, 3, tzinfo=ZoneInfo("Asia/Seoul"))
    ends = end_micros(to_micros(given_at), Period.parse("P2Y"), "Asia/Seoul")
    assert from_micros(ends) == datetime(2028, 1, 1, 15, tzinfo=UTC)


@given(
    start=st.integers(157_766_400, 4_102_444_800),
    text=st.sampled_from(["P1D", "P30D", "P1M", "P13M", "P2Y"]),
    zone=st.sampled_from(["UTC", "Asia/Seoul", "Europe/Brussels", "America/Sao_Paulo"]),
)
def test_a_period_never_outlasts_its_name(start: int, text: str, zone: str) -> None:
    begun = datetime.fromtimestamp(start, UTC)
    period = Period.parse(text)
    ends = from_micros(end_micros(to_micros(begun), period, zone))
    local = ends.astimezone(ZoneInfo(zone))
    assert local.date() == period.after(begun.astimezone(ZoneInfo(zone)).date())
    assert begun < ends


# Zones that change their clocks at midnight, on another side of the world, by half an
# hour, and one that left out a day.
@given(
    start=st.integers(0, 4_102_444_800),
    days=st.lists(st.integers(-2, 2), max_size=4),
    zone=st.sampled_from(
        [
            "America/St_Johns",
            "Pacific/Apia",
            "Asia/Kolkata",
            "America/Havana",
            "Asia/Seoul",
            "Europe/Brussels",
        ]
    ),
)
def test_what_a_term_remembers_is_what_the_calendar_says(
    start: int, days: list[int], zone: str
) -> None:
    """Grants of one day, before and after midnight, asked in any order."""
    period = Period.parse("P13M")
    place = ZoneInfo(zone)
    remembering = Term(period, zone)
    for day in [0, *days]:
        begun = max(0, start + day * 20_000) * 1_000_000
        local = from_micros(begun).astimezone(place).date()
        last = period.after(local)
        midnight = datetime(last.year, last.month, last.day, tzinfo=place)
        assert remembering.end(begun) == to_micros(midnight.astimezone(UTC))
