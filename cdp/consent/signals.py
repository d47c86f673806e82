"""Signals: statements about consent, as they were received.

- A verdict is one of four per scope: it grants, it denies, it ends, or it says nothing.
  Verdicts travel as masks over the ordinals of the scopes; a denial beats a grant of
  the same statement.
- Denials stay with everything they touched: they belong to every handle of the request.
  A grant belongs to the anchor alone, and *reaches* the handles that are named for it.
- The order among signals is made once: a wrong clock can only shorten a grant.
- A stamp is what a tracker prints on every event. It is not a decision: when its
  content is the one that stands, it is a repeat and is not appended.

Refuses: signals without an anchor among their own handles.

Source: rules R2 to R6 of the consent design; docs/decisions/0060-consent-fold.md.
"""

import hashlib
import struct
from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple

import msgspec

from cdp.consent.errors import InvalidSignalError
from cdp.kernel import Handle, Seq

# A client's clock may be decades off; dates end at year 9999 and arithmetic must not.
_EARLIEST = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Verdict(StrEnum):
    """What a signal says about one scope; nothing said is no entry."""

    GRANT = "grant"
    DENY = "deny"
    END = "end"


class Rank(IntEnum):
    """How good a source is. Ranks count for grants only; 1 is the best."""

    PERSON = 1
    DEVICE = 2
    STRING = 3
    CATEGORY = 4
    CONSENT_MODE = 5
    IMPORT = 6


class Kind(IntEnum):
    """What sort of statement a signal is; stored.

    A reminder is ours: the person was told what consent stands and how to withdraw it
    (수신동의 확인). Its ``grants`` name the scopes it was about and grant nothing.
    """

    CHOICE = 0
    GPC = 1
    RESTRICTION = 2
    REMINDER = 3


class Carrier(StrEnum):
    """What brought a signal; with the sender it is the signal's source."""

    SEGMENT = "segment"
    SEGMENT_CHANGE = "segment.change"
    RUDDERSTACK = "rudderstack"
    SNOWPLOW = "snowplow"
    TCF = "tcf"
    GPP = "gpp"
    CONSENT_MODE = "consent_mode"
    GA4 = "ga4"
    GPC = "gpc"
    API = "api"
    PAGE = "page"
    IMPORT = "import"
    RIGHTS = "rights"
    SPLIT = "split"


class Actor(StrEnum):
    """Who made the statement."""

    SELF = "self"
    GUARDIAN = "guardian"
    AGENT = "agent"
    OPERATOR = "operator"
    MIGRATION = "migration"


class How(StrEnum):
    """How a jurisdiction was decided; an address itself is not kept."""

    ACCOUNT = "account"
    DECLARED = "declared"
    SOURCE = "source"
    ADDRESS = "address"


class EvidenceKind(StrEnum):
    """What the person was shown when asked."""

    PLAIN = "plain"
    CONFLICT_NOTICE = "conflict_notice"
    RECONFIRMATION = "reconfirmation"


class Method(StrEnum):
    """By what lawful means consent was taken (PIPA decree Art. 17(2))."""

    WRITTEN = "written"
    TELEPHONE = "telephone"
    TELEPHONE_AND_WEB = "telephone_and_web"
    WEBSITE = "website"
    EMAIL = "email"
    EQUIVALENT = "equivalent"


class GuardianCheck(StrEnum):
    """How it was checked that a guardian consented (PIPA decree Art. 17-2)."""

    TEXT_MESSAGE = "text_message"
    PAYMENT_CARD = "payment_card"
    PHONE_IDENTITY = "phone_identity"
    WRITTEN = "written"
    EMAIL = "email"
    TELEPHONE = "telephone"
    EQUIVALENT = "equivalent"


# What our own clock saw happen.
_OWN_PAGES = frozenset({Carrier.API, Carrier.PAGE, Carrier.RIGHTS, Carrier.SPLIT})


