import ipaddress
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.kernel import from_micros, to_micros
from cdp.policy import HierarchyTable, Step
from cdp.policy.documents import Detect, TruncateIP
from cdp.policy.transforms import (
    OUT_OF_RANGE,
    WRONG_TYPE,
    Dropped,
    IncompatibleStepError,
    Kind,
    Moment,
    compile_steps,
    decode,
    floor_instant,
    scale_decimal,
    shorten_url,
    truncate_address,
)

SEOUL = ZoneInfo("Asia/Seoul")
NOON = Moment(datetime(2026, 11, 25, 12, tzinfo=UTC), SEOUL)
REGIONS = HierarchyTable(
    name="regions",
    levels=("gu", "sido"),
    rows=(("Nowon", "Seoul"), ("Mapo", "Seoul"), ("Bundang", "Gyeonggi")),
)
ZONES = ["UTC", "Asia/Seoul", "Europe/Brussels", "Australia/Lord_Howe", "Asia/Kolkata"]
instants = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - the zone is given below
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001 - the zone is given below
    timezones=st.just(UTC),
)


def apply(kind: Kind, raw: object, *steps: dict[str, Any]) -> Any:
    convert, _ = compile_steps(
        kind, msgspec.convert(steps, tuple[Step, ...]), None, {"regions": REGIONS}
    )
    return convert(raw, NOON)


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("text", "a", "a"),
        ("text", 1, WRONG_TYPE),
        ("int", 7, 7),
        ("int", True, WRONG_TYPE),
        ("int", 7.0, WRONG_TYPE),
        ("int", "7", WRONG_TYPE),
        ("int", 2**63 - 1, 2**63 - 1),
        ("int", 2**63, OUT_OF_RANGE),
        ("int", -(2**63) - 1, OUT_OF_RANGE),
        ("decimal", 12.34, 123400),
        ("decimal", 3, 30000),
        ("decimal", float("nan"), OUT_OF_RANGE),
        ("decimal", float("inf"), OUT_OF_RANGE),
        ("decimal", 1e14, OUT_OF_RANGE),
        ("decimal", "1", WRONG_TYPE),
        ("decimal", False, WRONG_TYPE),
        ("bool", True, True),
        ("bool", 1, WRONG_TYPE),
        ("timestamp", "1970-01-01T09:00:00.000001+09:00", 1),
        ("timestamp", "1970-01-01T00:00:00Z", 0),
        ("timestamp", "1970-01-01T00:00:00", WRONG_TYPE),
        ("timestamp", "yesterday", WRONG_TYPE),
        ("timestamp", 0, WRONG_TYPE),
        ("date", "1970-01-02", 1),
        ("date", "1970-01-02T23:00:00Z", 1),
        ("date", "1970-13-01", WRONG_TYPE),
        ("date", 1, WRONG_TYPE),
        ("ip", "not an address", WRONG_TYPE),
        ("ip", 3405803776, WRONG_TYPE),
    ],
)
def test_types_are_strict(kind: Kind, raw: object, value: object) -> None:
    found = decode(kind)(raw)
    assert found == value
    assert type(found) is type(value)


@given(
    st.one_of(
        st.floats(allow_nan=False, allow_infinity=False, width=64),
        st.decimals(-(10**9), 10**9, places=5).map(float),
        st.integers(-(10**16), 10**16),
    )
)
def test_a_decimal_is_what_its_shortest_spelling_says(value: float) -> None:
    exact = Decimal(repr(value))
    scaled = scale_decimal(value)
    if isinstance(scaled, Dropped):
        assert abs(exact) >= Decimal(10) ** 14 - 1
    else:
        assert Decimal(scaled) == (exact * 10000).quantize(
            Decimal(1), rounding=ROUND_HALF_EVEN
        )


@pytest.mark.parametrize(
    ("kind", "raw", "step", "value"),
    [
        ("decimal", 149.99, {"round": 100}, 1_000_000),
        ("decimal", 150, {"round": 100}, 2_000_000),
        ("decimal", 250, {"round": 100}, 2_000_000),
        ("decimal", -50, {"round": 100}, 0),
        ("int", 7, {"round": 5}, 5),
        ("int", 7, {"bucket": [0, 5, 10]}, 5),
        ("int", -1, {"bucket": [0, 5, 10]}, OUT_OF_RANGE),
        ("int", 99, {"top_code": {"min": 0, "max": 20}}, 20),
        ("int", -3, {"top_code": {"min": 0}}, 0),
        ("text", "Nowon", {"hierarchy": {"name": "regions", "to": "sido"}}, "Seoul"),
        ("text", "Seoul", {"hierarchy": {"name": "regions", "to": "sido"}}, "Seoul"),
        ("text", "Busan", {"hierarchy": {"name": "regions", "to": "sido"}},
         Dropped("hierarchy")),
        ("text", "A", {"map": {"values": {"A": "a"}, "other": "rest"}}, "a"),
        ("text", "a", {"map": {"values": {"A": "a"}, "other": "rest"}}, "a"),
        ("text", "B", {"map": {"values": {"A": "a"}, "other": "rest"}}, "rest"),
        ("text", "B", {"map": {"values": {"A": "a"}, "other": "drop_field"}},
         Dropped("map")),
        ("text", "B", {"map": {"values": {"A": "a"}, "other": "drop_event"}},
         Dropped("map", event=True)),
        ("date", "1987-03-04", {"year_band": 5}, 1985),
        ("date", "2026-11-25", {"year_band": 1}, 2026),
        ("date", "2026-11-26", {"year_band": 1}, OUT_OF_RANGE),
        ("date", "1899-12-31", {"year_band": 10}, OUT_OF_RANGE),
        ("timestamp", "2026-11-24T15:30:00Z", {"floor": "day"},
         to_micros(datetime(2026, 11, 24, 15, tzinfo=UTC))),
        ("timestamp", "2026-11-25T12:34:56Z", {"floor": "week"},
         to_micros(datetime(2026, 11, 22, 15, tzinfo=UTC))),
        ("timestamp", "2026-11-25T12:34:56Z", {"floor": "month"},
         to_micros(datetime(2026, 10, 31, 15, tzinfo=UTC))),
        ("ip", "203.0.113.77", {"truncate_ip": {"v4": 24, "v6": 48}},
         "203.0.113.0/24"),
        ("text", "960121-1234567", {"url": {"keep": 0}}, Dropped("detect.KR_RRN")),
    ],
)  # fmt: skip
def test_a_transform_gives_what_the_page_says(
    kind: Kind, raw: object, step: dict[str, Any], value: object
) -> None:
    assert apply(kind, raw, step) == value


