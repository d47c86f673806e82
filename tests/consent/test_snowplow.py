"""What Snowplow's consent events say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent import Reading, Verdict
from cdp.consent.decoders.snowplow import read_snowplow
from tests.consent.banner import (
    BANNER,
    CATEGORIES,
    NOON,
    PLACE,
    anything,
    closed,
    said,
)

GRANT, DENY, END = Verdict.GRANT, Verdict.DENY, Verdict.END
ALL = ["Functional", "Analytics", "Advertising", "DataSharing"]
EVERY = ["linking", "analytics", "segmentation", "ads", "ads>partner"]
EVENTS = [
    "allow_all",
    "allow_selected",
    "deny_all",
    "withdrawn",
    "pending",
    "implicit_consent",
    "expired",
]
BASES = [
    "consent",
    "contract",
    "legal_obligation",
    "vital_interests",
    "public_task",
    "legitimate_interests",
]


def read(raw: object) -> Reading | None:
    return read_snowplow(raw, BANNER, PLACE, NOON)


def event(kind: object, scopes: object = None, **more: Any) -> dict[str, Any]:
    data = {
        "eventType": kind,
        "basisForProcessing": "consent",
        "consentScopes": ALL if scopes is None else scopes,
        "consentUrl": "https://shop.example/privacy",
        "consentVersion": "banner-7",
        "domainsApplied": ["shop.example"],
        "gdprApplies": True,
    }
    return data | more


def schema(name: str, data: object, documents: object = None) -> dict[str, Any]:
    found = {
        "schema": f"iglu:com.snowplowanalytics.snowplow/{name}/jsonschema/1-0-0",
        "data": data,
    }
    return found if documents is None else found | {"documents": documents}


def document(name: str, version: str = "banner-7") -> dict[str, Any]:
    return {"id": name, "version": version}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (event("allow_all"), dict.fromkeys(EVERY, GRANT)),
        (
            event("allow_selected", ["Functional", "Advertising"]),
            {
                "linking": GRANT,
                "analytics": DENY,
                "segmentation": GRANT,
                "ads": DENY,
                "ads>partner": DENY,
            },
        ),
        # What is listed decides, not the word.
        (
            event("allow_all", ["Analytics"]),
            dict.fromkeys(EVERY, DENY) | {"analytics": GRANT},
        ),
        (event("allow_selected", []), dict.fromkeys(EVERY, DENY)),
        (event("deny_all", ["Functional"]), dict.fromkeys(EVERY, DENY)),
        (event("withdrawn"), dict.fromkeys(EVERY, DENY)),
        (event("pending"), {}),
        (event("implicit_consent"), {}),
        (event("expired"), dict.fromkeys(EVERY, END)),
        # Another basis is no consent; what is not listed is refused all the same.
        (event("allow_all", basisForProcessing="contract"), {}),
        (
            event("allow_selected", ["Analytics"], basisForProcessing="public_task"),
            dict.fromkeys(["linking", "segmentation", "ads", "ads>partner"], DENY),
        ),
        (event("deny_all", basisForProcessing="contract"), dict.fromkeys(EVERY, DENY)),
    ],
)
def test_the_events_come_to_verdicts(
    data: object, expected: dict[str, Verdict]
) -> None:
    assert said(read(data)) == expected
    assert said(read(schema("consent_preferences", data))) == expected


def test_the_version_names_the_notice() -> None:
    reading = read(event("allow_all"))
    assert reading is not None
    assert reading.notice == "banner-7"


def test_an_unknown_scope_is_told() -> None:
    reading = read(event("allow_selected", ["Analytics", "necessary"]))
    assert reading is not None
    assert reading.remarks == ("category.unknown",)
    assert said(reading)["analytics"] is GRANT


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ([], "snowplow.not_object"),
        ("allow_all", "snowplow.not_object"),
        ({}, "snowplow.basis"),
        (event("allow_everything"), "snowplow.event_type"),
        (event(None), "snowplow.event_type"),
        (event(["allow_all"]), "snowplow.event_type"),
        (event("allow_all", "Analytics"), "snowplow.scopes"),
        (event("allow_all", ["Analytics", 1]), "snowplow.scopes"),
        (event("allow_all") | {"consentScopes": None}, "snowplow.scopes"),
        (event("allow_all", basisForProcessing="love"), "snowplow.basis"),
        (event("allow_all", basisForProcessing=["consent"]), "snowplow.basis"),
        (event("allow_all", consentVersion=1.0), "snowplow.version"),
        (event("allow_all", consentVersion="x" * 129), "snowplow.version"),
        (event("allow_all", consentVersion="a\0b"), "snowplow.version"),
        (event("allow_all", consentVersion=""), "snowplow.version"),
        (schema("consent_preferences", []), "snowplow.not_object"),
        (schema("page_view", {}), "snowplow.schema"),
        ({"schema": 5, "data": {}}, "snowplow.schema"),
        ({"schema": "/" * 600, "data": {}}, "snowplow.schema"),
        (
            {"schema": "x/consent_preferences/jsonschema/2-0-0", "data": {}},
            "snowplow.schema",
        ),
        (schema("consent_granted", {}, "doc"), "snowplow.documents"),
        (schema("consent_granted", {}, [{"id": "Analytics"}]), "snowplow.documents"),
        (schema("consent_granted", {}, [5]), "snowplow.documents"),
        (
            schema("consent_granted", {}, [document("A"), document("A", "2")]),
            "snowplow.documents",
        ),
        (
            schema("consent_granted", {}, [document("A"), document("B", "2")]),
            "snowplow.version",
        ),
        (schema("consent_withdrawn", {"all": "yes"}), "snowplow.documents"),
    ],
)
def test_another_shape_is_unreadable(data: object, problem: str) -> None:
    reading = read(data)
    assert reading is not None
    assert reading.problem == problem
    assert closed(reading) == CATEGORIES


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (schema("consent_granted", {}, [document("Analytics")]), {"analytics": GRANT}),
        (
            schema("consent_granted", {}, [schema("x", document("Functional"))]),
            {"linking": GRANT},
        ),
        (schema("consent_granted", {}, [document("Terms of use")]), {}),
        (schema("consent_granted", {}), {}),
        (
            schema("consent_withdrawn", {"all": False}, [document("Analytics")]),
            {"analytics": DENY},
        ),
        (
            schema("consent_withdrawn", {"all": True}, [document("Analytics")]),
            dict.fromkeys(EVERY, DENY),
        ),
        # A withdrawal that does not say of what is one of everything.
        (schema("consent_withdrawn", {}), dict.fromkeys(EVERY, DENY)),
    ],
)
def test_the_events_of_the_mobile_sdks(
    data: object, expected: dict[str, Verdict]
) -> None:
    assert said(read(data)) == expected


def test_a_grant_that_should_end_says_nothing() -> None:
    data = {"expiry": "2026-12-01T00:00:00Z"}
    reading = read(schema("consent_granted", data, [document("Analytics")]))
    assert reading is not None
    assert said(reading) == {}
    assert reading.remarks == ("snowplow.expiry",)


@given(
    st.sampled_from(EVENTS),
    st.sampled_from(BASES),
    st.lists(st.sampled_from([*ALL, "necessary"]), max_size=5),
)
def test_only_a_consent_that_allows_what_it_lists_grants(
    kind: str, basis: str, scopes: list[str]
) -> None:
    found = said(read(event(kind, scopes, basisForProcessing=basis)))
    allows = kind.startswith("allow") and basis == "consent"
    for scope in BANNER.scopes:
        needed = set(scope.categories)
        granted = allows and bool(needed) and needed <= set(scopes)
        assert (found.get(scope.key) is GRANT) == granted


@given(anything)
def test_no_input_raises_and_none_that_is_unreadable_grants(raw: object) -> None:
    reading = read(raw)
    if reading is not None and reading.problem is not None:
        assert reading.verdicts.grants == 0
