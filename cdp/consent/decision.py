"""A decision: may this person's data be used for this scope, and why?

A value, never a bool and never an exception. It names its winner, its rule, the losers
with the reason each lost, the notice and the expiry (R20). It is derived, never a
source of truth.

- Two decisions are equal when all of that is.
- Who lost is worked out when somebody asks: most callers never do.

Reasons are stable and public; their numbers are stored.

Source: rules R1 to R20 of the consent design; docs/decisions/0065-lazy-losers.md.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeAlias

import msgspec

from cdp.consent.heard import OPEN, Heard
from cdp.consent.rule import Rule
from cdp.consent.signals import Actor, Carrier, EvidenceKind, Kind, Rank
from cdp.kernel import Handle, Seq, from_micros

# The weakest reason that somebody stands behind.
_GPC_CODE = 90


class Reason(StrEnum):
    """Why a scope is closed. Ordered by strength: see ``strongest``.

    Args:
        code: the number that is stored; it never changes its meaning, and a stronger
            reason has a higher one. The gaps are for reasons to come.
        is_signal: a denial of somebody stands behind it, and not silence or age.
    """

    code: int
    is_signal: bool

    def __new__(cls, value: str, code: int) -> "Reason":
        """Make a member with its number."""
        reason = str.__new__(cls, value)
        reason._value_ = value
        reason.code = code
        reason.is_signal = code >= _GPC_CODE
        return reason

    NEVER_ASKED = "consent.never_asked", 10
    UNKNOWN_JURISDICTION = "consent.unknown_jurisdiction", 20
    UNKNOWN_SCOPE = "consent.unknown_scope", 30
    UNREADABLE = "consent.unreadable", 40
    EXPIRED = "consent.expired", 50
    NOTICE = "consent.notice", 60
    GUARDIAN = "consent.guardian", 70
    NIGHT = "consent.night", 80
    GPC = "consent.gpc", 90
    DENIED = "consent.denied", 100
    WITHDRAWN = "consent.withdrawn", 110
    CONFLICT = "consent.conflict", 120
    RESTRICTED = "rights.restricted", 130


REASONS: dict[int, Reason] = {reason.code: reason for reason in Reason}


class Lost(StrEnum):
    """Why a signal did not decide."""

    OLDER = "older"
    TIE = "tie"
    WORSE_RANK = "worse_rank"
    ANSWERED = "answered"
    EXPIRED = "expired"
    ENDED = "ended"
    NEEDS_CONFLICT_NOTICE = "needs_conflict_notice"
    RESTRICTED = "restricted"
    OTHER_HANDLE = "other_handle"
    UNREADABLE = "unreadable"
    UNKNOWN_JURISDICTION = "unknown_jurisdiction"
    NOTICE = "notice"
    GUARDIAN = "guardian"


class Cited(msgspec.Struct, frozen=True, gc=False):
    """A signal as a decision names it, at the handle where it counts."""

    heard: Heard
    grants: bool

    @property
    def seq(self) -> Seq:
        """Its position in the ledger."""
        return Seq(self.heard.seq)

    @property
    def handle(self) -> Handle:
        """The handle where it counts."""
        return Handle(self.heard.handle)

    @property
    def rank(self) -> Rank:
        """How good its source is."""
        return Rank(self.heard.rank)

    @property
    def kind(self) -> Kind:
        """What sort of statement it is."""
        return Kind(self.heard.kind)

    @property
    def source(self) -> int:
        """Who sent it."""
        return self.heard.source

    @property
    def carrier(self) -> Carrier:
        """What brought it."""
        return Carrier(self.heard.carrier)

    @property
    def at(self) -> datetime:
        """By what instant it was ordered."""
        heard = self.heard
        return from_micros(heard.grants_at if self.grants else heard.denies_at)

    @property
    def recorded_at(self) -> datetime:
        """When we learnt it."""
        return from_micros(self.heard.recorded_at)

    @property
    def jurisdiction(self) -> str:
        """Where it was given."""
        return self.heard.jurisdiction

    @property
    def notice(self) -> str | None:
        """The version of the notice that was shown."""
        return self.heard.notice

    @property
    def evidence(self) -> EvidenceKind | None:
        """What the person was shown when asked."""
        kind = self.heard.evidence
        return None if kind is None else EvidenceKind(kind)

    @property
    def actor(self) -> Actor:
        """Who made the statement."""
        return Actor(self.heard.actor)


class Loser(msgspec.Struct, frozen=True, kw_only=True):
    """A signal that did not decide, and why."""

    signal: Cited
    why: Lost


class Case(Protocol):
    """What a decision was made of, for whoever asks who lost."""

    def losers(self) -> tuple[Loser, ...]:
        """Name the signals that did not decide, in ledger order."""


class Granted(msgspec.Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """The scope is open while ``valid_from <= now < valid_to`` (None is open-ended).

    Without a ``winner`` a default of the policy granted. ``opens``, ``closes`` and
    ``due`` are microseconds UTC; losers are named when somebody asks.
    """

    rule: Rule
    winner: Cited | None = None
    opens: int = 0
    closes: int = OPEN
    due: int = OPEN
    covers_past: bool = False
    case: Case | None = None

    @property
    def losers(self) -> tuple[Loser, ...]:
        """The signals that did not decide, and why each lost."""
        return () if self.case is None else self.case.losers()

    @property
    def notice(self) -> str | None:
        """The version of the notice that the winner was given under."""
        return None if self.winner is None else self.winner.heard.notice

    @property
    def valid_from(self) -> datetime:
        """From when on it is open."""
        return from_micros(self.opens)

    @property
    def valid_to(self) -> datetime | None:
        """Until when, if nobody says anything more; None is open-ended."""
        return None if self.closes == OPEN else from_micros(self.closes)

    @property
    def reconfirm_due(self) -> datetime | None:
        """Before when it is confirmed again (수신동의 확인); None is never."""
        return None if self.due == OPEN else from_micros(self.due)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Granted) and _content(self) == _content(other)

    def __hash__(self) -> int:
        return hash((self.rule, self.winner, self.opens, self.closes))


class Denied(msgspec.Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """The scope is closed for ``reason``.

    Without a ``winner`` nobody said so: silence or age denied. ``conflict`` says that
    another part of the person grants. ``quiet`` is microseconds UTC, 0 for none; losers
    are named when somebody asks.
    """

    reason: Reason
    rule: Rule
    winner: Cited | None = None
    conflict: bool = False
    quiet: int = 0
    case: Case | None = None

    @property
    def losers(self) -> tuple[Loser, ...]:
        """The signals that did not decide, and why each lost."""
        return () if self.case is None else self.case.losers()

    @property
    def notice(self) -> str | None:
        """The version of the notice that the winner was given under."""
        return None if self.winner is None else self.winner.heard.notice

    @property
    def no_ask_before(self) -> datetime | None:
        """Before when the person is not asked again (R8); None is no such time."""
        return from_micros(self.quiet) if self.quiet else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Denied) and _content(self) == _content(other)

    def __hash__(self) -> int:
        return hash((self.reason, self.rule, self.winner))


def _content(decision: Granted | Denied) -> tuple[object, ...]:
    match decision:
        case Granted(rule=rule, winner=winner):
            times = (decision.opens, decision.closes, decision.due)
            return rule, winner, decision.losers, times, decision.covers_past
        case Denied(rule=rule, winner=winner, reason=reason):
            rest = (decision.conflict, decision.quiet)
            return rule, winner, decision.losers, reason, rest


Decision: TypeAlias = Granted | Denied


def strongest(reasons: Iterable[Reason]) -> Reason:
    """Return the one reason that stands for several; silence when there is none."""
    return max(reasons, key=lambda reason: reason.code, default=Reason.NEVER_ASKED)