NUMBERS = [
    {"round": "7"},
    {"round": "0.5"},
    {"bucket": ["-3", "0", "2.5", "100"]},
    {"top_code": {"min": "-5", "max": "50"}},
]


@given(st.sampled_from(NUMBERS), st.decimals(-200, 200, places=2).map(float))
def test_a_number_transformed_twice_is_transformed_once(
    step: dict[str, Any], value: float
) -> None:
    once = apply("decimal", value, step)
    if isinstance(once, int):
        assert apply("decimal", once / 10_000, step) == once


@given(
    instants, st.sampled_from(["hour", "day", "week", "month"]), st.sampled_from(ZONES)
)
def test_an_instant_floored_twice_is_floored_once(
    instant: datetime, unit: Any, zone: str
) -> None:
    once = floor_instant(to_micros(instant), unit, ZoneInfo(zone))
    assert once <= to_micros(instant)
    assert floor_instant(once, unit, ZoneInfo(zone)) == once
    assert to_micros(instant) - once <= timedelta(days=32) // timedelta(microseconds=1)


@given(st.lists(st.sampled_from("abc/.:?#@%=&1 -")).map("".join), st.integers(0, 3))
def test_an_address_of_a_page_shortened_twice_is_shortened_once(
    text: str, keep: int
) -> None:
    once = shorten_url(text, keep)
    if isinstance(once, str):
        assert shorten_url(once, keep) == once
        assert not set(once) & set("?#@")


@pytest.mark.parametrize(
    ("text", "keep", "value"),
    [
        ("https://Shop.Example:8443/a/b/c?q=me#top", 2, "shop.example/a/b"),
        ("https://kim:secret@shop.example/a", 0, "shop.example"),
        ("/a/b?q=1", 1, "/a"),
        ("/", 3, "/"),
        ("shop.example/a", 1, "shop.example/a"),
        ("https://shop.example/kim@mail.example", 1, WRONG_TYPE),
        ("mailto:kim@mail.example", 0, WRONG_TYPE),
        ("kim@mail.example", 0, WRONG_TYPE),
        ("javascript:alert(1)", 0, WRONG_TYPE),
        ("ftp://shop.example/a", 1, WRONG_TYPE),
        ("https://[::1", 0, WRONG_TYPE),
        ("", 1, WRONG_TYPE),
    ],
)
def test_of_a_page_host_and_path_are_kept(text: str, keep: int, value: object) -> None:
    assert shorten_url(text, keep) == value


@given(st.ip_addresses(), st.integers(0, 24), st.integers(0, 64))
def test_no_address_with_more_bits_survives(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, v4: int, v6: int
) -> None:
    to = TruncateIP(v4=v4, v6=v6)
    text = truncate_address(str(address), to)
    assert isinstance(text, str)
    network = ipaddress.ip_network(text)
    assert network.prefixlen <= (v4 if network.version == 4 else v6)
    assert truncate_address(text, to) == text
    if address.version == 4:
        inside = int(address)
        for inner in (
            f"::ffff:{address}",
            f"2002:{inside >> 16:x}:{inside & 0xFFFF:x}::",
        ):
            assert truncate_address(inner, to) == text


@pytest.mark.parametrize(
    ("kind", "steps"),
    [
        ("text", [{"floor": "day"}]),
        ("ip", [{"url": {"keep": 1}}]),
        ("date", [{"year_band": 5}, {"year_band": 5}]),
        ("int", [{"round": "0.5"}]),
        ("decimal", [{"round": "0.00001"}]),
    ],
)
def test_a_step_that_does_not_take_its_input_is_refused(
    kind: Kind, steps: list[dict[str, Any]]
) -> None:
    with pytest.raises(IncompatibleStepError):
        apply(kind, "x", *steps)


def test_detection_drops_masks_or_takes_the_event_with_it() -> None:
    def detect(on_hit: Any, text: str) -> object:
        rule = Detect(kinds=("EMAIL",), on_hit=on_hit)
        convert, _ = compile_steps("text", (), rule, {})
        return convert(text, NOON)

    assert detect("mask", "to kim@mail.example!") == "to ***!"
    assert detect("drop_field", "to kim@mail.example!") == Dropped("detect")
    assert detect("drop_event", "kim@mail.example") == Dropped("detect", event=True)
    assert detect("drop_field", "nothing here") == "nothing here"
    with pytest.raises(IncompatibleStepError):
        compile_steps("int", (), Detect(kinds=("EMAIL",), on_hit="mask"), {})


def test_days_are_counted_in_the_zone_of_the_jurisdiction() -> None:
    micros = to_micros(datetime(2026, 11, 24, 20, tzinfo=UTC))  # the 25th in Seoul
    start = from_micros(floor_instant(micros, "day", SEOUL)).astimezone(SEOUL)
    assert start.date() == date(2026, 11, 25)
