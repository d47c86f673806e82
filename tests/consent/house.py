"""The shop that the tests of consent are about: its rules, and short ways to speak.

Ordinals: linking 0, analytics 1, ads 2, mail 3, service 4, panel 5; to the letter also
push 6, push at night 7, ads for a partner 8. Time is a number of hours after the start,
2026-01-01T00:00Z.

``RULES`` asks for nothing but the word of a person; ``LETTER`` has children, notices,
reconfirmation, nights and quiet times besides.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from cdp.consent import (
    GPC,
    Actor,
    Basis,
    Carrier,
    ChildNeeds,
    ChildRule,
    ConsentRules,
    Dated,
    Default,
    EvidenceKind,
    GuardianCheck,
    Heard,
    How,
    JurisdictionRule,
    Kind,
    NewSignal,
    NightRule,
    NoticeRule,
    Period,
    Proof,
    Rank,
    ScopeRule,
    SilentPart,
    Verdicts,
)
from cdp.kernel import Handle, to_micros

LINKING, ANALYTICS, ADS, MAIL, SERVICE, PANEL, PUSH, NIGHT, PARTNER = range(9)
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = 3_600_000_000

_ASKED = {
    "KR": Basis.CONSENT,
    "EU": Basis.CONSENT,
    "US-CA": Basis.OPT_OUT,
    "unknown": Basis.CONSENT,
}
RULES = ConsentRules(
    version="policy-1",
    scopes=(
        ScopeRule(
            ordinal=LINKING, purpose="linking", basis=_ASKED, categories=("Functional",)
        ),
        ScopeRule(
            ordinal=ANALYTICS,
            purpose="analytics",
            basis=_ASKED,
            categories=("Analytics",),
            max_age={"EU": Period.parse("P30D")},
        ),
        ScopeRule(
            ordinal=ADS,
            purpose="advertising.share",
            basis=_ASKED,
            categories=("Advertising", "DataSharing"),
            gpc=GPC.DENY,
            max_age={"KR": Period.parse("P2Y"), "EU": Period.parse("P13M")},
        ),
        ScopeRule(
            ordinal=MAIL,
            purpose="marketing.email",
            basis={**_ASKED, "US-CA": Basis.CONSENT},
            max_age={"KR": Period.parse("P2Y")},
        ),
        ScopeRule(
            ordinal=SERVICE,
            purpose="service",
            basis=dict.fromkeys(_ASKED, Basis.CONTRACT),
        ),
        ScopeRule(
            ordinal=PANEL,
            purpose="panel",
            basis=_ASKED,
            silent_part=SilentPart.DENY,
            max_age={"EU": Period.parse("P30D")},
        ),
    ),
    jurisdictions={
        "KR": JurisdictionRule(key="KR", default=Default.OPT_IN, zone="Asia/Seoul"),
        "EU": JurisdictionRule(
            key="EU", default=Default.OPT_IN, zone="Europe/Brussels"
        ),
        "US-CA": JurisdictionRule(
            key="US-CA", default=Default.OPT_OUT, zone="America/Los_Angeles"
        ),
        "unknown": JurisdictionRule(key="unknown", default=Default.OPT_IN, zone="UTC"),
    },
)


_AD: dict[str, Any] = {
    "basis": {**_ASKED, "US-CA": Basis.CONSENT},
    "max_age": {"KR": Period.parse("P5Y")},
    "separate": {"KR": "promotion"},
    "reconfirm": {"KR": Period.parse("P2Y")},
}
LETTER = msgspec.structs.replace(
    RULES,
    version="policy-2",
    scopes=(
        *(
            msgspec.structs.replace(scope, channel="email", **_AD)
            if scope.ordinal == MAIL
            else scope
            for scope in RULES.scopes
        ),
        ScopeRule(ordinal=PUSH, purpose="marketing.push", channel="push", **_AD),
        ScopeRule(
            ordinal=NIGHT,
            purpose="marketing.push.night",
            channel="push",
            night_of="marketing.push",
            **_AD,
        ),
        ScopeRule(
            ordinal=PARTNER,
            purpose="advertising.share",
            recipient="partner",
            basis=_ASKED,
            categories=("Advertising", "DataSharing"),
            gpc=GPC.DENY,
            separate={"KR": "third_party"},
        ),
    ),
    jurisdictions={
        "KR": msgspec.structs.replace(
            RULES.jurisdictions["KR"],
            child=ChildRule(below=14, needs=ChildNeeds.GUARDIAN),
            night=NightRule(
                start=21 * 60,
                end=8 * 60,
                channels=frozenset({"push", "sms", "messenger"}),
            ),
            needs_notice=True,
            separates=True,
        ),
        "EU": msgspec.structs.replace(
            RULES.jurisdictions["EU"],
            child=ChildRule(below=16, needs=ChildNeeds.GUARDIAN),
            no_ask=Period.parse("P6M"),
        ),
        "US-CA": msgspec.structs.replace(
            RULES.jurisdictions["US-CA"],
            child=ChildRule(below=16, needs=ChildNeeds.OPT_IN, guardian_below=13),
            no_ask=Period.parse("P12M"),
        ),
        "unknown": msgspec.structs.replace(
            RULES.jurisdictions["unknown"],
            child=ChildRule(below=18, needs=ChildNeeds.GUARDIAN),
        ),
    },
    notices={
        # The first text names no partner and no night, and is shown until it is not.
        "v1": NoticeRule(
            key="v1",
            covers=dict.fromkeys(
                RULES.jurisdictions, 0b111_1111 & ~(1 << NIGHT | 1 << PARTNER)
            ),
            ends_at=to_micros(START + timedelta(hours=1_300)),
        ),
        # The second is read in three jurisdictions; analytics for ninety days alone.
        "v2": NoticeRule(
            key="v2",
            covers={"KR": 0b1_1111_1111, "EU": 0b1_1111_1111, "unknown": 0b1_1111_1111},
            covers_past=1 << ADS,
            starts_at=to_micros(START + timedelta(hours=300)),
            retention={ANALYTICS: Period.parse("P90D")},
        ),
    },
)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def micros(hours: float) -> int:
    return to_micros(at(hours))


def mask(*scopes: int) -> int:
    return sum(1 << scope for scope in set(scopes))


def seal(raw: bytes, digest: bytes) -> bytes:
    """Not a seal: turns the bytes round, so that a test sees it was called."""
    assert len(digest) == 32
    return raw[::-1]


def heard(
    said: str,
    hours: float,
    *,
    seq: int = 1,
    rank: int = 4,
    scopes: Iterable[int] = (ADS,),
    kind: Kind = Kind.CHOICE,
    jurisdiction: str = "KR",
    learnt: float | None = None,
    evidence: EvidenceKind | None = None,
    notice: str | None = None,
    actor: Actor = Actor.SELF,
    is_checked: bool = False,
    carrier: Carrier = Carrier.API,
    source: int = 1,
    handle: int = 1,
) -> Heard:
    """A signal as one handle hears it; ``said`` names a field of ``Verdicts``."""
    mask_ = mask(*scopes)
    when = micros(hours)
    recorded = when if learnt is None else micros(learnt)
    return Heard(
        seq=seq,
        handle=handle,
        rank=rank,
        kind=kind,
        source=source,
        carrier=carrier.value,
        jurisdiction=jurisdiction,
        grants=mask_ if said == "grant" else 0,
        denies=mask_ if said == "deny" else 0,
        ends=mask_ if said == "end" else 0,
        unreadable=mask_ if said == "unreadable" else 0,
        grants_at=when,
        denies_at=when,
        starts_at=min(when, recorded),
        recorded_at=recorded,
        evidence=None if evidence is None else evidence.value,
        notice=notice,
        actor=actor.value,
        is_checked=is_checked,
    )


def signal(
    said: str,
    hours: float,
    *,
    own: tuple[int, ...] = (1,),
    anchor: int | None = None,
    reach: tuple[int, ...] = (),
    rank: int = 4,
    scopes: Iterable[int] = (ADS,),
    kind: Kind = Kind.CHOICE,
    jurisdiction: str = "KR",
    learnt: float | None = None,
    sent: float | None = None,
    carrier: Carrier = Carrier.SEGMENT,
    evidence: EvidenceKind | None = None,
    notice: str | None = None,
    actor: Actor = Actor.SELF,
    check: GuardianCheck | None = None,
    dated: Dated | None = None,
    source: int = 1,
    stamp: bool = False,
    raw: bytes = b"{}",
) -> NewSignal:
    """A signal on its way into the ledger; see ``heard``."""
    mask_ = mask(*scopes)
    return NewSignal(
        own=tuple(Handle(one) for one in own),
        anchor=Handle(own[0] if anchor is None else anchor),
        reach=tuple(Handle(one) for one in reach),
        source=source,
        carrier=carrier,
        rank=Rank(rank),
        kind=kind,
        verdicts=Verdicts(
            grants=mask_ if said == "grant" else 0,
            denies=mask_ if said == "deny" else 0,
            ends=mask_ if said == "end" else 0,
            unreadable=mask_ if said == "unreadable" else 0,
        ),
        raw=raw,
        jurisdiction=jurisdiction,
        jurisdiction_how=How.SOURCE,
        valid_at=at(hours),
        recorded_at=at(hours if learnt is None else learnt),
        sent_at=None if sent is None else at(sent),
        dated=dated,
        actor=actor,
        evidence=evidence,
        notice=notice,
        proof=Proof(guardian_check=check),
        policy=RULES.version,
        stamp=stamp,
    )
