"""The fold: what one handle's signals come to for one scope, at one instant.

For one handle and one scope:

1. Take the signals that count for the handle (the ledger says which) and are in force.
2. Drop what says nothing: unreadable ones, grants of a jurisdiction that is not known.
3. A denial is superseded only by a grant of the same or a better rank with a strictly
   later order; GPC by a conflict notice of a known person besides (R6); a restriction
   only by its own later end.
4. A denial is left: denied. Else live grants that answer every denial: granted until
   they no longer do. Else, with nothing denied and silence granting: the default. Else
   expired, or never asked.

- The result does not depend on the order in which the signals are given.
- Adding a denial or dropping a grant never grants.
- What is granted now is granted exactly until ``valid_to`` if nobody says anything
  more.
- An expired grant still answers the denial before it (that handle is ``expired``, not
  denied), but it opens the way to no older or lesser grant.

Pure: instants are microseconds UTC, as the ledger keeps them.

Source: section 3 and rules R1 to R7, R16, R19 of the consent design;
docs/decisions/0060-consent-fold.md.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from cdp.consent.decision import Reason, Rule
from cdp.consent.periods import end_micros
from cdp.consent.rules import ConsentRules, ScopeRule, Stance
from cdp.consent.signals import EvidenceKind, Kind

# Later than every instant: open-ended, as a number that compares.
OPEN: Final = (1 << 63) - 1
# The fold runs for every event that decides: plain values compare faster than members.
_CHOICE: Final = Kind.CHOICE.value
_GPC: Final = Kind.GPC.value
_CONFLICT_NOTICE: Final = EvidenceKind.CONFLICT_NOTICE.value


class Heard(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A signal as it counts for one handle; the masks hold what counts there.

    ``starts_at`` is when its denials come into force: the earlier of its two times.
    """

    seq: int
    handle: int
    rank: int
    kind: int
    source: int
    carrier: str
    jurisdiction: str
    grants: int
    denies: int
    ends: int
    unreadable: int
    grants_at: int
    denies_at: int
    starts_at: int
    recorded_at: int
    evidence: str | None = None
    notice: str | None = None
    covers_past: bool = False


class Outcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one handle came to by itself.

    ``own`` is -1 when a signal denies, 1 when a signal or a default grants, 0 when
    silence or age denies. ``reason`` is None exactly when granted; a default has no
    winner.
    """

    own: int
    rule: Rule
    reason: Reason | None = None
    winner: Heard | None = None
    valid_from: int = 0
    valid_to: int = OPEN

    @property
    def is_granted(self) -> bool:
        """Whether the handle by itself is open."""
        return self.reason is None

    @property
    def is_explicit(self) -> bool:
        """Whether a signal opened it, and not a default."""
        return self.reason is None and self.winner is not None


def answers(grant: Heard, denial: Heard) -> bool:
    """Whether ``grant`` supersedes ``denial``."""
    if grant.rank > denial.rank or grant.grants_at <= denial.denies_at:
        return False
    if denial.kind == _CHOICE:
        return True
    if denial.kind == _GPC:
        return grant.rank == 1 and grant.evidence == _CONFLICT_NOTICE
    return False


def grant_end(
    grant: Heard,
    ends: Iterable[Heard],
    scope: ScopeRule,
    stance: Stance,
    rules: ConsentRules,
) -> int:
    """Return when a grant ends: the shortest age, or a later end of the same source."""
    end = OPEN
    start = grant.grants_at
    for period, zone in stance.terms:
        end = min(end, end_micros(start, period, zone))
    if grant.jurisdiction not in stance.places:
        for period, zone in rules.stance(scope, (grant.jurisdiction,)).terms:
            end = min(end, end_micros(start, period, zone))
    for other in ends:
        if (
            other.source == grant.source
            and other.carrier == grant.carrier
            and other.denies_at >= start
        ):
            end = min(end, other.denies_at)
    return end


def fold(
    heard: Sequence[Heard],
    scope: ScopeRule,
    places: tuple[str, ...],
    rules: ConsentRules,
    at: int,
) -> Outcome:
    """Fold one handle's signals into its own outcome for ``scope``.

    Args:
        heard: the handle's signals, in any order.
        places: the jurisdictions whose rules count, from ``places_of``.
        at: the instant, in microseconds UTC.
    """
    stance = rules.stance(scope, places)
    # Step 1, step 2.
    said = _listen(heard, scope, stance, rules, at)
    grants = said.grants if stance.is_known else []
    # Step 3.
    standing = [d for d in said.denials if not _is_answered(d, grants)]
    # Step 4.
    if standing:
        return _denied(standing, grants, stance)
    if not stance.is_known:
        return _UNKNOWN_JURISDICTION
    live = []
    for grant in grants:
        end = grant_end(grant, said.ends, scope, stance, rules)
        if at < end:
            live.append((grant, end))
    defaults = stance.silence_grants and not said.denials
    until = _until(live, said.denials, is_default_next=defaults)
    if live and at < until:
        return _granted(live, said.denials, until)
    if defaults:
        return _DEFAULT
    if grants:
        winner = min(grants, key=_best_first)
        return Outcome(own=0, rule=Rule.R16, reason=Reason.EXPIRED, winner=winner)
    return _silent(said, stance)


class _Said:
    """What a handle's signals say about one scope at one instant."""

    __slots__ = ("denials", "ends", "grants", "is_foreign", "is_unreadable")

    def __init__(self) -> None:
        self.denials: list[Heard] = []
        self.grants: list[Heard] = []
        self.ends: list[Heard] = []
        self.is_foreign = False
        self.is_unreadable = False


