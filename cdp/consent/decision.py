"""A decision: may this person's data be used for this scope, and why?

A value, never a bool and never an exception. It names its winner, its rule, the losers
with the reason each lost, the notice and the expiry (R20). It is derived, never a
source of truth.

Reasons and rules are stable and public; their numbers are stored.

Source: rules R1 to R20 of the consent design.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import msgspec

from cdp.consent.signals import Carrier, EvidenceKind, Kind, Rank
from cdp.kernel import Handle, Seq


class Reason(StrEnum):
    """Why a scope is closed. Ordered by strength: see ``strongest``."""

    NEVER_ASKED = "consent.never_asked"
    UNKNOWN_JURISDICTION = "consent.unknown_jurisdiction"
    UNKNOWN_SCOPE = "consent.unknown_scope"
    UNREADABLE = "consent.unreadable"
    EXPIRED = "consent.expired"
    NOTICE = "consent.notice"
    GUARDIAN = "consent.guardian"
    NIGHT = "consent.night"
    GPC = "consent.gpc"
    DENIED = "consent.denied"
    WITHDRAWN = "consent.withdrawn"
    CONFLICT = "consent.conflict"
    RESTRICTED = "rights.restricted"

    @property
    def code(self) -> int:
        """The number that is stored; a stronger reason has a higher one."""
        return _CODES[self]

    @property
    def is_signal(self) -> bool:
        """Whether a denial of somebody stands behind it, and not silence or age."""
        return _CODES[self] >= _CODES[Reason.GPC]


# A number never changes its meaning; the gaps are for reasons to come.
_CODES: dict[Reason, int] = {
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
REASONS: dict[int, Reason] = {code: reason for reason, code in _CODES.items()}


class Rule(StrEnum):
    """The rule that decided."""

    R1 = "R1"
    R2 = "R2"
    R3 = "R3"
    R4 = "R4"
    R5 = "R5"
    R6 = "R6"
    R7 = "R7"
    R8 = "R8"
    R9 = "R9"
    R10 = "R10"
    R11 = "R11"
    R12 = "R12"
    R13 = "R13"
    R14 = "R14"
    R15 = "R15"
    R16 = "R16"
    R17 = "R17"
    R18 = "R18"
    R19 = "R19"
    R20 = "R20"
    SILENT_PART = "silent_part"
    RESTRICTION = "restriction"

    @property
    def code(self) -> int:
        """The number that is stored."""
        return _RULE_CODES[self]


_RULE_CODES: dict[Rule, int] = {
    **{rule: int(rule[1:]) for rule in Rule if rule[1:].isdigit()},
    Rule.SILENT_PART: 101,
    Rule.RESTRICTION: 102,
}
RULES: dict[int, Rule] = {code: rule for rule, code in _RULE_CODES.items()}


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


class Cited(msgspec.Struct, frozen=True, kw_only=True):
    """A signal as a decision names it, at the handle where it counts."""

    seq: Seq
    handle: Handle
    grants: bool
    rank: Rank
    kind: Kind
    source: int
    carrier: Carrier
    at: datetime
    recorded_at: datetime
    notice: str | None
    evidence: EvidenceKind | None


class Loser(msgspec.Struct, frozen=True, kw_only=True):
    """A signal that did not decide, and why."""

    signal: Cited
    why: Lost


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """The scope is open while ``valid_from <= now < valid_to`` (None is open-ended).

    Without a ``winner`` a default of the policy granted.
    """

    rule: Rule
    winner: Cited | None
    losers: tuple[Loser, ...]
    notice: str | None
    valid_from: datetime
    valid_to: datetime | None
    covers_past: bool


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    """The scope is closed for ``reason``.

    Without a ``winner`` nobody said so: silence or age denied. ``conflict`` says that
    another part of the person grants.
    """

    reason: Reason
    rule: Rule
    winner: Cited | None = None
    losers: tuple[Loser, ...] = ()
    notice: str | None = None
    conflict: bool = False


Decision: TypeAlias = Granted | Denied


def strongest(reasons: Iterable[Reason]) -> Reason:
    """Return the one reason that stands for several; silence when there is none."""
    return max(reasons, key=_CODES.__getitem__, default=Reason.NEVER_ASKED)
