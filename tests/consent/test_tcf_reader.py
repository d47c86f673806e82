"""R9: what a TC string grants, what it denies, and what it leaves unsaid."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent.decoders.tcf_reader import read_tcf
from cdp.consent.reading import Reading
from cdp.consent.rules import (
    Basis,
    ConsentRules,
    Default,
    JurisdictionRule,
    ScopeRule,
    TCFRole,
    TCFRule,
)
from cdp.consent.signals import Dated, Verdict
from cdp.kernel import to_micros
from tests.consent import tc_encoder as encoder
from tests.consent.tc_encoder import TC, Publisher, change

OUR_ID = 31
LINKING, ANALYTICS, CONTENT, ADS, MEASURING, MAIL, ODD = range(7)
NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
DAY = encoder.DAY
TODAY = (NOON - encoder.EPOCH).days * DAY

_CONSENT = dict.fromkeys(("EU", "KR"), Basis.CONSENT)
# In KR alone two scopes rest on legitimate interest, so that places can be told apart.
_INTEREST = {"EU": Basis.CONSENT, "KR": Basis.LEGITIMATE_INTEREST}


def _scope(
    ordinal: int,
    purpose: str,
    tcf: tuple[int, ...],
    basis: dict[str, Basis] = _CONSENT,
) -> ScopeRule:
    return ScopeRule(ordinal=ordinal, purpose=purpose, basis=basis, tcf=tcf)


SCOPES = (
    _scope(LINKING, "linking", (1,), _INTEREST),
    _scope(ANALYTICS, "analytics", (8, 9, 10)),
    _scope(CONTENT, "personalization", (5, 6), _INTEREST),
    _scope(ADS, "advertising.share", (4, 7)),
    _scope(MEASURING, "measuring", (7,), _INTEREST),
    _scope(MAIL, "marketing.email", ()),
    _scope(ODD, "odd", (77,)),
)
ABOUT = sum(scope.bit for scope in SCOPES if scope.tcf)


def rules(rule: TCFRule) -> ConsentRules:
    return ConsentRules(
        version="policy-1",
        scopes=SCOPES,
        jurisdictions={
            key: JurisdictionRule(key=key, default=Default.OPT_IN, zone="UTC")
            for key in ("EU", "KR")
        },
        tcf=rule,
    )


AS_VENDOR = TCFRule(role=TCFRole.VENDOR, vendor_id=OUR_ID)
AS_PUBLISHER = TCFRule(role=TCFRole.PUBLISHER)
NO_ROLE = TCFRule()


def purposes(*ids: int) -> str:
    return encoder.bits_of(ids, 24)


US = encoder.listed([2, OUR_ID, 40])
OTHERS = encoder.listed([2, 40])
EVERY = purposes(*range(1, 12))
NONE = purposes()
OPEN = TC(
    created=TODAY,
    last_updated=TODAY,
    tcf_policy_version=5,
    consents=EVERY,
    vendor_consents=US,
    segments=((1, US), (3, Publisher(EVERY, NONE))),
)
INTERESTS = change(
    OPEN, consents=NONE, interests=EVERY, vendor_consents=OTHERS, vendor_interests=US
)
OLD = change(OPEN, tcf_policy_version=4, segments=())


def read(
    tc: TC, rule: TCFRule = AS_VENDOR, place: str = "EU", at: datetime = NOON
) -> Reading:
    reading = read_tcf(encoder.write(tc), rules(rule), place, at)
    assert reading is not None
    return reading


class Row(NamedTuple):
    """A string, how it is read, and what one scope hears."""

    tc: TC
    scope: int
    verdict: Verdict | None
    remarks: tuple[str, ...] = ()
    rule: TCFRule = AS_VENDOR
    place: str = "EU"


def day(year: int, month: int, day_: int) -> int:
    return (datetime(year, month, day_, tzinfo=UTC) - encoder.EPOCH).days * DAY


def created(deciseconds: int, **fields: object) -> TC:
    return change(OPEN, created=deciseconds, last_updated=deciseconds, **fields)


def restricted(tc: TC, purpose: int, kind: int, *vendors: int) -> TC:
    entries = tuple((vendor,) for vendor in vendors)
    return change(tc, restrictions=((purpose, kind, entries),))


GRANT, DENY = Verdict.GRANT, Verdict.DENY
TABLE = {
    # The purposes.
    "all bits are set": Row(OPEN, ANALYTICS, GRANT),
    "a scope of one purpose": Row(OPEN, LINKING, GRANT),
    "a scope that lists nothing": Row(OPEN, MAIL, None),
    "a scope that lists what TCF has not": Row(OPEN, ODD, None),
    "one of several purposes is clear": Row(
        change(OPEN, consents=purposes(8, 10)), ANALYTICS, DENY
    ),
    "another purpose is clear": Row(
        change(OPEN, consents=purposes(8, 9, 10)), ANALYTICS, GRANT
    ),
    "all purposes are clear": Row(change(OPEN, consents=NONE), ADS, DENY),
    # As a vendor.
    "the vendor is clear": Row(change(OPEN, vendor_consents=OTHERS), ANALYTICS, DENY),
    "the vendor is above the highest, yet disclosed": Row(
        change(OPEN, vendor_consents=encoder.listed([2])), ANALYTICS, DENY
    ),
    "no list knows the vendor": Row(
        change(
            OPEN,
            vendor_consents=encoder.listed([2]),
            segments=((1, encoder.listed([2])),),
        ),
        ANALYTICS,
        DENY,
        ("tcf.not_disclosed", "tcf.vendor_unknown"),
    ),
    "the vendor is within a range": Row(
        change(OPEN, vendor_consents=encoder.ranged((3,), (20, 40))), ANALYTICS, GRANT
    ),
    "the vendor is between ranges": Row(
        change(OPEN, vendor_consents=encoder.ranged((3, 30), (32, 40))), ANALYTICS, DENY
    ),
    # Service and version.
    "of many services": Row(
        change(OPEN, is_service_specific=False),
        ANALYTICS,
        None,
        ("tcf.not_service_specific",),
    ),
    "of many services, and a bit is clear": Row(
        change(OPEN, is_service_specific=False, consents=NONE),
        ANALYTICS,
        DENY,
        ("tcf.not_service_specific",),
    ),
    "policy version 2 today": Row(
        change(OLD, tcf_policy_version=2), ANALYTICS, None, ("tcf.policy_version",)
    ),
    "policy version 3 today": Row(
        change(OLD, tcf_policy_version=3), ANALYTICS, None, ("tcf.policy_version",)
    ),
    "policy version 2 on the last day": Row(
        created(day(2023, 9, 30) + DAY - 1, tcf_policy_version=2), ANALYTICS, GRANT
    ),
    "policy version 2 on the day after": Row(
        created(day(2023, 10, 1), tcf_policy_version=2),
        ANALYTICS,
        None,
        ("tcf.policy_version",),
    ),
    "policy version 4": Row(OLD, ANALYTICS, GRANT),
    "a policy version to come": Row(
        change(OPEN, tcf_policy_version=63), ANALYTICS, GRANT
    ),
    # Disclosure.
    "version 5 without the segment": Row(
        change(OPEN, segments=()), ANALYTICS, None, ("tcf.not_disclosed",)
    ),
    "version 5, others are disclosed": Row(
        change(OPEN, segments=((1, OTHERS),)), ANALYTICS, None, ("tcf.not_disclosed",)
    ),
    "version 5, others are disclosed in ranges": Row(
        change(OPEN, segments=((1, encoder.ranged((1, 30), (32, 40))),)),
        ANALYTICS,
        None,
        ("tcf.not_disclosed",),
    ),
    "allowed vendors disclose nobody": Row(
        change(OPEN, segments=((2, US),)), ANALYTICS, None, ("tcf.not_disclosed",)
    ),
    "version 4 without the segment": Row(OLD, ANALYTICS, GRANT),
    "version 4, others are disclosed": Row(
        change(OLD, segments=((1, OTHERS),)), ANALYTICS, GRANT
    ),
    "version 4 on the last day without the segment": Row(
        created(day(2026, 2, 27), tcf_policy_version=4, segments=()), ANALYTICS, GRANT
    ),
    "version 4 on the first day that asks for it": Row(
        created(day(2026, 2, 28), tcf_policy_version=4, segments=()),
        ANALYTICS,
        None,
        ("tcf.not_disclosed",),
    ),
    "version 4 on that day with the segment": Row(
        created(day(2026, 2, 28), tcf_policy_version=4), ANALYTICS, GRANT
    ),
    # Restrictions.
    "not allowed": Row(
        restricted(OPEN, 9, 0, OUR_ID), ANALYTICS, None, ("tcf.restricted",)
    ),
    "not allowed, to others": Row(restricted(OPEN, 9, 0, 2, 40), ANALYTICS, GRANT),
    "another purpose is not allowed": Row(
        restricted(OPEN, 2, 0, OUR_ID), ANALYTICS, GRANT
    ),
    "not allowed, and the bit is clear": Row(
        change(restricted(OPEN, 9, 0, OUR_ID), consents=NONE), ANALYTICS, DENY
    ),
    "consent is required and there": Row(
        restricted(OPEN, 9, 1, OUR_ID), ANALYTICS, GRANT
    ),
    "interest is required, we ask for consent": Row(
        restricted(OPEN, 9, 2, OUR_ID), ANALYTICS, None, ("tcf.restricted",)
    ),
    "a restriction of a purpose TCF has not": Row(
        restricted(OPEN, 63, 0, OUR_ID), ANALYTICS, GRANT
    ),
    # Legitimate interest.
    "interest where consent is the basis": Row(INTERESTS, MEASURING, DENY),
    "interest where it is the basis": Row(INTERESTS, MEASURING, GRANT, place="KR"),
    "interest for a scope that rests on consent": Row(
        INTERESTS, ANALYTICS, DENY, place="KR"
    ),
    "consent where interest is the basis": Row(OPEN, MEASURING, GRANT, place="KR"),
    "neither where interest is the basis": Row(
        change(OPEN, consents=NONE), MEASURING, DENY, place="KR"
    ),
    "interest, but not for our vendor": Row(
        change(INTERESTS, vendor_interests=OTHERS), MEASURING, DENY, place="KR"
    ),
    "interest for purpose 1": Row(INTERESTS, LINKING, DENY, place="KR"),
    "interest for purpose 1 of old": Row(
        change(
            INTERESTS,
            created=day(2023, 9, 1),
            last_updated=day(2023, 9, 1),
            tcf_policy_version=2,
        ),
        LINKING,
        DENY,
        place="KR",
    ),
    "interest for purposes 5 and 6": Row(INTERESTS, CONTENT, DENY, place="KR"),
    "interest for purposes 5 and 6 of old": Row(
        change(
            INTERESTS,
            created=day(2023, 9, 1),
            last_updated=day(2023, 9, 1),
            tcf_policy_version=3,
        ),
        CONTENT,
        GRANT,
        place="KR",
    ),
    "interest, and consent is required": Row(
        restricted(INTERESTS, 7, 1, OUR_ID), MEASURING, DENY, place="KR"
    ),
    "interest is required and there": Row(
        restricted(INTERESTS, 7, 2, OUR_ID), MEASURING, GRANT, place="KR"
    ),
    "consent, and interest is required": Row(
        restricted(OPEN, 7, 2, OUR_ID),
        MEASURING,
        DENY,
        ("tcf.restricted",),
        place="KR",
    ),
    "interest, and nothing is allowed": Row(
        restricted(INTERESTS, 7, 0, OUR_ID), MEASURING, None, place="KR"
    ),
    "interest in a place that the scope does not know": Row(
        INTERESTS, MEASURING, DENY, place="unknown"
    ),
    # Purpose 1.
    "purpose 1 was not asked about": Row(
        change(OPEN, purpose_one_treatment=True), LINKING, None, ("tcf.purpose_one",)
    ),
    "purpose 1 was not asked about and is clear": Row(
        change(OPEN, purpose_one_treatment=True, consents=NONE),
        LINKING,
        None,
        ("tcf.purpose_one",),
    ),
    "purpose 1 was not asked about, others were": Row(
        change(OPEN, purpose_one_treatment=True), ADS, GRANT, ("tcf.purpose_one",)
    ),
    # As a publisher.
    "told the publisher": Row(OPEN, ANALYTICS, GRANT, rule=AS_PUBLISHER),
    "told the publisher, not the vendors": Row(
        change(OPEN, consents=NONE, vendor_consents=OTHERS, segments=OPEN.segments[1:]),
        ANALYTICS,
        GRANT,
        rule=AS_PUBLISHER,
    ),
    "told the vendors, not the publisher": Row(
        change(OPEN, segments=((3, Publisher()),)), ANALYTICS, DENY, rule=AS_PUBLISHER
    ),
    "no publisher segment": Row(
        OLD, ANALYTICS, None, ("tcf.no_publisher_segment",), rule=AS_PUBLISHER
    ),
    "no publisher segment, and the core's bits are clear": Row(
        change(OLD, consents=NONE),
        ANALYTICS,
        None,
        ("tcf.no_publisher_segment",),
        rule=AS_PUBLISHER,
    ),
    "restrictions bind vendors, not the publisher": Row(
        restricted(OPEN, 9, 0, OUR_ID), ANALYTICS, GRANT, rule=AS_PUBLISHER
    ),
    "the publisher's interest": Row(
        change(OPEN, segments=((3, Publisher(NONE, EVERY)),)),
        MEASURING,
        GRANT,
        rule=AS_PUBLISHER,
        place="KR",
    ),
    "the publisher's interest for purpose 1": Row(
        change(OPEN, segments=((3, Publisher(NONE, EVERY)),)),
        LINKING,
        DENY,
        rule=AS_PUBLISHER,
        place="KR",
    ),
    "a publisher's string of many services": Row(
        change(OPEN, is_service_specific=False),
        ANALYTICS,
        None,
        ("tcf.not_service_specific",),
        rule=AS_PUBLISHER,
    ),
    # As nobody.
    "no role, all bits are set": Row(
        OPEN, ANALYTICS, None, ("tcf.no_role",), rule=NO_ROLE
    ),
    "no role, a bit is clear": Row(
        change(OPEN, consents=purposes(8, 9)),
        ANALYTICS,
        DENY,
        ("tcf.no_role",),
        rule=NO_ROLE,
    ),
    "a vendor without an id": Row(
        OPEN, ANALYTICS, None, ("tcf.no_role",), rule=TCFRule(role=TCFRole.VENDOR)
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_a_purpose_is_granted_only_under_all_conditions(name: str) -> None:
    row = TABLE[name]
    received_at = NOON + timedelta(days=365)
    reading = read(row.tc, row.rule, row.place, received_at)
    assert reading.problem is None
    assert reading.verdicts.on(row.scope) == row.verdict
    assert reading.remarks == row.remarks


# What cannot be relied on.


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("", "tcf.empty"),
        (f"B{encoder.write(OPEN)[1:]}", "tcf.version"),
        (f"{encoder.write(OPEN)}.", "tcf.empty"),
        (encoder.write(OPEN).replace(".", "~"), "tcf.alphabet"),
        (encoder.write(change(OPEN, cmp_id=1)), "tcf.value"),
        (encoder.write(OPEN)[:40], "tcf.truncated"),
        (encoder.write(restricted(OPEN, 9, 3, OUR_ID)), "tcf.value"),
        (17, "tcf.not_text"),
        (True, "tcf.not_text"),
        ([encoder.write(OPEN)], "tcf.not_text"),
        ({}, "tcf.not_text"),
        (b"C", "tcf.not_text"),
    ],
)
def test_what_does_not_decode_closes_the_scopes_it_was_about(
    raw: object, problem: str
) -> None:
    reading = read_tcf(raw, rules(AS_VENDOR), "EU", NOON)
    assert reading is not None
    assert reading.problem == problem
    assert reading.verdicts.unreadable == ABOUT
    assert reading.verdicts.grants == reading.verdicts.denies == 0


def test_no_string_says_nothing() -> None:
    assert read_tcf(None, rules(AS_VENDOR), "EU", NOON) is None


@pytest.mark.parametrize(
    ("last_updated", "problem"),
    [
        (TODAY, None),
        (TODAY - DAY, None),
        (TODAY + DAY, "tcf.future"),
        (TODAY + DAY // 2 + 5 * 600, None),
        (TODAY + DAY // 2 + 5 * 600 + 1, "tcf.future"),
        (2**36 - 1, "tcf.future"),
    ],
)
@pytest.mark.parametrize("field", ["created", "last_updated"])
def test_a_string_from_the_future_grants_nothing(
    field: str, last_updated: int, problem: str | None
) -> None:
    reading = read(change(OPEN, **{field: last_updated}))
    assert reading.problem == problem
    assert bool(reading.verdicts.grants) == (problem is None)
    assert reading.verdicts.unreadable == (ABOUT if problem else 0)


def test_a_string_from_the_future_still_denies() -> None:
    """A clock that is ahead must not keep a withdrawal from counting."""
    reading = read(created(TODAY + DAY, consents=purposes(1)))
    assert reading.problem == "tcf.future"
    assert reading.verdicts.on(ANALYTICS) is DENY
    assert reading.verdicts.grants == 0
    assert reading.verdicts.unreadable == 1 << LINKING | 1 << ODD
    assert reading.dated is None


def test_a_string_of_a_deleted_cmp_is_invalid_from_that_date() -> None:
    deleted = NOON - timedelta(hours=1)
    rule = TCFRule(
        role=TCFRole.VENDOR,
        vendor_id=OUR_ID,
        deleted_cmps={OPEN.cmp_id: to_micros(deleted), 99: 0},
    )
    before = read(OPEN, rule, at=deleted - timedelta(microseconds=1))
    assert before.problem is None
    assert before.verdicts.on(ANALYTICS) is GRANT
    after = read(OPEN, rule, at=deleted)
    assert after.problem == "tcf.cmp_deleted"
    assert after.verdicts.grants == 0
    assert read(change(OPEN, consents=NONE), rule).verdicts.on(ADS) is DENY


# When it was decided.


def test_a_day_is_told_as_the_whole_day() -> None:
    start = datetime(2025, 6, 1, tzinfo=UTC)
    reading = read(OPEN)
    assert reading.dated == Dated(start, start + timedelta(days=1))
    assert reading.decided_at is None


def test_a_time_of_day_is_told_as_it_is() -> None:
    reading = read(change(OPEN, last_updated=TODAY + 36_007))
    assert reading.decided_at == datetime(2025, 6, 1, 1, 0, 0, 700_000, tzinfo=UTC)
    assert reading.dated is None


# Laws.

_bits = st.text("01", min_size=24, max_size=24)
_vendor_lists = st.sampled_from(
    [US, OTHERS, encoder.ranged((30, 31)), encoder.ranged((1,)), encoder.listed([])]
)
_strings = st.builds(
    lambda **fields: change(OPEN, **fields),
    consents=_bits,
    interests=_bits,
    vendor_consents=_vendor_lists,
    vendor_interests=_vendor_lists,
    tcf_policy_version=st.sampled_from([2, 3, 4, 5]),
    created=st.sampled_from([TODAY, day(2023, 9, 30), day(2026, 3, 1)]),
    is_service_specific=st.booleans(),
    purpose_one_treatment=st.booleans(),
    restrictions=st.lists(
        st.tuples(
            st.sampled_from([1, 5, 7, 9]),
            st.integers(0, 2),
            st.just(((OUR_ID,),)),
        ),
        max_size=3,
    ).map(tuple),
    segments=st.sampled_from([(), ((1, US),), ((1, OTHERS),), OPEN.segments]),
)
_roles = st.sampled_from([AS_VENDOR, AS_PUBLISHER, NO_ROLE])
_places = st.sampled_from(["EU", "KR", "unknown"])


def _masks(tc: TC, rule: TCFRule, place: str) -> tuple[int, int]:
    verdicts = read(tc, rule, place).verdicts
    return verdicts.grants, verdicts.denies


@given(_strings, _roles, _places)
def test_a_scope_is_never_both_granted_and_denied(
    tc: TC, rule: TCFRule, place: str
) -> None:
    grants, denies = _masks(tc, rule, place)
    assert not grants & denies
    assert not (grants | denies) & ~ABOUT


@given(_strings, _roles, _places, st.integers(0, 23))
def test_clearing_a_bit_never_grants(
    tc: TC, rule: TCFRule, place: str, at: int
) -> None:
    grants, denies = _masks(tc, rule, place)
    for name in ("consents", "interests"):
        bits = getattr(tc, name)
        less = change(tc, **{name: f"{bits[:at]}0{bits[at + 1 :]}"})
        fewer, more = _masks(less, rule, place)
        assert not fewer & ~grants
        assert not denies & ~more


@given(_strings, _roles, st.integers(1, 11))
def test_a_restriction_never_grants(tc: TC, rule: TCFRule, purpose: int) -> None:
    # Where consent is the basis. An interest that must be consent is taken as denied.
    grants, _ = _masks(tc, rule, "EU")
    for kind in range(3):
        more = change(
            tc, restrictions=(*tc.restrictions, (purpose, kind, ((OUR_ID,),)))
        )
        assert not _masks(more, rule, "EU")[0] & ~grants


@given(_strings, _places)
def test_without_a_role_nothing_is_granted_and_no_more_is_denied(
    tc: TC, place: str
) -> None:
    grants, denies = _masks(tc, NO_ROLE, place)
    assert not grants
    unrestricted = change(tc, restrictions=())
    assert not denies & ~_masks(unrestricted, AS_VENDOR, place)[1]


@given(st.one_of(st.text(), st.binary(), st.none(), st.integers(), st.just({})))
def test_no_input_raises(raw: object) -> None:
    reading = read_tcf(raw, rules(AS_VENDOR), "EU", NOON)
    assert reading is None or reading.verdicts.grants == 0
