"""What Segment's consent object says: booleans by category, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent import ConsentRules, Reading, Verdict, Verdicts, narrow
from cdp.consent.decoders.categories import read_category_preferences, read_segment
from cdp.consent.event import Stand
from tests.consent.banner import NOON, PLACE, anything, shared_vectors
from tests.consent.house import ADS, ANALYTICS, LINKING, MAIL, RULES, SERVICE, mask

_CATEGORIES = ["Functional", "Analytics", "Advertising", "DataSharing", "advertising"]
_SPOKEN = mask(LINKING, ANALYTICS, ADS)


def read(consent: object) -> Reading | None:
    return read_segment(consent, RULES, PLACE, NOON)


def preferences(raw: object) -> Reading:
    return read_category_preferences(raw, RULES, PLACE, NOON)


def test_a_scope_is_granted_when_all_its_categories_are() -> None:
    reading = preferences(
        {"Advertising": True, "DataSharing": True, "Analytics": False}
    )
    said = reading.verdicts
    assert said.on(ADS) is Verdict.GRANT
    assert said.on(ANALYTICS) is Verdict.DENY
    assert said.on(LINKING) is Verdict.DENY
    assert said.on(MAIL) is None
    assert said.on(SERVICE) is None
    assert reading.remarks == ()


def test_one_refused_category_denies_the_scope_that_needs_both() -> None:
    one = preferences({"Advertising": True, "DataSharing": False})
    assert one.verdicts.on(ADS) is Verdict.DENY
    assert preferences({"Advertising": True}).verdicts.on(ADS) is Verdict.DENY


def test_empty_preferences_deny_every_configured_category() -> None:
    assert preferences({}).verdicts == Verdicts(denies=_SPOKEN)


@pytest.mark.parametrize(
    "consent", [None, {}, {"other": 1}, {"categoryPreferences": None}]
)
def test_no_preferences_say_nothing(consent: object) -> None:
    assert read(consent) is None


@pytest.mark.parametrize(
    ("consent", "problem"),
    [
        ([], "category.not_object"),
        ("yes", "category.not_object"),
        ({"categoryPreferences": []}, "category.not_object"),
        ({"categoryPreferences": "all"}, "category.not_object"),
        ({"categoryPreferences": {"Analytics": 1}}, "category.not_boolean"),
        ({"categoryPreferences": {"Analytics": "true"}}, "category.not_boolean"),
        ({"categoryPreferences": {"Analytics": "conflict"}}, "category.not_boolean"),
        ({"categoryPreferences": {"Analytics": None}}, "category.not_boolean"),
        (
            {"categoryPreferences": {"Somebody else's": 1.0, "Analytics": True}},
            "category.not_boolean",
        ),
    ],
)
def test_what_is_no_boolean_is_unreadable_and_its_event_counts_as_denied(
    consent: object, problem: str
) -> None:
    reading = read(consent)
    assert reading is not None
    assert reading.problem == problem
    assert reading.verdicts.grants == 0
    assert reading.verdicts.closes == _SPOKEN
    stand = Stand(granted=-1)
    assert narrow(stand, [reading.verdicts]).usable & _SPOKEN == 0


def test_an_unknown_category_is_remarked_and_changes_nothing() -> None:
    reading = preferences({"Analytics": True, "Analitycs": False, "Other": True})
    assert reading.remarks == ("category.unknown",)
    assert reading.problem is None
    assert reading.verdicts == preferences({"Analytics": True}).verdicts


def test_category_keys_are_case_sensitive() -> None:
    reading = preferences({"analytics": True})
    assert reading.verdicts.on(ANALYTICS) is Verdict.DENY
    assert reading.remarks == ("category.unknown",)


@given(
    st.dictionaries(
        st.sampled_from(_CATEGORIES),
        st.one_of(st.booleans(), st.integers(0, 1), st.none(), st.text(max_size=2)),
    )
)
def test_only_true_ever_grants(raw: dict[str, object]) -> None:
    verdicts = preferences(raw).verdicts
    for scope in RULES.scopes:
        granted = bool(scope.categories) and all(
            raw.get(category) is True for category in scope.categories
        )
        clean = all(isinstance(value, bool) for value in raw.values())
        assert (verdicts.on(scope.ordinal) is Verdict.GRANT) == (granted and clean)


@given(anything)
def test_no_input_raises_and_none_that_is_unreadable_grants(consent: object) -> None:
    reading = read(consent)
    if reading is not None and reading.problem is not None:
        assert reading.verdicts.grants == 0


def test_an_empty_policy_hears_nothing() -> None:
    empty = ConsentRules(version="0")
    said = read_category_preferences({"Analytics": True}, empty, PLACE, NOON)
    assert said.is_silent


def test_the_published_example_of_segment() -> None:
    published = shared_vectors("segment_gpc.json")["segment"]
    reading = read(published["event_example"]["context"]["consent"])
    assert reading is not None
    said = reading.verdicts
    assert (said.on(LINKING), said.on(ANALYTICS), said.on(ADS)) == (
        Verdict.GRANT,
        Verdict.DENY,
        Verdict.DENY,
    )
    # No object says nothing here, where Segment lets the event flow (R1).
    by_name = {case["name"]: case for case in published["cases"]}
    assert by_name["no context.consent"]["effect_on_profile"] == "none"
    assert read(None) is None
    empty = read({"categoryPreferences": {}})
    assert by_name["empty categoryPreferences"]
    assert empty is not None
    assert empty.verdicts.denies == _SPOKEN