def _listen(
    heard: Iterable[Heard],
    scope: ScopeRule,
    stance: Stance,
    rules: ConsentRules,
    at: int,
) -> _Said:
    """Sort out what counts; a lifted restriction does not."""
    bit = scope.bit
    said = _Said()
    for signal in heard:
        if signal.denies & bit:
            if signal.starts_at <= at:
                said.denials.append(signal)
        elif signal.ends & bit:
            if signal.denies_at <= at:
                said.ends.append(signal)
        elif signal.grants & bit:
            if signal.grants_at > at:
                continue
            place = signal.jurisdiction
            if (stance.is_known and place in stance.places) or rules.stance(
                scope, (place,)
            ).is_known:
                said.grants.append(signal)
            else:
                said.is_foreign = True
        elif signal.unreadable & bit and signal.recorded_at <= at:
            said.is_unreadable = True
    if said.denials and said.ends:
        said.denials = [one for one in said.denials if not _is_lifted(one, said.ends)]
    return said


def _silent(said: _Said, stance: Stance) -> Outcome:
    if said.is_foreign:
        return _UNKNOWN_JURISDICTION
    if said.is_unreadable:
        return _UNREADABLE
    return _NOT_EVERYWHERE if stance.differs else _NEVER_ASKED


_DEFAULT = Outcome(own=1, rule=Rule.R13)
_NEVER_ASKED = Outcome(own=0, rule=Rule.R1, reason=Reason.NEVER_ASKED)
_NOT_EVERYWHERE = Outcome(own=0, rule=Rule.R19, reason=Reason.NEVER_ASKED)
_UNREADABLE = Outcome(own=0, rule=Rule.R1, reason=Reason.UNREADABLE)
_UNKNOWN_JURISDICTION = Outcome(own=0, rule=Rule.R1, reason=Reason.UNKNOWN_JURISDICTION)


def _is_answered(denial: Heard, grants: Iterable[Heard]) -> bool:
    for grant in grants:  # noqa: SIM110 - any() costs a generator; this is the hot path
        if answers(grant, denial):
            return True
    return False


def _is_lifted(denial: Heard, ends: Iterable[Heard]) -> bool:
    return denial.kind == Kind.RESTRICTION and any(
        end.kind == Kind.RESTRICTION and end.denies_at > denial.denies_at
        for end in ends
    )


def _until(
    live: Sequence[tuple[Heard, int]],
    denials: Iterable[Heard],
    *,
    is_default_next: bool,
) -> int:
    """Return when the live grants stop to open the scope; 0 when they do not now."""
    until = 0
    for _, end in live:
        until = max(until, end)
    if is_default_next:
        until = OPEN
    for denial in denials:
        answered = 0
        for grant, end in live:
            if end > answered and answers(grant, denial):
                answered = end
        until = min(until, answered)
    return until


def _granted(
    live: Sequence[tuple[Heard, int]], denials: Sequence[Heard], until: int
) -> Outcome:
    winner = live[0][0]
    if len(live) > 1:
        # What answers every denial is named before what merely agrees.
        winner = min(
            (grant for grant, _ in live),
            key=lambda grant: (
                sum(not answers(grant, denial) for denial in denials),
                _best_first(grant),
            ),
        )
    rule = Rule.R3
    for denial in denials:
        if denial.kind == _GPC:
            rule = Rule.R6
    return Outcome(
        own=1,
        rule=rule,
        winner=winner,
        valid_from=winner.grants_at,
        valid_to=until,
    )


def _denied(
    standing: Sequence[Heard], grants: Sequence[Heard], stance: Stance
) -> Outcome:
    winner = min(standing, key=_weightiest_first)
    reason, rule = _why(winner, grants, stance)
    return Outcome(
        own=-1,
        rule=rule,
        reason=reason,
        winner=winner,
        valid_from=winner.starts_at,
    )


def _why(denial: Heard, grants: Sequence[Heard], stance: Stance) -> tuple[Reason, Rule]:
    later = any(grant.grants_at > denial.denies_at for grant in grants)
    if denial.kind == Kind.RESTRICTION:
        return Reason.RESTRICTED, Rule.RESTRICTION
    if denial.kind == Kind.GPC:
        if grants:
            return Reason.GPC, Rule.R6
        return Reason.GPC, Rule.R5 if stance.is_opt_out else Rule.R7
    earlier = [grant for grant in grants if grant.grants_at < denial.denies_at]
    reason = Reason.WITHDRAWN if earlier else Reason.DENIED
    if later:
        return reason, Rule.R2
    if any(grant.recorded_at > denial.recorded_at for grant in earlier):
        return reason, Rule.R3
    return reason, Rule.R18 if earlier else Rule.R3


def _best_first(grant: Heard) -> tuple[int, int, bool, int]:
    return grant.rank, -grant.grants_at, grant.covers_past, grant.seq


# A restriction is named before a choice, a choice before GPC.
_WEIGHT = {Kind.RESTRICTION: 0, Kind.CHOICE: 1, Kind.GPC: 2}


def _weightiest_first(denial: Heard) -> tuple[int, int, int, int]:
    return (
        _WEIGHT[Kind(denial.kind)],
        denial.rank,
        -denial.denies_at,
        denial.seq,
    )
