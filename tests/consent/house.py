"""The shop that the tests of consent are about: its rules, and short ways to speak.

Ordinals: linking 0, analytics 1, ads 2, mail 3, service 4, panel 5. Time is a number of
hours after the start, 2026-01-01T00:00Z.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from cdp.consent import (
    GPC,
    Actor,
    Basis,
    Carrier,
    ConsentRules,
    Default,
    EvidenceKind,
    Heard,
    How,
    JurisdictionRule,
    Kind,
    NewSignal,
    Period,
    Rank,
    ScopeRule,
    SilentPart,
    Verdicts,
)
from cdp.kernel import Handle, to_micros

LINKING, ANALYTICS, ADS, MAIL, SERVICE, PANEL = range(6)
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
    notice: EvidenceKind | None = None,
    covers_past: bool = False,
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
        carrier=Carrier.API.value,
        jurisdiction=jurisdiction,
        grants=mask_ if said == "grant" else 0,
        denies=mask_ if said == "deny" else 0,
        ends=mask_ if said == "end" else 0,
        unreadable=mask_ if said == "unreadable" else 0,
        grants_at=when,
        denies_at=when,
        starts_at=min(when, recorded),
        recorded_at=recorded,
        evidence=None if notice is None else notice.value,
        covers_past=covers_past,
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
    notice: EvidenceKind | None = None,
    covers_past: bool = False,
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
        actor=Actor.SELF,
        evidence=notice,
        covers_past=covers_past,
        policy=RULES.version,
        stamp=stamp,
    )
