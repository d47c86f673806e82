"""A profile: merging never widens, unmerging restores, every decision says why."""

from collections.abc import Mapping, Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent import (
    Age,
    ConsentRules,
    Decision,
    Denied,
    EvidenceKind,
    Granted,
    Heard,
    Kind,
    Lost,
    Reason,
    Rule,
    decide,
    places_of,
    strongest,
)
from cdp.consent.profile import NO_AGES, EffectiveRow, rows_of, standing_denials
from cdp.kernel import from_micros
from tests.consent.house import (
    ADS,
    ANALYTICS,
    LETTER,
    MAIL,
    PANEL,
    RULES,
    SERVICE,
    heard,
    micros,
)
from tests.consent.test_fold import histories

Said = Mapping[int, Sequence[Heard]]
KNOWN = {1: ["KR"], 2: ["KR"], 3: ["US-CA"], 4: []}


def ask(
    said: Said,
    *,
    handles: Sequence[int] = (1, 2),
    scope: int = ADS,
    at: float = 100,
    known: Mapping[int, Sequence[str]] = KNOWN,
    rules: ConsentRules = RULES,
    ages: Mapping[int, Age] = NO_AGES,
) -> Decision:
    return decide(handles, said, known, scope, rules, micros(at), ages)


def test_a_grant_and_a_denial_make_a_conflict_and_both_parts_get_theirs_back() -> None:
    said = {1: [heard("grant", 1)], 2: [heard("deny", 1, seq=2)]}
    merged = ask(said)
    assert isinstance(merged, Denied)
    assert (merged.reason, merged.rule) == (Reason.CONFLICT, Rule.R12)
    assert merged.conflict
    assert merged.winner is not None
    assert merged.winner.seq == 2
    assert [(loser.signal.seq, loser.why) for loser in merged.losers] == [
        (1, Lost.OTHER_HANDLE)
    ]
    assert isinstance(ask(said, handles=[1]), Granted)
    apart = ask(said, handles=[2])
    assert isinstance(apart, Denied)
    assert (apart.reason, apart.conflict) == (Reason.DENIED, False)


def test_gpc_on_a_cookie_denies_the_person_who_logs_in_next_day() -> None:
    said = {2: [heard("deny", 1, rank=2, kind=Kind.GPC)]}
    decision = ask(said, known={1: ["US-CA"], 2: ["US-CA"]})
    assert isinstance(decision, Denied)
    assert (decision.reason, decision.rule) == (Reason.GPC, Rule.R5)


def test_a_silent_device_neither_blocks_a_person_nor_is_opened() -> None:
    said = {1: [heard("grant", 1)]}
    assert isinstance(ask(said), Granted)
    assert [row.handle for row in rows_of([1, 2], said, KNOWN, RULES, micros(9))] == [1]


def test_one_silent_part_denies_where_the_purpose_says_so() -> None:
    said = {1: [heard("grant", 1, scopes=[PANEL])]}
    decision = ask(said, scope=PANEL)
    assert isinstance(decision, Denied)
    assert (decision.reason, decision.rule) == (Reason.NEVER_ASKED, Rule.SILENT_PART)
    assert isinstance(ask(said, scope=PANEL, handles=[1]), Granted)


def test_all_parts_of_a_strict_purpose_end_together() -> None:
    said = {
        1: [heard("grant", 1, scopes=[PANEL])],
        2: [heard("grant", 1, scopes=[PANEL], jurisdiction="EU", seq=2)],
    }
    decision = ask(said, scope=PANEL)
    assert isinstance(decision, Granted)
    assert decision.valid_to == from_micros(micros(30 * 24 - 1))


def test_a_restricted_part_restricts_the_whole() -> None:
    said = {
        1: [heard("grant", 1, rank=1)],
        2: [heard("deny", 2, rank=1, kind=Kind.RESTRICTION, seq=2)],
    }
    decision = ask(said, handles=[1, 2, 3])
    assert isinstance(decision, Denied)
    assert (decision.reason, decision.rule) == (Reason.RESTRICTED, Rule.RESTRICTION)


def test_nobody_is_denied() -> None:
    decision = ask({}, handles=[])
    assert decision == Denied(reason=Reason.NEVER_ASKED, rule=Rule.R1)


