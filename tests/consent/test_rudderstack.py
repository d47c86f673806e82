"""What RudderStack's consent object says: what is allowed, what is denied."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent import Reading, Verdict
from cdp.consent.decoders.rudderstack import read_rudderstack
from tests.consent.banner import (
    BANNER,
    CATEGORIES,
    NOON,
    PLACE,
    anything,
    closed,
    said,
)

GRANT, DENY = Verdict.GRANT, Verdict.DENY
IDS = ["Functional", "Analytics", "Advertising", "DataSharing", "other"]


def read(raw: object) -> Reading | None:
    return read_rudderstack(raw, BANNER, PLACE, NOON)


def lists(allowed: Any = None, denied: Any = None, **more: Any) -> dict[str, Any]:
    return {"allowedConsentIds": allowed, "deniedConsentIds": denied} | more


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (lists(["Analytics"]), {"analytics": GRANT}),
        (lists(None, ["Analytics"]), {"analytics": DENY}),
        (lists(["Functional"], ["Analytics"]), {"linking": GRANT, "analytics": DENY}),
        # All categories of a purpose must allow, whatever the strategy.
        (lists(["Advertising"]), {"segmentation": GRANT}),
        (lists(["Advertising"], resolutionStrategy="or"), {"segmentation": GRANT}),
        (
            lists(["Advertising", "DataSharing"], provider="custom"),
            {"segmentation": GRANT, "ads": GRANT, "ads>partner": GRANT},
        ),
        (
            lists(["Advertising"], ["DataSharing"]),
            {"segmentation": GRANT, "ads": DENY, "ads>partner": DENY},
        ),
        (lists(["advertising"]), {}),
    ],
)
def test_the_lists_come_to_verdicts(raw: object, expected: dict[str, Verdict]) -> None:
    reading = read(raw)
    assert reading is not None
    assert reading.problem is None
    assert said(reading) == expected


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        lists(),
        lists([], []),
        lists(None, []),
        {"deniedConsentIds": []},
        {"resolutionStrategy": "or", "provider": "oneTrust"},
    ],
)
def test_an_empty_denied_list_grants_nothing(raw: object) -> None:
    assert read(raw) is None


def test_an_id_in_both_lists_is_denied_and_told() -> None:
    reading = read(lists(["Analytics", "Functional"], ["Analytics"]))
    assert said(reading) == {"linking": GRANT, "analytics": DENY}
    assert reading is not None
    assert reading.remarks == ("contradiction",)


def test_an_unknown_id_is_told_and_grants_nothing() -> None:
    reading = read(lists(["marketing_all"], ["nobody's"]))
    assert reading is not None
    assert said(reading) == {}
    assert reading.remarks == ("category.unknown",)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ([], "rudderstack.not_object"),
        ("all", "rudderstack.not_object"),
        (True, "rudderstack.not_object"),
        (lists("Analytics"), "rudderstack.not_list"),
        (lists({"1": "Analytics"}), "rudderstack.not_list"),
        (lists(["Analytics", 1]), "rudderstack.not_list"),
        (lists([["Analytics"]]), "rudderstack.not_list"),
        (lists(["Analytics"], "x"), "rudderstack.not_list"),
        (lists(["Analytics"], False), "rudderstack.not_list"),
        (lists([None]), "rudderstack.not_list"),
    ],
)
def test_anything_but_lists_of_text_is_unreadable(raw: object, problem: str) -> None:
    reading = read(raw)
    assert reading is not None
    assert reading.problem == problem
    assert closed(reading) == CATEGORIES


ids = st.lists(st.sampled_from(IDS), max_size=4)


@given(st.none() | ids, st.none() | ids)
def test_a_scope_is_granted_by_all_its_categories_and_no_denial(
    allowed: list[str] | None, denied: list[str] | None
) -> None:
    found = said(read(lists(allowed, denied)))
    yes, no = set(allowed or ()), set(denied or ())
    for scope in BANNER.scopes:
        needed = set(scope.categories)
        granted = bool(needed) and needed <= yes and not needed & no
        assert (found.get(scope.key) is GRANT) == granted
        assert (found.get(scope.key) is DENY) == bool(needed & no)


@given(anything)
def test_no_input_raises_and_none_that_is_unreadable_grants(raw: object) -> None:
    reading = read(raw)
    if reading is not None and reading.problem is not None:
        assert reading.verdicts.grants == 0
