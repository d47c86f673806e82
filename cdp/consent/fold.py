"""The fold: what one handle's signals come to for one scope, at one instant.

For one handle and one scope:

1. Take the signals that count for the handle (the ledger says which) and are in force.
2. Drop what says nothing: unreadable ones, reminders, grants of a jurisdiction that is
   not known, grants under a notice that does not cover the scope (R17), grants of a
   child, or of a guardian whom nobody checked (R13).
3. A denial is superseded only by a grant of the same or a better rank with a strictly
   later order; GPC by a conflict notice of a known person besides (R6); a restriction
   only by its own later end.
4. A denial is left: denied. Else live grants that answer every denial: granted until
   they no longer do. Else, with nothing denied and silence granting: the default. Else
   expired, or why the grants said nothing, or never asked.

- The result does not depend on the order in which the signals are given.
- Adding a denial or dropping a grant never grants.
- What is granted now is granted exactly until ``valid_to`` if nobody says anything
  more.
- An expired grant still answers the denial before it (that handle is ``expired``, not
  denied), but it opens the way to no older or lesser grant.
- A grant that says nothing answers no denial either.

Pure: instants are microseconds UTC, as the ledger keeps them.

Source: section 3 and rules R1 to R7, R13, R16, R17, R19 of the consent design;
docs/decisions/0060-consent-fold.md, 0064-ages-notices-reminders.md.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, TypeAlias

import msgspec

from cdp.consent.ages import Age, of_age_at, was_below, youngest
from cdp.consent.decision import Reason
from cdp.consent.heard import OPEN, Heard
from cdp.consent.rule import Rule
from cdp.consent.rules import ConsentRules, Stance
from cdp.consent.signals import Actor, Carrier, EvidenceKind, Kind

# The fold runs for every event that decides. Plain values compare faster than members
# of an enumeration, names of the module are found faster than members, and a comparison
# is cheaper than a call of min.
_CHOICE: Final = Kind.CHOICE.value
_GPC: Final = Kind.GPC.value
_RESTRICTION: Final = Kind.RESTRICTION.value
_REMINDER: Final = Kind.REMINDER.value
_CONFLICT_NOTICE: Final = EvidenceKind.CONFLICT_NOTICE.value
_GUARDIAN: Final = Actor.GUARDIAN.value
_R3: Final = Rule.R3
_R18: Final = Rule.R18
_DENIED: Final = Reason.DENIED
_WITHDRAWN: Final = Reason.WITHDRAWN
_STRINGS: Final = frozenset({Carrier.TCF.value, Carrier.GPP.value})


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
    return _is_answered(denial, (grant,))


def lacks(grant: Heard, stance: Stance, born: date | None) -> Reason | None:
    """Return why a grant says nothing where ``stance`` holds; None when it counts.

    Args:
        born: the day by which the person was born; None is an adult.
    """
    if stance.guardians:
        if grant.actor == _GUARDIAN:
            # Whoever speaks for a child shows that they may; also where nobody told
            # us of a child.
            if not grant.is_checked:
                return Reason.GUARDIAN
        elif born is not None:
            for below, zone in stance.guardians:
                if grant.grants_at < of_age_at(born, below, zone):
                    return Reason.GUARDIAN
    if not stance.asks:
        return None
    if grant.notice is None or stance.notices is None:
        return Reason.NOTICE if stance.needs_notice else None
    notice = stance.notices.get(grant.notice)
    if notice is None or grant.grants_at < notice.starts_at:
        return Reason.NOTICE
    if notice.ends_at is not None and grant.grants_at >= notice.ends_at:
        return Reason.NOTICE
    return None


def grant_end(
    grant: Heard, ends: Sequence[Heard], stance: Stance, rules: ConsentRules
) -> int:
    """Return when a grant ends: the shortest age, or a later end of the same source.

    The ages are the policy's, the notice's retention, and the cap on strings (R16).
    """
    end, start, given = OPEN, grant.grants_at, stance
    if grant.jurisdiction not in stance.places:
        given = rules.given_in(stance, grant.jurisdiction) or stance
    for term in given.terms:
        until = term.end(start)
        if until < end:  # noqa: PLR1730 - a call of min costs more than all of it
            end = until
    if ends or grant.carrier in _STRINGS or given.retention:
        end = min(end, _shorter_end(grant, ends, given))
    return end


def _shorter_end(grant: Heard, ends: Iterable[Heard], given: Stance) -> int:
    """Return what few grants have: a retention, the cap of a string, an end."""
    end, start = OPEN, grant.grants_at
    if grant.notice is not None:
        for term in given.retention.get(grant.notice, ()):
            end = min(end, term.end(start))
    if grant.carrier in _STRINGS:
        for term in given.string_terms:
            end = min(end, term.end(start))
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
    stance: Stance,
    rules: ConsentRules,
    at: int,
    ages: Sequence[Age] = (),
) -> Outcome:
    """Fold one handle's signals into its own outcome for one scope.

    Args:
        heard: the handle's signals, in any order.
        stance: what the scope's rules come to where the handle is.
        at: the instant, in microseconds UTC.
        ages: the newest fact about the age of each handle of the profile.
    """
    # Step 1, step 2.
    denials, grants, ends, lack = listen(heard, stance, rules, at, ages)
    # Step 3.
    if denials:
        standing = denials
        if grants:
            standing = [one for one in denials if not _is_answered(one, grants)]
        if standing:
            return _denied(standing, grants, stance)
    # Step 4.
    if not stance.is_known:
        return _UNKNOWN_JURISDICTION
    silence = stance.silence_grants and not (ages and _is_minor(ages, stance))
    if grants:
        if denials:
            opened = _reopened(grants, denials, ends, stance, rules, at)
        else:
            opened = _opened(grants, ends, stance, rules, at, silence)
        if opened is not None:
            return opened
    if silence and not denials:
        return _DEFAULT
    if grants:
        winner = min(grants, key=_best_first)
        return Outcome(own=0, rule=Rule.R16, reason=Reason.EXPIRED, winner=winner)
    if lack is not None:
        return _LACKING[lack]
    if stance.silence_grants and not silence:
        return _CHILD
    return _NOT_EVERYWHERE if stance.differs else _NEVER_ASKED


Said: TypeAlias = tuple[list[Heard], list[Heard], list[Heard], Reason | None]


def listen(
    heard: Iterable[Heard],
    stance: Stance,
    rules: ConsentRules,
    at: int,
    ages: Sequence[Age],
) -> Said:
    """Sort out what counts: denials, grants, ends, and why a grant does not count.

    A lifted restriction does not count.
    """
    bit, places, is_plain = stance.bit, stance.places, stance.is_plain
    # Where a jurisdiction is not known, no grant is heard.
    granting = bit if stance.is_known else 0
    denials: list[Heard] = []
    grants: list[Heard] = []
    ends: list[Heard] = []
    lack: Reason | None = None
    born = youngest(ages) if ages else None
    for signal in heard:
        if signal.denies & bit:
            if signal.starts_at <= at:
                denials.append(signal)
        elif signal.ends & bit:
            if signal.denies_at <= at:
                ends.append(signal)
        elif signal.grants & granting:
            if signal.grants_at > at or signal.kind == _REMINDER:
                continue
            if signal.jurisdiction not in places:
                missing = _missing(signal, stance, rules, born)
            else:
                missing = None if is_plain else lacks(signal, stance, born)
            if missing is None:
                grants.append(signal)
            else:
                lack = _weightier(lack, missing)
        elif signal.unreadable & bit and signal.recorded_at <= at:
            lack = _weightier(lack, Reason.UNREADABLE)
    if denials and ends:
        denials = [one for one in denials if not _is_lifted(one, ends)]
    return denials, grants, ends, lack


def _missing(
    grant: Heard, stance: Stance, rules: ConsentRules, born: date | None
) -> Reason | None:
    """Return what a grant of another jurisdiction lacks, there and here."""
    given = rules.given_in(stance, grant.jurisdiction)
    if given is None:
        return Reason.UNKNOWN_JURISDICTION
    return lacks(grant, given, born)


def _is_minor(ages: Sequence[Age], stance: Stance) -> bool:
    return any(was_below(ages, below, zone) for below, zone in stance.minors)


# Why nothing was said, the most telling first.
_TELLING = (
    Reason.GUARDIAN,
    Reason.NOTICE,
    Reason.UNKNOWN_JURISDICTION,
    Reason.UNREADABLE,
)


def _weightier(one: Reason | None, other: Reason) -> Reason:
    return other if one is None else min(one, other, key=_TELLING.index)


_DEFAULT = Outcome(own=1, rule=Rule.R13)
_NEVER_ASKED = Outcome(own=0, rule=Rule.R1, reason=Reason.NEVER_ASKED)
_NOT_EVERYWHERE = Outcome(own=0, rule=Rule.R19, reason=Reason.NEVER_ASKED)
_CHILD = Outcome(own=0, rule=Rule.R13, reason=Reason.NEVER_ASKED)
_UNKNOWN_JURISDICTION = Outcome(own=0, rule=Rule.R1, reason=Reason.UNKNOWN_JURISDICTION)
_LACKING = {
    Reason.GUARDIAN: Outcome(own=0, rule=Rule.R13, reason=Reason.GUARDIAN),
    Reason.NOTICE: Outcome(own=0, rule=Rule.R17, reason=Reason.NOTICE),
    Reason.UNKNOWN_JURISDICTION: _UNKNOWN_JURISDICTION,
    Reason.UNREADABLE: Outcome(own=0, rule=Rule.R1, reason=Reason.UNREADABLE),
}


def _is_answered(denial: Heard, grants: Iterable[Heard]) -> bool:
    kind, rank, denied_at = denial.kind, denial.rank, denial.denies_at
    if kind == _RESTRICTION:
        return False
    for grant in grants:
        if grant.rank <= rank and grant.grants_at > denied_at:
            if kind == _CHOICE:
                return True
            if grant.rank == 1 and grant.evidence == _CONFLICT_NOTICE:
                return True
    return False


def _is_lifted(denial: Heard, ends: Iterable[Heard]) -> bool:
    return denial.kind == _RESTRICTION and any(
        end.kind == _RESTRICTION and end.denies_at > denial.denies_at for end in ends
    )


def _opened(
    grants: Sequence[Heard],
    ends: Sequence[Heard],
    stance: Stance,
    rules: ConsentRules,
    at: int,
    is_default_next: bool,
) -> Outcome | None:
    """Return what live grants open where nobody denies; None when none is live."""
    until = 0
    winner: Heard | None = None
    for grant in grants:
        end = grant_end(grant, ends, stance, rules)
        if at < end:
            if end > until:  # noqa: PLR1730 - a call of max costs more than all of it
                until = end
            if (
                winner is None
                or grant.rank < winner.rank
                or (
                    grant.rank == winner.rank
                    and _is_better(grant, winner, stance, rules)
                )
            ):
                winner = grant
    if winner is None:
        return None
    return Outcome(
        own=1,
        rule=_R3,
        winner=winner,
        valid_from=winner.grants_at,
        valid_to=OPEN if is_default_next else until,
    )


def _reopened(
    grants: Sequence[Heard],
    denials: Sequence[Heard],
    ends: Sequence[Heard],
    stance: Stance,
    rules: ConsentRules,
    at: int,
) -> Outcome | None:
    """Return what live grants open while each denial is answered by one of them."""
    live = []
    for grant in grants:
        end = grant_end(grant, ends, stance, rules)
        if at < end:
            live.append((grant, end))
    until = min(_answered_until(denial, live) for denial in denials)
    if at >= until:
        return None
    # What answers every denial is named before what merely agrees.
    winner = min(
        (grant for grant, _ in live),
        key=lambda grant: (
            sum(not answers(grant, denial) for denial in denials),
            *_order(grant, stance, rules),
        ),
    )
    is_gpc = any(denial.kind == _GPC for denial in denials)
    return Outcome(
        own=1,
        rule=Rule.R6 if is_gpc else Rule.R3,
        winner=winner,
        valid_from=winner.grants_at,
        valid_to=until,
    )


def _answered_until(denial: Heard, live: Iterable[tuple[Heard, int]]) -> int:
    """Return when the last answer to a denial ends; 0 when it has none."""
    until = 0
    for grant, end in live:
        if end > until and answers(grant, denial):
            until = end
    return until


def _is_better(one: Heard, other: Heard, stance: Stance, rules: ConsentRules) -> bool:
    """Whether ``one``, of the same rank, is named as the winner before ``other``."""
    if one.grants_at != other.grants_at:
        return one.grants_at > other.grants_at
    return _order(one, stance, rules) < _order(other, stance, rules)


def _order(
    grant: Heard, stance: Stance, rules: ConsentRules
) -> tuple[int, int, bool, int]:
    # Of two equals the one that opens less.
    past = rules.covers_past(grant.notice, stance.scope)
    return grant.rank, -grant.grants_at, past, grant.seq


def _denied(
    standing: Sequence[Heard], grants: Sequence[Heard], stance: Stance
) -> Outcome:
    winner = standing[0]
    if len(standing) > 1:
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
    if denial.kind == _RESTRICTION:
        return Reason.RESTRICTED, Rule.RESTRICTION
    if denial.kind == _GPC:
        if grants:
            return Reason.GPC, Rule.R6
        return Reason.GPC, Rule.R5 if stance.is_opt_out else Rule.R7
    if not grants:
        return _DENIED, _R3
    denied_at, recorded_at = denial.denies_at, denial.recorded_at
    is_withdrawn = is_overruled = is_late = False
    for grant in grants:
        if grant.grants_at > denied_at:
            is_overruled = True
        elif grant.grants_at < denied_at:
            is_withdrawn = True
            is_late = is_late or grant.recorded_at > recorded_at
    reason = _WITHDRAWN if is_withdrawn else _DENIED
    if is_overruled:
        return reason, Rule.R2
    return reason, _R18 if is_withdrawn and not is_late else _R3


def _best_first(grant: Heard) -> tuple[int, int, int]:
    return grant.rank, -grant.grants_at, grant.seq


# A restriction is named before a choice, a choice before GPC.
_WEIGHT = {_RESTRICTION: 0, _CHOICE: 1, _GPC: 2}


def _weightiest_first(denial: Heard) -> tuple[int, int, int, int]:
    return (
        _WEIGHT[denial.kind],
        denial.rank,
        -denial.denies_at,
        denial.seq,
    )