def test_several_jurisdictions_of_one_person_must_all_allow() -> None:
    """A Korean resident on an American site: the American default grants nobody."""
    decision = ask({}, handles=[1, 3])
    assert isinstance(decision, Denied)
    assert decision.rule is Rule.R19
    assert isinstance(ask({}, handles=[3]), Granted)
    # Not to know where a device is says nothing about where the person is.
    assert isinstance(ask({}, handles=[3, 4]), Granted)
    assert places_of(["unknown"], ["KR", "unknown"]) == ("KR", "unknown")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            [heard("deny", 1, rank=1), heard("grant", 2, rank=4, seq=2)],
            {2: Lost.WORSE_RANK},
        ),
        ([heard("deny", 2), heard("grant", 1, seq=2)], {2: Lost.OLDER}),
        ([heard("deny", 1), heard("grant", 1, seq=2)], {2: Lost.TIE}),
        ([heard("deny", 1), heard("grant", 2, seq=2)], {1: Lost.ANSWERED}),
        ([heard("grant", 1), heard("grant", 2, seq=2)], {1: Lost.OLDER}),
        ([heard("grant", 2), heard("grant", 2, seq=2)], {2: Lost.TIE}),
        (
            [heard("grant", 1, rank=1), heard("grant", 2, seq=2)],
            {2: Lost.WORSE_RANK},
        ),
        (
            [
                heard("deny", 1, rank=2, kind=Kind.GPC),
                heard("grant", 2, rank=1, seq=2),
            ],
            {2: Lost.NEEDS_CONFLICT_NOTICE},
        ),
        (
            [
                heard("deny", 1, rank=1, kind=Kind.RESTRICTION),
                heard("grant", 2, rank=1, seq=2),
            ],
            {2: Lost.RESTRICTED},
        ),
        (
            [
                heard("grant", 50),
                heard("grant", 1, seq=2, source=2),
                heard("end", 3, seq=3, source=2),
            ],
            {2: Lost.ENDED},
        ),
        (
            [heard("grant", 1), heard("grant", -30_000, seq=2)],
            {2: Lost.EXPIRED},
        ),
        (
            [heard("grant", 1), heard("grant", 2, jurisdiction="MARS", seq=2)],
            {2: Lost.UNKNOWN_JURISDICTION},
        ),
        ([heard("grant", 1), heard("unreadable", 2, seq=2)], {2: Lost.UNREADABLE}),
        ([heard("deny", 2), heard("deny", 1, seq=2)], {2: Lost.OLDER}),
        ([heard("deny", 2), heard("deny", 2, seq=2)], {2: Lost.TIE}),
        (
            [heard("deny", 2, rank=1), heard("deny", 3, seq=2)],
            {2: Lost.WORSE_RANK},
        ),
        ([heard("grant", 1), heard("grant", 500, seq=2)], {}),
        ([heard("grant", 1), heard("deny", 500, seq=2)], {}),
    ],
)
def test_a_decision_names_its_losers_and_why_each_lost(
    said: list[Heard], why: dict[int, Lost]
) -> None:
    decision = ask({1: said}, handles=[1])
    assert {loser.signal.seq: loser.why for loser in decision.losers} == why


def test_a_decision_names_winner_rule_and_expiry() -> None:
    grant = heard("grant", 1, rank=1)
    decision = ask({1: [grant]}, handles=[1])
    assert isinstance(decision, Granted)
    assert decision.winner is not None
    assert decision.winner.seq == 1
    assert decision.winner.grants
    assert decision.rule is Rule.R3
    assert not decision.covers_past
    assert decision.valid_from == from_micros(micros(1))
    assert decision.valid_to == from_micros(micros(2 * 365 * 24 - 9))


def test_the_strongest_reason_stands_for_several() -> None:
    assert strongest([]) is Reason.NEVER_ASKED
    assert strongest([Reason.EXPIRED, Reason.NEVER_ASKED]) is Reason.EXPIRED
    assert strongest([Reason.DENIED, Reason.CONFLICT, Reason.GPC]) is Reason.CONFLICT


# ------------------------------------------------------------------------ laws

PROFILES = st.fixed_dictionaries({handle: histories() for handle in (1, 2, 3, 4)})
INSTANTS = st.sampled_from([0.0, 360, 720, 1080, 2000])
ANY_SCOPE = st.sampled_from([ADS, ANALYTICS, MAIL, SERVICE, PANEL])


# Rules that ask for little; to the letter, with a child, one of fifteen, an adult.
LAWS = st.sampled_from(
    [
        (RULES, NO_AGES),
        (LETTER, NO_AGES),
        (
            LETTER,
            {
                2: Age(date(2016, 3, 1), micros(0)),
                3: Age(date(2011, 2, 28), micros(0)),
                4: Age(date(1990, 1, 1), micros(0)),
            },
        ),
    ]
)
Law = tuple[ConsentRules, Mapping[int, Age]]