class Dated(msgspec.Struct, frozen=True):
    """When a statement says it was decided: ``start <= decided < end``.

    A standard that names only a day gives the day; one that names an instant gives it
    twice.
    """

    start: datetime
    end: datetime


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What shows that a decision was taken as the law asks.

    Args:
        form: the screen or form that was shown.
        device: keyed digest of address and agent; neither is kept.
        ground: the legal basis of an import.
    """

    form: str | None = None
    method: Method | None = None
    guardian_check: GuardianCheck | None = None
    device: bytes | None = None
    ground: str | None = None


class Verdicts(msgspec.Struct, frozen=True, gc=False):
    """One statement over all scopes, as masks: bit ``n`` is the scope of ordinal ``n``.

    ``unreadable`` marks the scopes that the statement was about when it did not decode.
    """

    grants: int = 0
    denies: int = 0
    ends: int = 0
    unreadable: int = 0

    @staticmethod
    def of(said: Mapping[int, Verdict]) -> "Verdicts":
        """Make the masks from one verdict per ordinal."""
        masks = dict.fromkeys(Verdict, 0)
        for ordinal, verdict in said.items():
            masks[verdict] |= 1 << ordinal
        return Verdicts(
            grants=masks[Verdict.GRANT],
            denies=masks[Verdict.DENY],
            ends=masks[Verdict.END],
        )

    def on(self, ordinal: int) -> Verdict | None:
        """Return what is said about one scope."""
        bit = 1 << ordinal
        if self.denies & bit:
            return Verdict.DENY
        if self.ends & bit:
            return Verdict.END
        return Verdict.GRANT if self.grants & bit else None

    @property
    def closes(self) -> int:
        """The scopes that this statement closes for the event that carries it (R4)."""
        return self.denies | self.unreadable

    @property
    def is_silent(self) -> bool:
        """Whether nothing is said, and nothing failed to be read."""
        return not (self.grants | self.denies | self.ends | self.unreadable)


class NewSignal(msgspec.Struct, frozen=True, kw_only=True):
    """A signal on its way into the ledger.

    ``own`` are all handles of the request, the anchor among them. ``reach`` are handles
    of the anchor's profile that a grant covers too: those on the request, or all of
    them for an authenticated person (rank 1). ``raw`` is the statement verbatim.
    ``valid_at`` is when it was decided, ``sent_at`` the send time of the same clock,
    ``recorded_at`` ours, ``dated`` what the statement itself names.
    """

    own: tuple[Handle, ...]
    anchor: Handle
    reach: tuple[Handle, ...] = ()
    source: int
    carrier: Carrier
    rank: Rank
    kind: Kind = Kind.CHOICE
    verdicts: Verdicts
    raw: bytes
    jurisdiction: str
    jurisdiction_how: How
    valid_at: datetime
    recorded_at: datetime
    sent_at: datetime | None = None
    dated: Dated | None = None
    actor: Actor = Actor.SELF
    notice: str | None = None
    evidence: EvidenceKind | None = None
    proof: Proof = Proof()
    policy: str
    stamp: bool = False

    def __post_init__(self) -> None:
        """Refuse a signal whose anchor was not on its request, or a mixed reminder."""
        if self.anchor not in self.own:
            raise InvalidSignalError("the anchor is not among the signal's own handles")
        said = self.verdicts
        if self.kind is Kind.REMINDER and (said.closes | said.ends):
            raise InvalidSignalError("a reminder says nothing but what it was about")

    @property
    def content(self) -> bytes:
        """What a repeat is told by."""
        return content_of(self.verdicts, self.notice, self.evidence)

    @property
    def orders(self) -> "Orders":
        """By what instants it is ordered."""
        return orders(
            valid_at=self.valid_at,
            recorded_at=self.recorded_at,
            sent_at=self.sent_at,
            dated=self.dated,
            is_own_page=self.carrier in _OWN_PAGES,
        )


class Candidate(NamedTuple):
    """A stamp that may be a repeat for ``handle``; ``at`` is its place in the order."""

    handle: Handle
    source: int
    carrier: Carrier
    content: bytes
    at: datetime


class SignalView(msgspec.Struct, frozen=True, kw_only=True):
    """A signal as the ledger holds it, without its raw form."""

    seq: Seq
    handle: Handle
    anchor: Handle
    source: int
    carrier: Carrier
    rank: Rank
    kind: Kind
    verdicts: Verdicts
    jurisdiction: str
    jurisdiction_how: How
    valid_at: datetime
    recorded_at: datetime
    grants_at: datetime
    denies_at: datetime
    actor: Actor
    notice: str | None
    evidence: EvidenceKind | None
    proof: Proof
    policy: str
    sha256: bytes
    reach_ended_at: datetime | None


def content_of(
    verdicts: Verdicts,
    notice: str | None = None,
    evidence: EvidenceKind | None = None,
) -> bytes:
    """Return the bytes by which two statements are the same: 32, or 48 with a notice.

    The verdicts count and not the raw form, so that a stamp is heard again when a new
    policy reads more or other scopes out of it.
    """
    masks = struct.pack(
        "<4q", verdicts.grants, verdicts.denies, verdicts.ends, verdicts.unreadable
    )
    if notice is None and evidence is None:
        return masks
    shown = f"{evidence or ''}\n{notice or ''}".encode()
    return masks + hashlib.sha256(shown).digest()[:16]


class Orders(NamedTuple):
    """By what instants a signal is ordered: what it grants, and what it denies."""

    grants_at: datetime
    denies_at: datetime


def orders(
    *,
    valid_at: datetime,
    recorded_at: datetime,
    sent_at: datetime | None = None,
    dated: Dated | None = None,
    is_own_page: bool = False,
) -> Orders:
    """Return by what instants a signal is ordered among others.

    Two, because one statement may grant one scope and deny another: where its clock
    cannot be checked, the grant is taken as early and the denial as late as can be.

    Args:
        dated: the time that the statement itself names. Received within it, our clock
            counts; later, a grant takes its start and a denial its end.
        is_own_page: it came through our own page, API or rights request, so that our
            clock saw the denial happen.

    Returns:
        Instants never later than ``recorded_at``.
    """
    if dated is not None:
        if dated.start <= recorded_at < dated.end:
            return Orders(recorded_at, recorded_at)
        start = min(max(dated.start, _EARLIEST), recorded_at)
        return Orders(start, min(max(dated.end, start), recorded_at))
    if sent_at is None:
        granted = min(max(valid_at, _EARLIEST), recorded_at)
        return Orders(granted, recorded_at)
    try:
        moved = valid_at + (recorded_at - sent_at)
    except OverflowError:
        moved = _EARLIEST if valid_at < sent_at else recorded_at
    moved = min(max(moved, _EARLIEST), recorded_at)
    return Orders(moved, recorded_at if is_own_page else moved)
