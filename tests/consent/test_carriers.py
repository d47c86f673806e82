"""What one event says: each part for itself, and a contradiction grants nothing."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent import (
    MAX_UNREADABLE_BYTES,
    Carrier,
    Kind,
    Rank,
    Said,
    Standard,
    Verdict,
    statements_of,
    statements_on,
)
from tests.consent.banner import (
    ADS,
    ANALYTICS,
    BANNER,
    CATEGORIES,
    LINKING,
    NOON,
    PARTNER,
    PLACE,
    SEGMENTATION,
    anything,
)
from tests.consent.banner import said as said_by
from tests.consent.house import mask

ALL = {
    "Functional": True,
    "Analytics": True,
    "Advertising": True,
    "DataSharing": True,
}
GPC_SCOPES = mask(SEGMENTATION, ADS, PARTNER)


def hear(
    consent: object = None,
    management: object = None,
    gpc: str | None = None,
    *,
    is_change: bool = False,
) -> tuple[Said, ...]:
    return statements_on(
        consent,
        management,
        rules=BANNER,
        place=PLACE,
        received_at=NOON,
        gpc=gpc,
        is_change=is_change,
    )


def grants_of(said: tuple[Said, ...]) -> int:
    mask = 0
    for one in said:
        mask |= one.reading.verdicts.grants
    return mask


@pytest.mark.parametrize(
    ("consent", "management", "gpc", "expected"),
    [
        (None, None, None, []),
        ({}, {}, "0", []),
        ({"categoryPreferences": None}, None, None, []),
        (
            {"categoryPreferences": ALL},
            None,
            None,
            [("segment", 4, "/context/consent/categoryPreferences")],
        ),
        (
            None,
            {"allowedConsentIds": ["Analytics"]},
            None,
            [("rudderstack", 4, "/context/consentManagement")],
        ),
        (
            {"consentMode": "G111"},
            None,
            None,
            [("consent_mode", 5, "/context/consent/consentMode")],
        ),
        ({"tcf": "broken"}, None, None, [("tcf", 3, "/context/consent/tcf")]),
        ({"gpp": "broken"}, None, None, [("gpp", 3, "/context/consent/gpp")]),
        ({"gpc": True}, None, None, [("gpc", 2, "/context/consent/gpc")]),
        ({"gpc": False}, None, None, []),
        (None, None, "1", [("gpc", 2, "Sec-GPC")]),
        ([], None, None, [("segment", 4, "/context/consent")]),
        (
            {"categoryPreferences": ALL, "consentMode": "G111", "gpc": True},
            {"allowedConsentIds": ["Analytics"]},
            None,
            [
                ("segment", 4, "/context/consent/categoryPreferences"),
                ("consent_mode", 5, "/context/consent/consentMode"),
                ("gpc", 2, "/context/consent/gpc"),
                ("rudderstack", 4, "/context/consentManagement"),
            ],
        ),
    ],
)
def test_each_part_is_a_statement_of_its_own(
    consent: object,
    management: object,
    gpc: str | None,
    expected: list[tuple[str, int, str]],
) -> None:
    found = hear(consent, management, gpc)
    assert [(one.carrier, one.rank, one.path) for one in found] == expected


def test_a_change_event_has_a_carrier_of_its_own_for_categories_alone() -> None:
    consent = {"categoryPreferences": ALL, "consentMode": "G111"}
    found = hear(consent, is_change=True)
    assert [one.carrier for one in found] == [
        Carrier.SEGMENT_CHANGE,
        Carrier.CONSENT_MODE,
    ]


def test_the_raw_form_is_kept_as_it_came() -> None:
    categories, mode = hear({"categoryPreferences": ALL, "consentMode": "G111"})
    assert msgspec.json.decode(categories.raw) == ALL
    assert mode.raw == b"G111"


def test_of_what_cannot_be_read_4_kib_are_kept() -> None:
    [text] = hear({"tcf": "é" * 20_000})
    assert len(text.raw) == MAX_UNREADABLE_BYTES
    [other] = hear({"categoryPreferences": {"x": "y" * 20_000}})
    assert other.reading.problem == "category.not_boolean"
    assert len(other.raw) == MAX_UNREADABLE_BYTES


def test_what_cannot_be_read_spoils_no_other_part() -> None:
    broken, categories = sorted(
        hear({"categoryPreferences": ALL, "tcf": "x"}), key=lambda one: one.rank
    )
    assert str(broken.reading.problem).startswith("tcf.")
    assert said_by(categories.reading)["analytics"] is Verdict.GRANT


CONTRADICTIONS: list[tuple[dict[str, Any], Any, str | None, int]] = [
    (
        {"categoryPreferences": ALL, "consentMode": "G100"},
        None,
        None,
        mask(ANALYTICS, ADS, PARTNER),
    ),
    (
        {"categoryPreferences": ALL},
        {"deniedConsentIds": ["Functional"]},
        None,
        mask(LINKING),
    ),
    (
        {"categoryPreferences": ALL | {"Analytics": False}, "consentMode": "G101"},
        None,
        None,
        mask(ANALYTICS),
    ),
    ({"categoryPreferences": ALL}, None, "1", GPC_SCOPES),
    ({"categoryPreferences": ALL, "gpc": True}, None, None, GPC_SCOPES),
]


@pytest.mark.parametrize(("consent", "management", "gpc", "contested"), CONTRADICTIONS)
def test_a_contradiction_grants_nothing_and_is_told(
    consent: object, management: object, gpc: str | None, contested: int
) -> None:
    found = hear(consent, management, gpc)
    denied = 0
    for one in found:
        denied |= one.reading.verdicts.denies
    assert denied & contested == contested
    assert grants_of(found) & contested == 0
    assert ("contradiction",) in [one.codes for one in found]
    assert all(one.is_kept for one in found)


def test_statements_that_agree_or_speak_of_other_things_are_left_alone() -> None:
    found = hear({"categoryPreferences": ALL, "consentMode": "G111"})
    assert [one.codes for one in found] == [(), ()]
    assert grants_of(found) == CATEGORIES


@pytest.mark.parametrize(
    ("consent", "gpc"),
    [({"gpc": True}, "1"), ({"gpc": "1"}, "1, 1"), ({"gpc": 5}, "1")],
)
def test_a_browser_opts_out_once(consent: object, gpc: str) -> None:
    [one] = hear(consent, None, gpc)
    assert (one.carrier, one.rank, one.kind) == (
        Carrier.GPC,
        Rank.DEVICE,
        Kind.GPC,
    )
    assert one.reading.verdicts.denies == GPC_SCOPES
    assert one.reading.problem is None
    odd = consent == {"gpc": 5}
    assert one.codes == (("gpc.not_boolean",) if odd else ())


@pytest.mark.parametrize("standard", list(Standard))
def test_a_statement_that_says_nothing_is_still_one(standard: Standard) -> None:
    silent: dict[Standard, object] = {
        Standard.CONSENT_MODE: "G1--",
        Standard.GPC: "0",
        Standard.SNOWPLOW: {"eventType": "pending", "basisForProcessing": "consent"},
    }
    value = silent.get(standard, {})
    found = statements_of(
        standard, value, rules=BANNER, place=PLACE, received_at=NOON, path="/statement"
    )
    assert len(found) == 1
    assert found[0].carrier == standard.value
    assert found[0].path == "/statement"
    assert found[0].reading.verdicts.grants == 0


def test_a_gpp_string_may_bring_its_sections_along() -> None:
    for value in ("DBAA", {"gpp": "DBAA", "gppSid": [2]}, {"gppSid": [2]}, {}):
        found = statements_of(
            Standard.GPP, value, rules=BANNER, place=PLACE, received_at=NOON
        )
        assert grants_of(found) == 0


parts = st.fixed_dictionaries(
    {},
    optional={
        "categoryPreferences": anything
        | st.dictionaries(st.sampled_from([*ALL, "other"]), st.booleans()),
        "tcf": anything,
        "gpp": anything,
        "gppSid": anything,
        "consentMode": anything | st.sampled_from(["G111", "G100", "11p1t1l1t5"]),
        "gpc": anything,
        "decidedAt": anything,
    },
)
rudder = st.fixed_dictionaries(
    {},
    optional={
        "allowedConsentIds": st.lists(st.sampled_from([*ALL])) | anything,
        "deniedConsentIds": st.lists(st.sampled_from([*ALL])) | anything,
    },
)


@given(
    parts | anything,
    rudder | anything,
    st.sampled_from([None, "1", "0", "1, 1"]),
    st.booleans(),
)
def test_no_event_raises_and_no_scope_is_both_granted_and_denied(
    consent: object, management: object, gpc: str | None, is_change: bool
) -> None:
    found = hear(consent, management, gpc, is_change=is_change)
    denied = 0
    for one in found:
        denied |= one.reading.verdicts.denies
        if one.reading.problem is not None:
            assert len(one.raw) <= MAX_UNREADABLE_BYTES
            assert one.is_kept
        assert one.rank is not Rank.PERSON
    assert grants_of(found) & denied == 0
    assert len({one.carrier for one in found}) == len(found)


@given(parts, rudder)
def test_another_part_never_adds_a_grant_to_what_the_others_say(
    consent: dict[str, Any], management: dict[str, Any]
) -> None:
    """What several say together is granted by one of them alone."""
    together = grants_of(hear(consent, management))
    alone = grants_of(hear(None, management))
    for key, value in consent.items():
        if key not in ("gppSid", "decidedAt"):
            sections = {"gppSid": consent["gppSid"]} if "gppSid" in consent else {}
            alone |= grants_of(hear({key: value} | sections))
    assert together & ~alone == 0


@given(st.sampled_from(list(Standard)), anything)
def test_no_statement_raises(standard: Standard, value: object) -> None:
    found = statements_of(standard, value, rules=BANNER, place=PLACE, received_at=NOON)
    assert found
    for one in found:
        if one.reading.problem is not None:
            assert one.reading.verdicts.grants == 0
