"""Every rule as a table: what was said, by whom, where, and what is decided.

The first row of each rule is the example of its source. The last test walks all reasons
and all rules and shows that each is reached.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pytest

from cdp.consent import (
    REASONS,
    RULES,
    Actor,
    Age,
    Basis,
    Carrier,
    ConsentRules,
    Decision,
    Denied,
    EvidenceKind,
    Granted,
    Heard,
    Intent,
    Kind,
    NoticeRule,
    Reason,
    Rule,
    ScopeRule,
    TCFRole,
    TCFRule,
    Verdicts,
    decide,
    narrow,
)
from cdp.consent.decoders.consent_mode import read_consent_mode
from cdp.consent.decoders.gpc import read_gpc
from cdp.consent.decoders.tcf_reader import read_tcf
from cdp.consent.event import Stand
from cdp.consent.intent import answer
from cdp.consent.profile import places_of_profile, rows_of
from cdp.consent.reading import Reading
from cdp.kernel import from_micros, to_micros
from tests.consent import tc_encoder
from tests.consent.house import (
    ADS,
    ANALYTICS,
    HOUR,
    LETTER,
    MAIL,
    NIGHT,
    PANEL,
    PARTNER,
    PUSH,
    SERVICE,
    heard,
    mask,
    micros,
)

# The second notice is shown from hour 300 on; the stories begin a little later.
BASE = 400.0
NOW = BASE + 100
CONFLICT = EvidenceKind.CONFLICT_NOTICE
CHILD = date(2012, 6, 1)  # thirteen in January 2026
FIFTEEN = date(2010, 6, 1)

Said = Sequence[Heard] | Mapping[int, Sequence[Heard]]
Result = tuple[str, ...]


def grant(hours: float = 1, *, seq: int = 1, rank: int = 4, **how: Any) -> Heard:
    told: dict[str, Any] = {"notice": "v2", **how}
    return heard("grant", BASE + hours, seq=seq, rank=rank, **told)


def deny(hours: float = 2, *, seq: int = 2, rank: int = 4, **how: Any) -> Heard:
    return heard("deny", BASE + hours, seq=seq, rank=rank, **how)


def gpc(hours: float = 2, **how: Any) -> Heard:
    return deny(hours, rank=2, kind=Kind.GPC, **how)


def restrict(hours: float = 2, **how: Any) -> Heard:
    return deny(hours, rank=1, kind=Kind.RESTRICTION, **how)


def hours_of(at: datetime) -> float:
    """The hours after ``BASE`` at an instant."""
    return (to_micros(at) - micros(BASE)) / HOUR


def local(place: str, *when: int) -> datetime:
    return datetime(*when, tzinfo=ZoneInfo(LETTER.jurisdictions[place].zone))  # type: ignore[arg-type, misc]  # the numbers of a date


def ask(
    said: Said = (),
    *,
    scope: int = ADS,
    place: str | Sequence[str] = "KR",
    hours: float = NOW - BASE,
    born: date | None = None,
    intent: Intent = Intent.USE,
    rules: ConsentRules = LETTER,
    handles: Sequence[int] | None = None,
) -> Decision:
    """Ask about one person, ``hours`` after the base."""
    by_handle = said if isinstance(said, Mapping) else {1: said}
    everybody = list(handles or by_handle)
    places = [place] if isinstance(place, str) else list(place)
    known = dict.fromkeys(everybody, places)
    ages = {1: Age(born, micros(BASE))} if born else {}
    at = micros(BASE + hours)

    def decided(ordinal: int) -> Decision:
        return decide(everybody, by_handle, known, ordinal, rules, at, ages)

    where = places_of_profile(everybody, known)
    return answer(intent, scope, where, rules, from_micros(at), decided)


def told(decision: Decision) -> Result:
    match decision:
        case Granted():
            return ("granted", decision.rule.value)
        case Denied():
            return (decision.reason.value, decision.rule.value)


def a(said: Said = (), **how: Any) -> Callable[[], Result]:
    """A question to decide, as ``ask`` has it."""
    return lambda: told(ask(said, **how))


class Row(NamedTuple):
    """A case of a rule, and what it comes to."""

    rule: Rule
    case: str
    decided: Callable[[], Result]
    expected: Result


GRANTED = ("granted", "R3")


# ------------------------------------------------------------------ other forms


def event(stand: Stand, *statements: Verdicts) -> Callable[[], Result]:
    """What one event is good for, of ads and analytics."""

    def decided() -> Result:
        found = narrow(stand, statements)
        return tuple(
            name
            for name, scope in (("ads", ADS), ("analytics", ANALYTICS))
            if found.usable & mask(scope)
        )

    return decided


def earlier_event(*said: Heard) -> Callable[[], Result]:
    """Whether an event that was collected under a denial is used now (R11)."""

    def decided() -> Result:
        decision = ask(said)
        closed = narrow(Stand(closed=mask(ADS))).closed & mask(ADS)
        is_live = isinstance(decision, Granted)
        opens = is_live and (not closed or decision.covers_past)  # type: ignore[union-attr]  # a grant, see above
        return (told(decision)[0], "open" if opens else "closed")

    return decided


STANDARDS = ConsentRules(
    version="standards",
    scopes=(
        ScopeRule(
            ordinal=ADS,
            purpose="advertising.share",
            basis={"EU": Basis.CONSENT},
            tcf=(4, 7),
            consent_mode=("ad_storage",),
        ),
        ScopeRule(
            ordinal=ANALYTICS,
            purpose="analytics",
            basis={"EU": Basis.CONSENT},
            tcf=(8,),
            consent_mode=("analytics_storage",),
        ),
    ),
    jurisdictions={"EU": LETTER.jurisdictions["EU"]},
    tcf=TCFRule(role=TCFRole.VENDOR, vendor_id=31),
)


def string(reading: Reading | None, *scopes: int) -> Result:
    """What a statement that was read comes to, scope by scope."""
    verdicts = Verdicts() if reading is None else reading.verdicts
    at = micros(1)
    signal = Heard(
        seq=1,
        handle=1,
        rank=3,
        kind=Kind.CHOICE.value,
        source=1,
        carrier=Carrier.TCF.value,
        jurisdiction="EU",
        grants=verdicts.grants,
        denies=verdicts.denies,
        ends=verdicts.ends,
        unreadable=verdicts.unreadable,
        grants_at=at,
        denies_at=at,
        starts_at=at,
        recorded_at=at,
    )
    return tuple(
        told(decide([1], {1: [signal]}, {1: ["EU"]}, one, STANDARDS, micros(2)))[0]
        for one in scopes
    )


_DAY = (datetime(2026, 1, 1, tzinfo=UTC) - tc_encoder.EPOCH).days * tc_encoder.DAY
_OURS = tc_encoder.listed([2, 31])
_OTHERS = tc_encoder.listed([2])
OPEN_STRING = tc_encoder.TC(
    created=_DAY,
    last_updated=_DAY,
    tcf_policy_version=5,
    consents=tc_encoder.bits_of(range(1, 12), 24),
    vendor_consents=_OURS,
    segments=((1, _OURS),),
)


def tcf(**changes: object) -> Callable[[], Result]:
    text = tc_encoder.write(tc_encoder.change(OPEN_STRING, **changes))
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    return lambda: string(read_tcf(text, STANDARDS, "EU", at), ADS)


def consent_mode(gcd: str | None, gcs: str | None = None) -> Callable[[], Result]:
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    parts = {"gcd": gcd, "gcs": gcs}
    return lambda: string(read_consent_mode(parts, STANDARDS, "EU", at), ADS, ANALYTICS)


def header(text: str | None) -> Callable[[], Result]:
    """What ``Sec-GPC`` of a browser in California comes to, for ads."""

    def decided() -> Result:
        at = datetime(2026, 1, 1, 12, tzinfo=UTC)
        reading = read_gpc(text, LETTER, "US-CA", at)
        denies = reading.verdicts.denies if reading else 0
        said = [gpc(jurisdiction="US-CA")] if denies & mask(ADS) else []
        return told(ask(said, place="US-CA"))

    return decided


def asked_again(*said: Heard, place: str, at: datetime) -> Callable[[], Result]:
    return a(said, place=place, hours=hours_of(at), intent=Intent.ASK)


def sent(*said: Heard, scope: int = PUSH, at: datetime) -> Callable[[], Result]:
    return a(said, scope=scope, hours=hours_of(at), intent=Intent.SEND)


def explained(*said: Heard) -> Callable[[], Result]:
    """Winner, rule, losers, notice and expiry of a decision (R20)."""

    def decided() -> Result:
        decision = ask(said)
        winner = decision.winner
        ends = decision.valid_to if isinstance(decision, Granted) else None
        return (
            str(winner.seq if winner else None),
            decision.rule.value,
            ",".join(f"{one.signal.seq} {one.why}" for one in decision.losers),
            decision.notice or "",
            "" if ends is None else ends.isoformat(),
        )

    return decided


def _second_march(**how: Any) -> Heard:
    return deny(
        hours_of(local("US-CA", 2026, 3, 1, 15)), jurisdiction="US-CA", rank=1, **how
    )


_BOTH = [PUSH, NIGHT]
_TWO = {
    1: [grant(1)],
    2: [deny(1, handle=2)],
}
_COVERS_KR = msgspec.structs.replace(
    LETTER,
    notices={"kr": NoticeRule(key="kr", covers={"KR": mask(ADS)})},
)
_AD_AT = local("KR", 2026, 1, 2, 3)
_EVENING = local("KR", 2026, 1, 20, 21)

ROWS = [
    # R1
    Row(Rule.R1, "Korea, nothing said", a(), (Reason.NEVER_ASKED, "R1")),
    Row(
        Rule.R1,
        "an unreadable statement",
        a([heard("unreadable", BASE)]),
        (Reason.UNREADABLE, "R1"),
    ),
    Row(
        Rule.R1,
        "a jurisdiction that nobody listed",
        a([grant()], place="MARS"),
        (Reason.UNKNOWN_JURISDICTION, "R1"),
    ),
    Row(
        Rule.R1,
        "a grant from a jurisdiction that nobody listed",
        a([grant(jurisdiction="MARS")]),
        (Reason.UNKNOWN_JURISDICTION, "R1"),
    ),
    Row(
        Rule.R1,
        "a scope that nobody listed",
        a([grant()], scope=62),
        (Reason.UNKNOWN_SCOPE, "R1"),
    ),
    Row(
        Rule.R1,
        "a policy without a scope",
        a([grant()], rules=ConsentRules(version="empty")),
        (Reason.UNKNOWN_SCOPE, "R1"),
    ),
    # R2
    Row(
        Rule.R2,
        "a person's denial, later a category flag",
        a([deny(1, rank=1), grant(2, seq=3, rank=4)]),
        (Reason.DENIED, "R2"),
    ),
    Row(
        Rule.R2,
        "a lower source denies",
        a([grant(1, rank=1), deny(2, rank=5)]),
        (Reason.WITHDRAWN, "R18"),
    ),
    Row(
        Rule.R2,
        "a better source answers",
        a([deny(1, rank=4), grant(2, seq=3, rank=1)]),
        GRANTED,
    ),
    Row(
        Rule.R2,
        "an import answers nobody",
        a([deny(1, rank=5), grant(2, seq=3, rank=6)]),
        (Reason.DENIED, "R2"),
    ),
    # R3
    Row(
        Rule.R3,
        "withdrawn at 10:00, a grant of 09:00 arrives at 11:00",
        a([deny(10), grant(9, seq=3, learnt=BASE + 11)]),
        (Reason.WITHDRAWN, "R3"),
    ),
    Row(Rule.R3, "a tie denies", a([grant(1), deny(1)]), (Reason.DENIED, "R3")),
    Row(Rule.R3, "the latest of equals", a([deny(1), grant(2, seq=3)]), GRANTED),
    # R4
    Row(
        Rule.R4,
        "a granting profile, an event that denies analytics",
        event(Stand(granted=mask(ADS, ANALYTICS)), Verdicts(denies=mask(ANALYTICS))),
        ("ads",),
    ),
    Row(
        Rule.R4,
        "a grant on the event opens nothing",
        event(Stand(granted=mask(ADS)), Verdicts(grants=mask(ANALYTICS))),
        ("ads",),
    ),
    Row(
        Rule.R4,
        "an unreadable statement on the event closes it",
        event(Stand(granted=mask(ADS)), Verdicts(unreadable=mask(ADS))),
        (),
    ),
    # R5
    Row(
        Rule.R5,
        "GPC on a cookie, a login next day",
        a(
            {
                1: [grant(30, rank=1, jurisdiction="US-CA")],
                2: [gpc(1, handle=2, jurisdiction="US-CA")],
            },
            place="US-CA",
        ),
        (Reason.GPC, "R5"),
    ),
    Row(Rule.R5, "a browser nobody knows", header("1"), (Reason.GPC, "R5")),
    Row(Rule.R5, "Sec-GPC: 0", header("0"), ("granted", "R13")),
    Row(Rule.R5, "Sec-GPC: true", header("true"), ("granted", "R13")),
    # R6
    Row(
        Rule.R6,
        "a plain opt-in after GPC",
        a([gpc(1), grant(2, seq=3, rank=1)]),
        (Reason.GPC, "R6"),
    ),
    Row(
        Rule.R6,
        "with a notice of the conflict",
        a([gpc(1), grant(2, seq=3, rank=1, evidence=CONFLICT)]),
        ("granted", "R6"),
    ),
    Row(
        Rule.R6,
        "the notice was shown to nobody known",
        a([gpc(1), grant(2, seq=3, rank=2, evidence=CONFLICT)]),
        (Reason.GPC, "R6"),
    ),
    Row(
        Rule.R6,
        "GPC beats an earlier opt-in",
        a([grant(1, rank=1, evidence=CONFLICT), gpc(2)]),
        (Reason.GPC, "R6"),
    ),
    # R7
    Row(Rule.R7, "Europe, GPC", a([gpc()], place="EU"), (Reason.GPC, "R7")),
    Row(
        Rule.R7,
        "Europe, GPC, the service",
        a([gpc()], place="EU", scope=SERVICE),
        ("granted", "R13"),
    ),
    Row(Rule.R7, "Korea, GPC", a([gpc()]), (Reason.GPC, "R7")),
    # R8
    Row(
        Rule.R8,
        "opted out on 2026-03-01, asked before 2027-03-01",
        asked_again(
            _second_march(), place="US-CA", at=local("US-CA", 2027, 2, 28, 23, 59, 59)
        ),
        (Reason.DENIED, "R8"),
    ),
    Row(
        Rule.R8,
        "asked on 2027-03-01",
        asked_again(_second_march(), place="US-CA", at=local("US-CA", 2027, 3, 1)),
        ("granted", "R8"),
    ),
    Row(
        Rule.R8,
        "six months in Europe",
        asked_again(
            deny(jurisdiction="EU"), place="EU", at=local("EU", 2026, 7, 16, 23, 59)
        ),
        (Reason.DENIED, "R8"),
    ),
    Row(
        Rule.R8,
        "Korea has no such time",
        asked_again(deny(), place="KR", at=local("KR", 2026, 1, 21)),
        ("granted", "R8"),
    ),
    # R9
    Row(
        Rule.R9,
        "the purpose bit is set, the vendor bit is clear",
        tcf(vendor_consents=_OTHERS),
        (Reason.DENIED,),
    ),
    Row(Rule.R9, "all conditions are met", tcf(), ("granted",)),
    Row(
        Rule.R9,
        "a purpose bit is clear",
        tcf(consents=tc_encoder.bits_of([4], 24)),
        (Reason.DENIED,),
    ),
    Row(
        Rule.R9,
        "we were not disclosed",
        tcf(segments=((1, _OTHERS),)),
        (Reason.NEVER_ASKED,),
    ),
    # R10
    Row(
        Rule.R10,
        "13l3l3l3l5l1 with G110",
        consent_mode("13l3l3l3l5l1", "G110"),
        ("granted", Reason.DENIED),
    ),
    Row(
        Rule.R10,
        "l says nothing",
        consent_mode("13l3l3l3l5l1"),
        (Reason.NEVER_ASKED, Reason.NEVER_ASKED),
    ),
    Row(
        Rule.R10,
        "gcs does not overrule gcd",
        consent_mode("13p3t3l3l5l1", "G101"),
        (Reason.DENIED, "granted"),
    ),
    Row(
        Rule.R10,
        "an unknown letter",
        consent_mode("13z3l3l3l5l1"),
        (Reason.UNREADABLE, Reason.UNREADABLE),
    ),
    # R11
    Row(
        Rule.R11,
        "browsed denied, then a grant",
        earlier_event(deny(1), grant(2, seq=3, notice="v1")),
        ("granted", "closed"),
    ),
    Row(
        Rule.R11,
        "under a notice that covers the past",
        earlier_event(deny(1), grant(2, seq=3, notice="v2")),
        ("granted", "open"),
    ),
    Row(
        Rule.R11,
        "withdrawn again",
        earlier_event(grant(2, notice="v2"), deny(3)),
        (Reason.WITHDRAWN, "closed"),
    ),
    # R12
    Row(
        Rule.R12,
        "one part granted, one denied",
        a(_TWO),
        (Reason.CONFLICT, "R12"),
    ),
    Row(
        Rule.R12,
        "a denial elsewhere, said to the part that granted",
        lambda: told_to(1, _TWO),
        (Reason.CONFLICT, "R12"),
    ),
    Row(Rule.R12, "apart again: the granted", a(_TWO, handles=[1]), GRANTED),
    Row(
        Rule.R12,
        "apart again: the denied",
        a(_TWO, handles=[2]),
        (Reason.DENIED, "R3"),
    ),
    # R13
    Row(
        Rule.R13,
        "Korea, aged 13, the child's own click",
        a([grant()], born=CHILD),
        (Reason.GUARDIAN, "R13"),
    ),
    Row(
        Rule.R13,
        "a guardian who was checked",
        a([grant(actor=Actor.GUARDIAN, is_checked=True)], born=CHILD),
        GRANTED,
    ),
    Row(
        Rule.R13,
        "a guardian whom nobody checked",
        a([grant(actor=Actor.GUARDIAN)]),
        (Reason.GUARDIAN, "R13"),
    ),
    Row(
        Rule.R13,
        "Korea, aged 15",
        a([grant()], born=FIFTEEN),
        GRANTED,
    ),
    Row(
        Rule.R13,
        "Europe, aged 15",
        a([grant()], born=FIFTEEN, place="EU"),
        (Reason.GUARDIAN, "R13"),
    ),
    Row(
        Rule.R13, "California, an adult is silent", a(place="US-CA"), ("granted", "R13")
    ),
    Row(
        Rule.R13,
        "California, aged 15 and silent",
        a(place="US-CA", born=FIFTEEN),
        (Reason.NEVER_ASKED, "R13"),
    ),
    Row(
        Rule.R13,
        "California, aged 15, the own opt-in",
        a(
            [grant(jurisdiction="US-CA", notice=None)],
            place="US-CA",
            born=FIFTEEN,
        ),
        GRANTED,
    ),
    Row(
        Rule.R13,
        "nobody knows where, aged 15",
        a(
            [grant(jurisdiction="unknown")],
            place="unknown",
            born=FIFTEEN,
        ),
        (Reason.GUARDIAN, "R13"),
    ),
    # R14
    Row(
        Rule.R14,
        "push at 21:00 with the consent of the day alone",
        sent(grant(scopes=[PUSH]), at=_EVENING),
        (Reason.NIGHT, "R14"),
    ),
    Row(
        Rule.R14,
        "with the consent of the night",
        sent(grant(scopes=_BOTH), at=_EVENING),
        GRANTED,
    ),
    Row(
        Rule.R14,
        "with the consent of the night alone",
        sent(grant(scopes=[NIGHT]), at=_EVENING),
        (Reason.NEVER_ASKED, "R1"),
    ),
    Row(
        Rule.R14,
        "by e-mail",
        sent(grant(scopes=[MAIL]), scope=MAIL, at=_EVENING),
        GRANTED,
    ),
    Row(
        Rule.R14,
        "what is sent by no channel",
        sent(grant(scopes=[ADS]), scope=ADS, at=_EVENING),
        (Reason.UNKNOWN_SCOPE, "R14"),
    ),
    # R15
    Row(
        Rule.R15,
        "everything optional denied",
        a([deny(scopes=[ADS, ANALYTICS, MAIL, PANEL, PUSH])], scope=SERVICE),
        ("granted", "R13"),
    ),
    Row(
        Rule.R15,
        "everything optional restricted",
        a([restrict(scopes=[ADS, ANALYTICS])], scope=SERVICE, place="EU"),
        ("granted", "R13"),
    ),
    Row(
        Rule.R15,
        "a child without a guardian",
        a([grant(scopes=[ADS])], scope=SERVICE, born=CHILD),
        ("granted", "R13"),
    ),
    # R16
    Row(
        Rule.R16,
        "Korea, granted 2026-01-02 for two years, asked 2028-01-03",
        a(
            [grant(hours_of(_AD_AT), notice="v1")],
            hours=hours_of(local("KR", 2028, 1, 3)),
        ),
        (Reason.EXPIRED, "R16"),
    ),
    Row(
        Rule.R16,
        "asked on the last day",
        a(
            [grant(hours_of(_AD_AT), notice="v1")],
            hours=hours_of(local("KR", 2028, 1, 1, 23, 59)),
        ),
        GRANTED,
    ),
    Row(
        Rule.R16,
        "the notice kept it for ninety days",
        a([grant(scopes=[ANALYTICS])], scope=ANALYTICS, hours=91 * 24),
        (Reason.EXPIRED, "R16"),
    ),
    Row(
        Rule.R16,
        "a string of fourteen months ago",
        a([grant(carrier=Carrier.TCF)], hours=14 * 31 * 24),
        (Reason.EXPIRED, "R16"),
    ),
    Row(
        Rule.R16,
        "advertising that was not confirmed again",
        sent(grant(scopes=[PUSH]), at=local("KR", 2028, 1, 18, 12)),
        (Reason.EXPIRED, "R16"),
    ),
    # R17
    Row(
        Rule.R17,
        "a partner is added by the second notice",
        a([grant(notice="v1", scopes=[ADS, PARTNER])], scope=PARTNER),
        (Reason.NOTICE, "R17"),
    ),
    Row(
        Rule.R17,
        "the purpose itself stays granted",
        a([grant(notice="v1", scopes=[ADS, PARTNER])]),
        GRANTED,
    ),
    Row(
        Rule.R17,
        "granted under the second",
        a([grant(scopes=[PARTNER])], scope=PARTNER),
        GRANTED,
    ),
    Row(
        Rule.R17,
        "Korea, under no notice",
        a([grant(notice=None)]),
        (Reason.NOTICE, "R17"),
    ),
    Row(
        Rule.R17,
        "under a notice that nobody knows",
        a([grant(notice="ghost")], place="EU"),
        (Reason.NOTICE, "R17"),
    ),
    Row(
        Rule.R17,
        "under a notice that is no longer shown",
        a([grant(1_000, notice="v1")], hours=1_001),
        (Reason.NOTICE, "R17"),
    ),
    Row(
        Rule.R17,
        "before the notice was shown",
        a([grant(-200)]),
        (Reason.NOTICE, "R17"),
    ),
    # R18
    Row(
        Rule.R18,
        "withdrawn: the next read is without it",
        a([grant(1, rank=1), deny(2, rank=1)], hours=2),
        (Reason.WITHDRAWN, "R18"),
    ),
    Row(
        Rule.R18,
        "what was read before stays as it was",
        a([grant(1, rank=1), deny(2, rank=1)], hours=1.9),
        GRANTED,
    ),
    Row(
        Rule.R18,
        "by a lesser way than it was given",
        a([grant(1, rank=1), deny(2, rank=4)]),
        (Reason.WITHDRAWN, "R18"),
    ),
    # R19
    Row(
        Rule.R19,
        "a Korean resident on a European site: one allows",
        a([grant(notice="kr")], place=["EU", "KR"], rules=_COVERS_KR),
        (Reason.NOTICE, "R17"),
    ),
    Row(Rule.R19, "both allow", a([grant()], place=["EU", "KR"]), GRANTED),
    Row(
        Rule.R19,
        "silence in Korea and California",
        a(place=["KR", "US-CA"]),
        (Reason.NEVER_ASKED, "R19"),
    ),
    Row(
        Rule.R19,
        "aged 15: old enough in one of them",
        a([grant()], place=["EU", "KR"], born=FIFTEEN),
        (Reason.GUARDIAN, "R13"),
    ),
    # R20
    Row(
        Rule.R20,
        "a grant names all of it",
        explained(deny(1), grant(2, seq=3, rank=1)),
        ("3", "R3", "2 answered", "v2", "2028-01-17T15:00:00+00:00"),
    ),
    Row(
        Rule.R20,
        "a denial names what it beat",
        explained(grant(1), deny(2), grant(1, seq=5, notice=None)),
        ("2", "R18", "1 older,5 notice", "", ""),
    ),
    Row(
        Rule.R20,
        "silence names what says nothing",
        explained(grant(notice="ghost"), heard("unreadable", BASE, seq=7)),
        ("None", "R17", "1 notice,7 unreadable", "", ""),
    ),
    # The two rules of our own.
    Row(
        Rule.SILENT_PART,
        "one handle granted, one silent",
        a({1: [grant(scopes=[PANEL])], 2: []}, scope=PANEL),
        (Reason.NEVER_ASKED, "silent_part"),
    ),
    Row(
        Rule.SILENT_PART,
        "said to the part that granted",
        lambda: told_to(1, {1: [grant(scopes=[PANEL])], 2: []}, PANEL),
        (Reason.NEVER_ASKED, "silent_part"),
    ),
    Row(
        Rule.SILENT_PART,
        "both granted",
        a(
            {
                1: [grant(scopes=[PANEL])],
                2: [grant(scopes=[PANEL], seq=2, handle=2)],
            },
            scope=PANEL,
        ),
        GRANTED,
    ),
    Row(
        Rule.RESTRICTION,
        "restricted, later a grant",
        a([restrict(1), grant(2, seq=3, rank=1, evidence=CONFLICT)]),
        (Reason.RESTRICTED, "restriction"),
    ),
    Row(
        Rule.RESTRICTION,
        "lifted",
        a(
            [
                grant(1, rank=1),
                restrict(2),
                heard("end", BASE + 3, seq=3, rank=1, kind=Kind.RESTRICTION),
            ]
        ),
        (Reason.EXPIRED, "R16"),
    ),
    Row(
        Rule.RESTRICTION,
        "lifted before it was made",
        a(
            [
                restrict(2),
                heard("end", BASE + 1, seq=3, rank=1, kind=Kind.RESTRICTION),
            ]
        ),
        (Reason.RESTRICTED, "restriction"),
    ),
]


def told_to(
    handle: int, said: Mapping[int, Sequence[Heard]], scope: int = ADS
) -> Result:
    """What the relation says at one handle of a profile."""
    known = {handle: ["KR"] for handle in said}
    rows = rows_of(list(said), said, known, LETTER, micros(NOW))
    [row] = [one for one in rows if (one.handle, one.scope) == (handle, scope)]
    reason = REASONS[row.reason].value if row.reason else "granted"
    return reason, RULES[row.rule].value


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.rule}-{row.case}" for row in ROWS])
def test_a_rule_decides_as_its_table_says(row: Row) -> None:
    assert row.decided() == tuple(str(one) for one in row.expected)


def test_every_rule_has_its_table_and_every_reason_is_reached() -> None:
    """Law 10."""
    by_rule = {
        rule: len(list(rows)) for rule, rows in groupby(ROWS, key=lambda row: row.rule)
    }
    assert set(by_rule) == set(Rule)
    assert min(by_rule.values()) >= 3
    results = [row.decided() for row in ROWS]
    assert {reason.value for reason in Reason} <= {
        one for got in results for one in got
    }
    deciding = {rule.value for rule in Rule} - {"R4", "R9", "R10", "R11", "R15", "R20"}
    assert deciding <= {one for got in results for one in got}


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_names_its_law_and_an_example(rule: Rule) -> None:
    assert rule.heading
    assert rule.source
    assert rule.example
    assert rule.__doc__ is not None
    assert all(part in rule.__doc__ for part in (rule.heading, rule.source))
