"""The fold of one handle: the named rules, and the laws that hold for any history.

Laws 1, 2, 3 and 9 of the consent design, under rules that ask for little and to the
letter.
"""

from datetime import UTC, date, datetime
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent import (
    Actor,
    Age,
    Carrier,
    ConsentRules,
    EvidenceKind,
    Heard,
    Kind,
    Reason,
    Rule,
    Verdicts,
    decide,
    narrow,
)
from cdp.consent.event import Stand
from cdp.consent.fold import Outcome, fold
from cdp.consent.heard import OPEN
from cdp.kernel import to_micros
from tests.consent.house import (
    ADS,
    ANALYTICS,
    HOUR,
    LETTER,
    LINKING,
    MAIL,
    RULES,
    SERVICE,
    heard,
    mask,
    micros,
)

NOTICE = EvidenceKind.CONFLICT_NOTICE


class Site(NamedTuple):
    """Where the person is, under which rules, and how old."""

    places: tuple[str, ...] = ("KR",)
    rules: ConsentRules = RULES
    ages: tuple[Age, ...] = ()


def told(
    *signals: Heard,
    at: float = 100,
    scope: int = ADS,
    places: tuple[str, ...] = ("KR",),
    site: Site | None = None,
) -> Outcome:
    places, rules, ages = site or Site(places)
    stance = rules.stance(rules.by_ordinal[scope], places)
    return fold(signals, stance, rules, micros(at), ages)


# ------------------------------------------------------------------ named rules

_TWO_YEARS = 2 * 366 * 24.0
_CASES = {
    "R1 silence denies": ([], ("KR",), Reason.NEVER_ASKED, Rule.R1),
    "R1 an unreadable signal never grants": (
        [heard("unreadable", 1)],
        ("KR",),
        Reason.UNREADABLE,
        Rule.R1,
    ),
    "R1 nothing is granted in a jurisdiction that nobody listed": (
        [heard("grant", 1)],
        ("MARS",),
        Reason.UNKNOWN_JURISDICTION,
        Rule.R1,
    ),
    "R1 a grant from a jurisdiction that nobody listed says nothing": (
        [heard("grant", 1, jurisdiction="MARS")],
        ("KR",),
        Reason.UNKNOWN_JURISDICTION,
        Rule.R1,
    ),
    "R2 a lower source does not overturn a denial": (
        [heard("deny", 1, rank=1), heard("grant", 2, rank=4, seq=2)],
        ("KR",),
        Reason.DENIED,
        Rule.R2,
    ),
    "R2 a lower source can deny": (
        [heard("grant", 1, rank=1), heard("deny", 2, rank=4, seq=2)],
        ("KR",),
        Reason.WITHDRAWN,
        Rule.R18,
    ),
    "R3 the latest of equals wins": (
        [heard("deny", 1), heard("grant", 2, seq=2)],
        ("KR",),
        None,
        Rule.R3,
    ),
    "R3 a tie denies": (
        [heard("grant", 1), heard("deny", 1, seq=2)],
        ("KR",),
        Reason.DENIED,
        Rule.R3,
    ),
    "R3 a late old grant does not revive": (
        [heard("deny", 10), heard("grant", 9, learnt=11, seq=2)],
        ("KR",),
        Reason.WITHDRAWN,
        Rule.R3,
    ),
    "R5 GPC opts out of sale": (
        [heard("deny", 1, rank=2, kind=Kind.GPC)],
        ("US-CA",),
        Reason.GPC,
        Rule.R5,
    ),
    "R6 a plain opt-in after GPC stays denied": (
        [
            heard("deny", 1, rank=2, kind=Kind.GPC),
            heard("grant", 2, rank=1, seq=2),
        ],
        ("US-CA",),
        Reason.GPC,
        Rule.R6,
    ),
    "R6 GPC beats an earlier opt-in": (
        [
            heard("grant", 1, rank=1),
            heard("deny", 2, rank=2, kind=Kind.GPC, seq=2),
        ],
        ("US-CA",),
        Reason.GPC,
        Rule.R6,
    ),
    "R6 a conflict notice to a known person supersedes GPC": (
        [
            heard("deny", 1, rank=2, kind=Kind.GPC),
            heard("grant", 2, rank=1, evidence=NOTICE, seq=2),
        ],
        ("US-CA",),
        None,
        Rule.R6,
    ),
    "R6 a conflict notice to a nobody does not": (
        [
            heard("deny", 1, rank=2, kind=Kind.GPC),
            heard("grant", 2, rank=2, evidence=NOTICE, seq=2),
        ],
        ("US-CA",),
        Reason.GPC,
        Rule.R6,
    ),
    "R7 outside sale regimes GPC is an objection": (
        [heard("deny", 1, rank=2, kind=Kind.GPC)],
        ("EU",),
        Reason.GPC,
        Rule.R7,
    ),
    "R13 silence grants under an opt-out default": ([], ("US-CA",), None, Rule.R13),
    "R16 a Korean grant of two years ends": (
        [heard("grant", -_TWO_YEARS)],
        ("KR",),
        Reason.EXPIRED,
        Rule.R16,
    ),
    "R16 a grant ends when its source says so": (
        [heard("grant", 1), heard("end", 2, seq=2)],
        ("KR",),
        Reason.EXPIRED,
        Rule.R16,
    ),
    "an end of another source ends nothing": (
        [heard("grant", 1), heard("end", 2, seq=2, source=9)],
        ("KR",),
        None,
        Rule.R3,
    ),
    "R18 a withdrawal stops at once": (
        [heard("grant", 1, rank=1), heard("deny", 99.9, rank=1, seq=2)],
        ("KR",),
        Reason.WITHDRAWN,
        Rule.R18,
    ),
    "R19 every jurisdiction must allow": (
        [],
        ("KR", "US-CA"),
        Reason.NEVER_ASKED,
        Rule.R19,
    ),
    "a restriction yields to no grant": (
        [
            heard("deny", 1, rank=1, kind=Kind.RESTRICTION),
            heard("grant", 2, rank=1, evidence=NOTICE, seq=2),
        ],
        ("KR",),
        Reason.RESTRICTED,
        Rule.RESTRICTION,
    ),
    "a restriction yields to its own end": (
        [
            heard("grant", 1, rank=1),
            heard("deny", 2, rank=1, kind=Kind.RESTRICTION, seq=2, source=7),
            heard("end", 3, rank=1, kind=Kind.RESTRICTION, seq=3, source=7),
        ],
        ("KR",),
        None,
        Rule.R3,
    ),
}


