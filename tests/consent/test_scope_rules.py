"""What the rules come to before anybody speaks: bundles, notices, places, defaults."""

import msgspec
import pytest

from cdp.consent import RULES as BY_CODE
from cdp.consent import UNKNOWN, Reason, Rule, ScopeRule, places_of, scope_key
from tests.consent.house import (
    ADS,
    ANALYTICS,
    LETTER,
    LINKING,
    MAIL,
    NIGHT,
    PANEL,
    PARTNER,
    PUSH,
    RULES,
    SERVICE,
    mask,
)

EVERYTHING = mask(*range(9))
ASKED = (LINKING, ANALYTICS, ADS, MAIL, PANEL, PUSH, NIGHT, PARTNER)


# K3: PIPA 22(1), as read on 2026-09-10.
@pytest.mark.parametrize(
    ("places", "grants", "bundled"),
    [
        (("KR",), (PUSH, PARTNER), ("promotion", "third_party")),
        (("EU", "KR"), (MAIL, PARTNER), ("promotion", "third_party")),
        # One class over several channels is one consent to promotion.
        (("KR",), (PUSH, NIGHT, MAIL), ()),
        # What names no class is no separate consent.
        (("KR",), (ADS, ANALYTICS, PUSH), ()),
        (("EU",), (PUSH, PARTNER), ()),
        (("MARS",), (PUSH, PARTNER), ()),
        (("KR",), (), ()),
    ],
)
def test_k3_separate_consents_are_not_given_together(
    places: tuple[str, ...], grants: tuple[int, ...], bundled: tuple[str, ...]
) -> None:
    assert LETTER.bundled(places, mask(*grants)) == bundled


# K1, K2: PIPA 15(2).
@pytest.mark.parametrize(
    ("notice", "places", "silent"),
    [
        ("v2", ("KR",), ()),
        ("v1", ("KR",), (NIGHT, PARTNER)),
        (
            "v2",
            ("US-CA",),
            ASKED,
        ),
        ("v1", ("KR", "US-CA"), (NIGHT, PARTNER)),
        (None, ("EU",), ()),
        (None, ("KR",), ASKED),
        (
            "ghost",
            ("EU",),
            ASKED,
        ),
        ("v2", ("MARS",), tuple(range(9))),
    ],
)
def test_a_notice_covers_what_it_names_in_every_place(
    notice: str | None, places: tuple[str, ...], silent: tuple[int, ...]
) -> None:
    """Where nobody is asked, as for the service, nothing needs to be covered."""
    assert LETTER.covered(notice, places) == EVERYTHING & ~mask(*silent)


def test_without_notices_in_the_policy_a_name_is_a_label() -> None:
    everything = mask(LINKING, ANALYTICS, ADS, MAIL, SERVICE, PANEL)
    assert RULES.covered("whatever", ("KR",)) == everything
    strict = msgspec.structs.replace(LETTER, notices={})
    assert strict.covered("whatever", ("KR",)) == mask(SERVICE)
    assert strict.covered("whatever", ("EU",)) == EVERYTHING


def test_a_recipient_is_a_scope_of_its_purpose() -> None:
    assert scope_key("advertising.share", "partner") == "advertising.share>partner"
    assert LETTER.by_key["advertising.share>partner"].ordinal == PARTNER
    assert LETTER.purpose_masks["advertising.share"] == mask(ADS, PARTNER)
    assert LETTER.purpose_masks["service"] == mask(SERVICE)


def test_an_unlisted_jurisdiction_has_no_stance() -> None:
    scope = LETTER.by_ordinal[ADS]
    korea = LETTER.stance(scope, ("KR",))
    assert LETTER.given_in(korea, "KR") is korea
    assert LETTER.given_in(korea, "MARS") is None
    both = LETTER.given_in(korea, "EU")
    assert both is not None
    assert both.places == ("EU", "KR")
    # Not to know where a grant was given is no jurisdiction of the person.
    lacking = LETTER.given_in(korea, UNKNOWN)
    assert lacking is not None
    assert lacking.asks == ("KR",)


def test_places_add_up_and_not_knowing_is_none() -> None:
    assert places_of([]) == (UNKNOWN,)
    assert places_of(["KR"]) == ("KR",)
    assert places_of(["KR", UNKNOWN, "EU"]) == ("EU", "KR")
    assert places_of([], {"KR", UNKNOWN}) == ("KR", UNKNOWN)
    scope = LETTER.by_ordinal[ADS]
    for own in ([], ["KR"], ["KR", "EU"], [UNKNOWN]):
        assert LETTER.stance_at(scope, own) is LETTER.stance(scope, places_of(own))


@pytest.mark.parametrize("ordinal", [-1, 63])
def test_a_scope_has_one_bit_of_sixty_three(ordinal: int) -> None:
    with pytest.raises(ValueError, match=r"0\.\.62"):
        ScopeRule(ordinal=ordinal, purpose="a", basis={})


def test_codes_are_stored_and_stay_what_they_are() -> None:
    assert {reason: reason.code for reason in Reason} == {
        Reason.NEVER_ASKED: 10,
        Reason.UNKNOWN_JURISDICTION: 20,
        Reason.UNKNOWN_SCOPE: 30,
        Reason.UNREADABLE: 40,
        Reason.EXPIRED: 50,
        Reason.NOTICE: 60,
        Reason.GUARDIAN: 70,
        Reason.NIGHT: 80,
        Reason.GPC: 90,
        Reason.DENIED: 100,
        Reason.WITHDRAWN: 110,
        Reason.CONFLICT: 120,
        Reason.RESTRICTED: 130,
    }
    assert [BY_CODE[code] for code in range(1, 21)] == [
        Rule[f"R{code}"] for code in range(1, 21)
    ]
    assert (Rule.SILENT_PART.code, Rule.RESTRICTION.code) == (101, 102)
