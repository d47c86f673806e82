"""The offsets of a zone over a span, against the library that they come from."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from cdp.features.moment import offsets_between

ZONES = [
    "UTC",
    "Asia/Seoul",
    "Europe/Brussels",
    "America/Los_Angeles",
    "Australia/Lord_Howe",
    "America/St_Johns",
]
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1))  # noqa: DTZ001 - made aware below


@given(st.sampled_from(ZONES), INSTANTS, st.lists(st.floats(0, 1), max_size=5))
def test_the_offset_is_the_librarys_at_every_instant(
    name: str, start: datetime, parts: list[float]
) -> None:
    zone, begin = ZoneInfo(name), start.replace(tzinfo=UTC)
    span = timedelta(days=400)
    found = offsets_between(begin, begin + span, zone)
    edges = [at for at, _ in found[1:]]
    second = timedelta(seconds=1)
    for at in [begin + part * span for part in parts] + [
        edge + step for edge in edges for step in (-second, timedelta(0))
    ]:
        held = [offset for since, offset in found if since <= at]
        assert timedelta(seconds=held[-1]) == at.astimezone(zone).utcoffset()