@pytest.mark.parametrize("case", _CASES)
def test_a_rule_decides_as_written(case: str) -> None:
    signals, places, reason, rule = _CASES[case]
    outcome = told(*signals, places=places)
    assert (outcome.reason, outcome.rule) == (reason, rule)


def test_gpc_leaves_contract_purposes_alone() -> None:
    gpc = heard("deny", 1, rank=2, kind=Kind.GPC, scopes=[ADS])
    assert told(gpc, scope=SERVICE, places=("EU",)).is_granted


def test_an_objection_to_a_contract_purpose_is_held() -> None:
    objection = heard("deny", 1, rank=1, scopes=[SERVICE])
    assert told(objection, scope=SERVICE).reason is Reason.DENIED


def test_a_purpose_that_asks_for_consent_is_silent_even_under_opt_out() -> None:
    assert told(scope=MAIL, places=("US-CA",)).reason is Reason.NEVER_ASKED


def test_the_korean_grant_of_the_second_of_january_expires_two_years_on() -> None:
    given_at = to_micros(datetime(2026, 1, 2, 1, tzinfo=UTC))
    hours = (given_at - micros(0)) / HOUR
    last = (to_micros(datetime(2028, 1, 1, 15, tzinfo=UTC)) - micros(0)) / HOUR
    grant = heard("grant", hours, rank=1)
    assert told(grant, at=last - 0.001).is_granted
    assert told(grant, at=last).reason is Reason.EXPIRED


def test_the_shortest_age_of_several_jurisdictions_counts() -> None:
    grant = heard("grant", 0)
    year = 24 * 30.5 * 13.5
    assert told(grant, at=year, places=("KR",)).is_granted
    assert told(grant, at=year, places=("EU", "KR")).reason is Reason.EXPIRED
    foreign = heard("grant", 0, jurisdiction="EU")
    assert told(foreign, at=year, places=("KR",)).reason is Reason.EXPIRED


def test_an_expired_grant_answers_a_denial_but_opens_nothing_older() -> None:
    denial = heard("deny", 10)
    old_elsewhere = heard("grant", 5, jurisdiction="US-CA", seq=2)
    ended = heard("grant", 20, seq=3, source=5)
    end = heard("end", 30, seq=4, source=5)
    outcome = told(denial, old_elsewhere, ended, end)
    assert outcome.reason is Reason.EXPIRED
    assert outcome.own == 0


def test_an_event_is_closed_by_what_it_says_itself() -> None:
    stand = Stand(granted=mask(ANALYTICS, LINKING), closed=mask(ADS))
    found = narrow(stand, [Verdicts(denies=mask(ANALYTICS), grants=mask(ADS))])
    assert found.usable == mask(LINKING)
    assert found.closed == mask(ANALYTICS, ADS)


# ------------------------------------------------------------------------ laws

PLACES = [("KR",), ("EU",), ("US-CA",), ("unknown",), ("KR", "US-CA"), ("MARS",)]
# Nobody knows; a child everywhere; between the ages; of age at last.
AGES = [
    (),
    (Age(date(2016, 3, 1), micros(0)),),
    (Age(date(2011, 2, 28), micros(0)),),
    (Age(date(2011, 2, 28), micros(0)), Age(date(1990, 1, 1), micros(5))),
]
SITES = st.builds(
    Site,
    places=st.sampled_from(PLACES),
    rules=st.sampled_from([RULES, LETTER]),
    ages=st.sampled_from(AGES),
)
SCOPES = st.sampled_from([ADS, ANALYTICS, MAIL, SERVICE])


