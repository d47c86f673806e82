"""From documents to the rules of consent: scopes, families, notices, standards."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from cdp.consent import (
    GPC,
    Basis,
    ChildNeeds,
    ConsentRules,
    Default,
    Period,
    TCFRole,
)
from cdp.gate import UnfitPolicyError, consent_rules
from cdp.kernel import to_micros
from cdp.policy import Policy, Title, load

CONSENT = Path(__file__).parents[1] / "policy" / "consent.yaml"
SCOPES = (
    "analytics",
    "marketing.push",
    "marketing.push.night",
    "sharing",
    "sharing>lab",
)
# Those that have a section of their own in IAB GPP.
STATES = (
    *("CA", "VA", "CO", "UT", "CT", "FL", "MT", "OR", "TX", "DE"),
    *("IA", "NE", "NH", "NJ", "TN", "MN", "MD", "IN", "KY", "RI"),
)
BITS = {key: n for n, key in enumerate(SCOPES)}


@pytest.fixture
def small(tmp_path: Path) -> Policy:
    (tmp_path / "all.yaml").write_text(CONSENT.read_text(encoding="utf-8"), "utf-8")
    return load(tmp_path)


def covered(policy: Policy, place: str = "KR") -> set[str]:
    mask = consent_rules(policy, BITS).notices["banner-1"].covers[place]
    return {key for key, bit in BITS.items() if mask >> bit & 1}


def with_told(policy: Policy, purpose: str, **changes: object) -> Policy:
    notice = policy.notices["banner-1"]
    told = msgspec.structs.replace(notice.purposes[purpose], **changes)
    purposes = {**notice.purposes, purpose: told}
    changed = msgspec.structs.replace(notice, purposes=purposes)
    return msgspec.structs.replace(policy, notices={"banner-1": changed})


def test_a_purpose_and_its_third_party_are_scopes_of_one_purpose(small: Policy) -> None:
    rules = consent_rules(small, BITS)
    assert tuple(scope.key for scope in rules.scopes) == SCOPES
    own, theirs = rules.by_key["sharing"], rules.by_key["sharing>lab"]
    assert (own.recipient, theirs.recipient) == (None, "lab")
    assert theirs.categories == own.categories == ("A", "B")
    assert rules.purpose_masks["sharing"] == own.bit | theirs.bit


def test_a_scope_without_an_ordinal_is_refused(small: Policy) -> None:
    bits = {key: bit for key, bit in BITS.items() if key != "sharing>lab"}
    with pytest.raises(UnfitPolicyError, match="sharing>lab"):
        consent_rules(small, bits)


def test_a_family_is_written_out(small: Policy) -> None:
    rules = consent_rules(small, BITS)
    sharing, analytics = rules.by_key["sharing"], rules.by_key["analytics"]
    assert sharing.basis == {
        "KR": Basis.CONSENT,
        "EU": Basis.CONSENT,
        "EU-AT": Basis.CONTRACT,
        "unknown": Basis.CONSENT,
    }
    year = Period(months=13)
    assert analytics.max_age == {"EU": year, "EU-AT": year}


def test_only_a_jurisdiction_that_separates_has_classes(small: Policy) -> None:
    rules = consent_rules(small, BITS)
    assert {scope.key: dict(scope.separate) for scope in rules.scopes} == {
        "analytics": {"KR": "collection"},
        "marketing.push": {"KR": "promotion"},
        "marketing.push.night": {"KR": "promotion"},
        "sharing": {"KR": "third_party"},
        "sharing>lab": {"KR": "third_party"},
    }


def test_a_notice_covers_what_it_tells_of(small: Policy) -> None:
    assert covered(small) == set(SCOPES)
    assert covered(small, "EU-AT") == set(SCOPES)
    rule = consent_rules(small, BITS).notices["banner-1"]
    assert rule.covers_past == 1 << BITS["analytics"]
    # Midnight in Seoul.
    assert rule.starts_at == to_micros(datetime(2025, 12, 31, 15, tzinfo=UTC))
    assert rule.ends_at is None
    assert set(rule.retention.values()) == {Period(months=12)}


@pytest.mark.parametrize(
    ("purpose", "changes", "lost", "lost_elsewhere"),
    [
        # Where no notice is needed, what it is silent about narrows nothing.
        ("analytics", {"items": ()}, {"analytics"}, set()),
        ("analytics", {"retention": None}, {"analytics"}, set()),
        ("analytics", {"refusal": None}, {"analytics"}, set()),
        # What it says too little of narrows everywhere.
        ("analytics", {"items": ("user.device",)}, {"analytics"}, {"analytics"}),
        ("analytics", {"items": ("user.behavior.x",)}, {"analytics"}, {"analytics"}),
        ("analytics", {"retention": "P6M"}, {"analytics"}, {"analytics"}),
        ("sharing", {"recipients": ()}, {"sharing>lab"}, {"sharing>lab"}),
        ("sharing", {"countries": ()}, {"sharing>lab"}, {"sharing>lab"}),
        ("sharing", {"items": ("user.device",)}, {"sharing", "sharing>lab"},
         {"sharing", "sharing>lab"}),
    ],
)  # fmt: skip
def test_what_a_notice_leaves_out_it_does_not_cover(
    small: Policy,
    purpose: str,
    changes: dict[str, object],
    lost: set[str],
    lost_elsewhere: set[str],
) -> None:
    narrowed = with_told(small, purpose, **changes)
    assert covered(narrowed) == set(SCOPES) - lost
    assert covered(narrowed, "EU") == set(SCOPES) - lost_elsewhere


def test_a_bundle_covers_no_separate_consent(small: Policy) -> None:
    notice = msgspec.structs.replace(
        small.notices["banner-1"], separately=("collection",)
    )
    bundle = msgspec.structs.replace(small, notices={"banner-1": notice})
    assert covered(bundle) == {"analytics"}
    assert covered(bundle, "EU") == set(SCOPES)


def test_a_new_field_narrows_an_old_notice(small: Policy) -> None:
    dataset = small.datasets["visits"]
    page = msgspec.structs.replace(dataset.fields["page"], category="user.location")
    fields = {**dataset.fields, "page": page}
    changed = msgspec.structs.replace(dataset, fields=fields)
    policy = msgspec.structs.replace(small, datasets={"visits": changed})
    assert covered(policy) == set(SCOPES) - {"analytics"}


def test_the_vendor_and_the_deleted_platforms_are_taken_over(small: Policy) -> None:
    rule = consent_rules(small, BITS).tcf
    assert (rule.role, rule.vendor_id) == (TCFRole.VENDOR, 7)
    struck = to_micros(datetime(2021, 5, 5, tzinfo=UTC))
    assert rule.deleted_cmps == {10: struck}
    silent = msgspec.structs.replace(
        small, standards=msgspec.structs.replace(small.standards, tcf=None)
    )
    assert consent_rules(silent, BITS).tcf.role is None


# ------------------------------------------------------------- the policy that ships


@pytest.fixture(scope="module")
def shop() -> ConsentRules:
    from cdp.features import CATALOGUE  # noqa: PLC0415 - heavy; only these need it
    from cdp.policy import FeatureInfo  # noqa: PLC0415 - as above

    features = {
        name: FeatureInfo(name=name, inputs=info.inputs, purposes=info.purposes)
        for name, info in CATALOGUE.items()
    }
    policy = load(Path(__file__).parents[2] / "policies", features=features)
    return consent_rules(policy, {key: n for n, key in enumerate(policy.scopes)})


def test_korea_is_strict_to_the_letter(shop: ConsentRules) -> None:
    korea = shop.jurisdictions["KR"]
    assert (korea.needs_notice, korea.separates) == (True, True)
    assert korea.night is not None
    assert (korea.night.start, korea.night.end) == (21 * 60, 8 * 60)
    # Network Act, decree 61(2): e-mail is exempt.
    assert korea.night.channels == {"sms", "push", "messenger"}
    assert shop.by_key["marketing.push.night"].night_of == "marketing.push"
    assert shop.by_key["marketing.email"].reconfirm == {"KR": Period(months=24)}
    assert "KR" not in shop.by_key["marketing.email"].max_age
    mask = shop.notices["banner-1"].covers["KR"]
    asked = [scope for scope in shop.scopes if scope.basis["KR"] is Basis.CONSENT]
    assert all(mask & scope.bit for scope in asked)


@pytest.mark.parametrize(
    ("place", "below"),
    [("EU", 16), ("EU-AT", 14), ("EU-BE", 13), ("EU-DE", 16), ("EU-FR", 15),
     ("EU-IT", 14), ("EU-NO", 13), ("UK", 13), ("KR", 14), ("unknown", 18)],
)  # fmt: skip
def test_children_need_a_guardian(shop: ConsentRules, place: str, below: int) -> None:
    child = shop.jurisdictions[place].child
    assert child is not None
    assert (child.below, child.needs) == (below, ChildNeeds.GUARDIAN)


def test_every_state_with_a_section_of_its_own_is_listed(shop: ConsentRules) -> None:
    for state in STATES:
        rule = shop.jurisdictions[f"US-{state}"]
        assert rule.default is Default.OPT_OUT
        assert rule.child is not None
        assert rule.child.needs is ChildNeeds.OPT_IN
        assert rule.child.guardian_below == 13
    assert shop.jurisdictions["US-CA"].no_ask == Period(months=12)


def test_gpc_objects_to_marketing_profiles_everywhere(shop: ConsentRules) -> None:
    segmentation, service = shop.by_key["segmentation"], shop.by_key["service"]
    for place, rule in shop.jurisdictions.items():
        assert rule.gpc is GPC.DENY
        mask = shop.gpc_mask(place)
        assert mask & segmentation.bit
        assert not mask & service.bit


def test_no_banner_grants_an_ad(shop: ConsentRules) -> None:
    for scope in shop.scopes:
        if scope.channel is not None:
            said = (scope.tcf, scope.gpp, scope.consent_mode, scope.categories)
            assert not any(said)


def test_the_title_of_a_text_is_in_its_language() -> None:
    title = Title(ko="분석", en="Analytics")
    assert (title.text("ko"), title.text("de")) == ("분석", "Analytics")
