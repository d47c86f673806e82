"""What Segment's consent object and the header of GPC say."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent import (
    GPC,
    ConsentRules,
    JurisdictionRule,
    Unreadable,
    Verdict,
    Verdicts,
    decode_category_preferences,
    decode_consent,
    decode_gpc,
    narrow,
)
from cdp.consent.event import Stand
from tests.consent.house import ADS, ANALYTICS, LINKING, MAIL, RULES, SERVICE, mask

_CATEGORIES = ["Functional", "Analytics", "Advertising", "DataSharing", "advertising"]
_SPOKEN = mask(LINKING, ANALYTICS, ADS)


def _said(preferences: dict[str, bool]) -> Verdicts:
    said = decode_category_preferences(preferences, RULES)
    assert isinstance(said, Verdicts)
    return said


def test_a_scope_is_granted_when_all_its_categories_are() -> None:
    said = _said({"Advertising": True, "DataSharing": True, "Analytics": False})
    assert said.on(ADS) is Verdict.GRANT
    assert said.on(ANALYTICS) is Verdict.DENY
    assert said.on(LINKING) is Verdict.DENY
    assert said.on(MAIL) is None
    assert said.on(SERVICE) is None


def test_one_refused_category_denies_the_scope_that_needs_both() -> None:
    assert _said({"Advertising": True, "DataSharing": False}).on(ADS) is Verdict.DENY
    assert _said({"Advertising": True}).on(ADS) is Verdict.DENY


def test_empty_preferences_deny_every_configured_category() -> None:
    assert _said({}) == Verdicts(denies=_SPOKEN)


@pytest.mark.parametrize(
    "consent", [None, {}, {"other": 1}, {"categoryPreferences": None}]
)
def test_no_preferences_say_nothing(consent: object) -> None:
    assert decode_consent(consent, RULES) is None


@pytest.mark.parametrize(
    "consent",
    [
        [],
        "yes",
        {"categoryPreferences": []},
        {"categoryPreferences": "all"},
        {"categoryPreferences": {"Analytics": 1}},
        {"categoryPreferences": {"Analytics": "true"}},
        {"categoryPreferences": {"Analytics": None}},
        {"categoryPreferences": {"Somebody else's": 1.0, "Analytics": True}},
    ],
)
def test_what_is_no_boolean_is_unreadable_and_its_event_counts_as_denied(
    consent: object,
) -> None:
    said = decode_consent(consent, RULES)
    assert isinstance(said, Unreadable)
    assert said.verdicts.grants == 0
    assert said.verdicts.closes == _SPOKEN
    stand = Stand(granted=-1)
    assert narrow(stand, [said.verdicts]).usable & _SPOKEN == 0


def test_category_keys_are_case_sensitive() -> None:
    assert _said({"analytics": True}).on(ANALYTICS) is Verdict.DENY


@given(
    st.dictionaries(
        st.sampled_from(_CATEGORIES),
        st.one_of(st.booleans(), st.integers(0, 1), st.none(), st.text(max_size=2)),
    )
)
def test_only_true_ever_grants(preferences: dict[str, object]) -> None:
    said = decode_category_preferences(preferences, RULES)
    verdicts = said.verdicts if isinstance(said, Unreadable) else said
    for scope in RULES.scopes:
        granted = bool(scope.categories) and all(
            preferences.get(category) is True for category in scope.categories
        )
        clean = all(isinstance(value, bool) for value in preferences.values())
        assert (verdicts.on(scope.ordinal) is Verdict.GRANT) == (granted and clean)


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.floats(), st.text()),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["categoryPreferences", "A"]), inner)
        ),
    )
)
def test_no_input_raises(consent: object) -> None:
    decode_consent(consent, RULES)


@pytest.mark.parametrize("value", ["1", "1, 1", "1,1", " 1 "])
def test_gpc_denies_the_purposes_that_say_so(value: str) -> None:
    assert decode_gpc(value, RULES, "EU") == Verdicts(denies=mask(ADS))


@pytest.mark.parametrize("value", [None, "", "0", "true", "11", "1,0", "1;1", "?1"])
def test_anything_but_1_says_nothing(value: str | None) -> None:
    assert decode_gpc(value, RULES, "EU") is None


def test_a_jurisdiction_can_switch_gpc_off_and_an_unlisted_one_cannot() -> None:
    rules = ConsentRules(
        version="2",
        scopes=RULES.scopes,
        jurisdictions={
            "KR": JurisdictionRule(
                key="KR",
                default=RULES.jurisdictions["KR"].default,
                zone="Asia/Seoul",
                gpc=GPC.IGNORE,
            )
        },
    )
    assert decode_gpc("1", rules, "KR") is None
    assert decode_gpc("1", rules, "MARS") == Verdicts(denies=mask(ADS))


def test_an_empty_policy_hears_nothing() -> None:
    empty = ConsentRules(version="0")
    assert decode_gpc("1", empty, "KR") is None
    assert _is_silent(decode_category_preferences({"Analytics": True}, empty))


def _is_silent(said: Verdicts | Unreadable) -> bool:
    return isinstance(said, Verdicts) and said.is_silent


def test_the_published_examples_of_segment_and_gpc() -> None:
    vectors = Path(__file__).parents[2].parent / "shared/vectors/segment_gpc.json"
    if not vectors.exists():
        pytest.skip("the shared vectors are not here")
    published = json.loads(vectors.read_text())
    example = published["segment"]["event_example"]["context"]["consent"]
    said = decode_consent(example, RULES)
    assert isinstance(said, Verdicts)
    assert (said.on(LINKING), said.on(ANALYTICS), said.on(ADS)) == (
        Verdict.GRANT,
        Verdict.DENY,
        Verdict.DENY,
    )
    for case in published["gpc"]["cases"]:
        name, value = case["header"].split(": ")
        heard = decode_gpc(value if name == "Sec-GPC" else None, RULES, "US-CA")
        # The vector leaves a doubled header open; here it is an opt-out.
        assert (heard is not None) == (case["signal"] or value == "1, 1")