@st.composite
def histories(draw: st.DrawFn, said: str | None = None) -> list[Heard]:
    """A few signals at few instants, so that ties are common; two months at most."""
    signals = []
    for seq in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from([Kind.CHOICE] * 4 + [Kind.GPC, Kind.RESTRICTION]))
        hours = draw(st.integers(0, 3)) * 360.0
        what = said or draw(
            st.sampled_from(["grant", "deny", "grant", "end", "unreadable"])
        )
        if what == "grant" and draw(st.integers(0, 7)) == 0:
            kind = Kind.REMINDER
        signals.append(
            heard(
                what,
                hours,
                seq=seq + 1,
                rank=draw(st.sampled_from([1, 2, 4])),
                scopes=draw(st.lists(SCOPES, min_size=1, max_size=3)),
                kind=kind,
                jurisdiction=draw(st.sampled_from(["KR", "EU", "US-CA", "MARS"])),
                learnt=hours + draw(st.sampled_from([0, 0, 360])),
                evidence=draw(st.sampled_from([None, NOTICE])),
                source=draw(st.integers(1, 2)),
                notice=draw(st.sampled_from([None, "v1", "v2", "v2"])),
                actor=draw(st.sampled_from([Actor.SELF] * 3 + [Actor.GUARDIAN])),
                is_checked=draw(st.booleans()),
                carrier=draw(st.sampled_from([Carrier.API, Carrier.TCF])),
            )
        )
    return signals


def at_hours() -> st.SearchStrategy[float]:
    return st.sampled_from([0.0, 360, 720, 1080, 1500, 2000, 20_000])


@given(st.data(), histories(), SITES, SCOPES, at_hours())
def test_the_order_of_arrival_does_not_matter(
    data: st.DataObject,
    said: list[Heard],
    site: Site,
    scope: int,
    now: float,
) -> None:
    """Law 1."""
    shuffled = data.draw(st.permutations(said))
    assert told(*shuffled, at=now, scope=scope, site=site) == told(
        *said, at=now, scope=scope, site=site
    )


@given(st.data(), histories(), histories(said="deny"), SITES, SCOPES, at_hours())
def test_adding_a_denial_or_dropping_a_grant_never_grants(
    data: st.DataObject,
    said: list[Heard],
    denials: list[Heard],
    site: Site,
    scope: int,
    now: float,
) -> None:
    """Law 2."""
    dropped = [s for s in said if not s.grants or data.draw(st.booleans())]
    for less in ([*said, *denials], dropped, [*dropped, *denials]):
        if told(*less, at=now, scope=scope, site=site).is_granted:
            assert told(*said, at=now, scope=scope, site=site).is_granted


@given(histories(), histories(said="grant"), SITES, SCOPES, at_hours(), at_hours())
def test_no_replay_and_no_clock_turns_a_denial_into_a_grant(
    said: list[Heard],
    replays: list[Heard],
    site: Site,
    scope: int,
    now: float,
    later: float,
) -> None:
    """Law 3: a denial that stands is answered by a grant of a later order alone."""
    known = [s for s in said if s.recorded_at <= micros(now)]
    before = told(*known, at=now, scope=scope, site=site)
    if before.own < 0:
        denial = before.winner
        assert denial is not None
        late = [one for one in replays if one.grants_at <= denial.denies_at]
        then = max(now, later)
        after = told(*known, *late, at=then, scope=scope, site=site)
        assert after.own < 0


@given(histories(), SITES, SCOPES, at_hours(), at_hours())
def test_a_grant_holds_exactly_until_it_says(
    said: list[Heard],
    site: Site,
    scope: int,
    now: float,
    later: float,
) -> None:
    """With nothing more said: what is granted now is granted until ``valid_to``."""
    known = [s for s in said if s.recorded_at <= micros(now)]
    first = told(*known, at=now, scope=scope, site=site)
    then = max(now, later)
    second = told(*known, at=then, scope=scope, site=site)
    assert second.is_granted == (first.is_granted and micros(then) < first.valid_to)


@given(histories(), SCOPES, at_hours())
def test_silence_and_the_unknown_deny(
    said: list[Heard], scope: int, now: float
) -> None:
    """Law 9."""
    empty = ConsentRules(version="0")
    decision = decide([1], {1: said}, {1: ["KR"]}, scope, empty, micros(now))
    assert getattr(decision, "reason", None) is Reason.UNKNOWN_SCOPE
    assert not told(*said, at=now, scope=scope, places=("MARS",)).is_granted
    if scope != SERVICE:
        assert told(at=now, scope=scope).reason is Reason.NEVER_ASKED


def test_a_default_has_no_end() -> None:
    assert told(places=("US-CA",)).valid_to == OPEN
