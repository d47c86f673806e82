from typing import Any

import msgspec
import pytest

from cdp.policy import HierarchyTable, Step
from cdp.policy.categories import covers, is_covered
from cdp.policy.coarseness import is_at_least_as_coarse

TABLES = {
    "r": HierarchyTable(name="r", levels=("a", "b"), rows=()),
    "s": HierarchyTable(name="s", levels=("a", "b"), rows=()),
}


@pytest.mark.parametrize(
    ("asked", "kept", "holds"),
    [
        ({"floor": "week"}, {"floor": "day"}, True),
        ({"floor": "hour"}, {"floor": "day"}, False),
        ({"year_band": 10}, {"year_band": 5}, True),
        ({"year_band": 7}, {"year_band": 5}, False),
        ({"round": "30"}, {"round": "10"}, True),
        ({"round": "15"}, {"round": "10"}, False),
        ({"bucket": ["0", "10"]}, {"bucket": ["0", "5", "10"]}, True),
        ({"bucket": ["0", "7"]}, {"bucket": ["0", "5", "10"]}, False),
        ({"top_code": {"max": "5"}}, {"top_code": {"min": "0", "max": "9"}}, True),
        ({"top_code": {"max": "10"}}, {"top_code": {"min": "0", "max": "9"}}, False),
        ({"top_code": {"min": "-1"}}, {"top_code": {"min": "0"}}, False),
        ({"top_code": {"min": "1"}}, {"top_code": {"max": "9"}}, True),
        (
            {"truncate_ip": {"v4": 8, "v6": 32}},
            {"truncate_ip": {"v4": 24, "v6": 48}},
            True,
        ),
        (
            {"truncate_ip": {"v4": 8, "v6": 56}},
            {"truncate_ip": {"v4": 24, "v6": 48}},
            False,
        ),
        (
            {"hierarchy": {"name": "r", "to": "b"}},
            {"hierarchy": {"name": "r", "to": "a"}},
            True,
        ),
        (
            {"hierarchy": {"name": "r", "to": "a"}},
            {"hierarchy": {"name": "r", "to": "b"}},
            False,
        ),
        (
            {"hierarchy": {"name": "s", "to": "b"}},
            {"hierarchy": {"name": "r", "to": "a"}},
            False,
        ),
        ({"url": {"keep": 0}}, {"url": {"keep": 1}}, True),
        ({"url": {"keep": 2}}, {"url": {"keep": 1}}, False),
        (
            {"map": {"values": {}, "other": "x"}},
            {"map": {"values": {}, "other": "y"}},
            True,
        ),
        ({"round": "1"}, {"top_code": {"min": "0"}}, True),
    ],
)
def test_a_release_asks_for_less_never_for_more(
    asked: dict[str, Any], kept: dict[str, Any], holds: bool
) -> None:
    steps = msgspec.convert([asked, kept], list[Step])
    assert is_at_least_as_coarse(steps[0], steps[1], TABLES) is holds


def test_a_category_covers_what_lies_below_it_on_a_dot() -> None:
    assert covers("user.device.cookie", "user.device.cookie")
    assert covers("user.device.cookie", "user.device.cookie.session")
    assert not covers("user.device.cookie", "user.device.cookie_id")
    assert not covers("user.device.cookie", "user.device")
    assert is_covered("user.biometric.face", ["user.location", "user.biometric"])
    assert not is_covered("user.biometric", [])