def rows(
    handles: Sequence[int], said: Said, at: float, law: Law
) -> dict[tuple[int, int], EffectiveRow]:
    rules, ages = law
    found = rows_of(handles, said, KNOWN, rules, micros(at), ages)
    return {(row.handle, row.scope): row for row in found}


def opened(
    handles: Sequence[int], said: Said, at: float, law: Law
) -> set[tuple[int, int]]:
    return {key for key, row in rows(handles, said, at, law).items() if row.granted}


@given(PROFILES, INSTANTS, LAWS)
def test_a_merge_never_widens(said: Said, at: float, law: Law) -> None:
    """Law 4: usable after a merge implies usable before, everywhere."""
    before = opened([1, 2], said, at, law) | opened([3, 4], said, at, law)
    assert opened([1, 2, 3, 4], said, at, law) <= before


@given(PROFILES, INSTANTS, ANY_SCOPE, LAWS)
def test_granted_together_means_granted_in_part_and_denied_in_none(
    said: Said, at: float, scope: int, law: Law
) -> None:
    """Law 5."""
    handles = [1, 2, 3, 4]

    def decided(*asked: int) -> Decision:
        rules, ages = law
        return ask(said, handles=asked, scope=scope, at=at, rules=rules, ages=ages)

    if isinstance(decided(*handles), Granted):
        alone = [decided(one) for one in handles]
        assert any(isinstance(one, Granted) for one in alone)
        assert not any(
            isinstance(one, Denied) and one.reason.is_signal for one in alone
        )


@given(PROFILES, INSTANTS, ANY_SCOPE, LAWS)
def test_the_decision_of_a_profile_agrees_with_its_rows(
    said: Said, at: float, scope: int, law: Law
) -> None:
    """Law 6, for the two forms of the fold."""
    handles, (rules, ages) = [1, 2, 3, 4], law
    decision = ask(said, handles=handles, scope=scope, at=at, rules=rules, ages=ages)
    mine = [row for key, row in rows(handles, said, at, law).items() if key[1] == scope]
    unasked = scope == SERVICE and len(mine) < len(handles)
    granted = unasked or any(row.granted for row in mine)
    assert isinstance(decision, Granted) == granted
    if isinstance(decision, Denied):
        codes = [row.reason for row in mine if row.reason]
        if codes and decision.reason.is_signal:
            assert decision.reason.code == max(codes)


@given(PROFILES, histories(said="deny"), INSTANTS, LAWS)
def test_a_denial_anywhere_never_opens_a_profile(
    said: dict[int, list[Heard]], denials: list[Heard], at: float, law: Law
) -> None:
    more = {**said, 2: [*said[2], *denials]}
    assert opened([1, 2, 3, 4], more, at, law) <= opened([1, 2, 3, 4], said, at, law)


OPTIONAL = (ADS, ANALYTICS, MAIL, PANEL)


@given(PROFILES, INSTANTS, LAWS, st.sampled_from(Kind))
def test_refusing_what_is_optional_never_blocks_the_service(
    said: dict[int, list[Heard]], at: float, law: Law, kind: Kind
) -> None:
    """R15: whatever is said of scopes that ask, the service is decided as before."""
    rules, ages = law
    what = "grant" if kind is Kind.REMINDER else "deny"
    refusal = heard(what, at, seq=99, rank=1, scopes=OPTIONAL, kind=kind)
    more = {handle: [*signals, refusal] for handle, signals in said.items()}
    for scope in rules.by_ordinal:
        if scope not in OPTIONAL:
            before, after = (
                ask(it, handles=[1, 2], scope=scope, at=at, rules=rules, ages=ages)
                for it in (said, more)
            )
            assert before == after


@given(PROFILES, INSTANTS)
def test_the_denials_that_stand_are_those_that_close(said: Said, at: float) -> None:
    mask = 0
    for _, _, denies in standing_denials([1, 2], said, KNOWN, RULES, micros(at)):
        mask |= denies
    for scope in (ADS, ANALYTICS, MAIL, SERVICE, PANEL):
        decision = ask(said, scope=scope, at=at)
        denied = isinstance(decision, Denied) and decision.reason.is_signal
        assert bool(mask >> scope & 1) == denied


def test_a_person_who_answers_a_notice_reopens_what_gpc_closed() -> None:
    notice = EvidenceKind.CONFLICT_NOTICE
    said = {
        1: [heard("grant", 5, rank=1, evidence=notice)],
        2: [
            heard("deny", 1, rank=2, kind=Kind.GPC, seq=2),
            heard("grant", 5, rank=1, evidence=notice, seq=1),
        ],
    }
    decision = ask(said)
    assert isinstance(decision, Granted)
    assert decision.rule in (Rule.R3, Rule.R6)
