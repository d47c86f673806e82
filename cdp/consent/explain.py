"""Decide for a profile, and say why: winner, rule, losers with what each lost by (R20).

The same fold decides; this module only names what it saw. Who lost is worked out when
somebody asks, from the same signals.

Pure.

Source: rules R8, R16, R20 of the consent design; docs/decisions/0065-lazy-losers.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from cdp.consent.ages import Age, youngest
from cdp.consent.decision import (
    Cited,
    Decision,
    Denied,
    Granted,
    Loser,
    Lost,
    Reason,
)
from cdp.consent.fold import Outcome, answers, fold, grant_end, lacks, listen
from cdp.consent.heard import OPEN, Heard
from cdp.consent.profile import (
    NO_AGES,
    Part,
    ages_of_profile,
    combine,
    places_by_handle,
)
from cdp.consent.rule import Rule
from cdp.consent.rules import ConsentRules, ScopeRule, SilentPart, Stance
from cdp.consent.signals import Kind

_NOBODY = Denied(reason=Reason.NEVER_ASKED, rule=Rule.R1)
_UNKNOWN_SCOPE = Denied(reason=Reason.UNKNOWN_SCOPE, rule=Rule.R1)
_REMINDER = Kind.REMINDER.value


def decide(
    handles: Sequence[int],
    heard: Mapping[int, Sequence[Heard]],
    known: Mapping[int, Iterable[str]],
    ordinal: int,
    rules: ConsentRules,
    at: int,
    ages: Mapping[int, Age] = NO_AGES,
) -> Decision:
    """Decide one scope for one profile, and say why.

    Args:
        handles: all handles of the profile; none is nobody, and denied.
        heard: each handle's signals.
        known: each handle's own jurisdictions.
        ordinal: the scope; an unknown one is denied.
        at: the instant, in microseconds UTC.
        ages: what is known of each handle's age; missing is an adult.
    """
    scope = rules.by_ordinal.get(ordinal)
    if scope is None:
        return _UNKNOWN_SCOPE
    if len(handles) == 1:
        # Nearly everybody is one handle, and needs no joining.
        handle = handles[0]
        told: tuple[Age, ...] = (ages[handle],) if handle in ages else ()
        said = heard.get(handle, ())
        stance = rules.stance_at(scope, known.get(handle, ()))
        outcome = fold(said, stance, rules, at, told)
        case = _Case(handles, heard, known, scope, rules, at, told, None)
        return _decision(outcome, outcome.valid_to, False, said, stance, case)
    return _together(handles, heard, known, scope, rules, at, ages)


def _together(
    handles: Sequence[int],
    heard: Mapping[int, Sequence[Heard]],
    known: Mapping[int, Iterable[str]],
    scope: ScopeRule,
    rules: ConsentRules,
    at: int,
    ages: Mapping[int, Age],
) -> Decision:
    """Decide for a profile of several handles."""
    told = ages_of_profile(handles, ages)
    places = places_by_handle(handles, known)
    outcomes: dict[int, Outcome] = {}
    stances: dict[int, Stance] = {}
    is_split = False
    for handle in handles:
        stance = stances[handle] = rules.stance(scope, places[handle])
        outcome = fold(heard.get(handle, ()), stance, rules, at, told)
        outcomes[handle] = outcome
        if outcome.reason is None and outcome.winner is not None:
            is_split = True
    parts = combine(outcomes, scope)
    top = _deciding(parts, scope)
    if top is None:
        return _NOBODY
    outcome = top.outcome
    return _decision(
        outcome,
        OPEN if outcome.reason else _until(parts, scope),
        is_split,
        heard.get(top.handle, ()),
        stances[top.handle],
        _Case(handles, heard, known, scope, rules, at, told, parts),
    )


def _decision(
    outcome: Outcome,
    until: int,
    is_split: bool,
    said: Sequence[Heard],
    stance: Stance,
    case: "_Case",
) -> Decision:
    """Make the value; ``said`` and ``stance`` are of the handle that decided."""
    winner, reason = outcome.winner, outcome.reason
    if winner is None:
        if reason is None:
            return Granted(rule=outcome.rule, closes=until, case=case)
        return Denied(reason=reason, rule=outcome.rule, case=case)
    # What is demanded where the person is, and where the winner was given.
    given = stance
    if winner.jurisdiction not in stance.places:
        given = case.rules.given_in(stance, winner.jurisdiction) or stance
    if reason is None:
        return Granted(
            rule=outcome.rule,
            winner=Cited(winner, True),
            opens=outcome.valid_from,
            closes=until,
            due=_due(winner, said, given, case) if given.reconfirm else OPEN,
            covers_past=(
                winner.notice is not None
                and case.rules.covers_past(winner.notice, case.scope)
            ),
            case=case,
        )
    if not reason.is_signal:
        return Denied(
            reason=reason, rule=outcome.rule, winner=Cited(winner, True), case=case
        )
    return Denied(
        reason=reason,
        rule=outcome.rule,
        winner=Cited(winner, False),
        conflict=is_split,
        quiet=_quiet(winner, given) if given.no_ask else 0,
        case=case,
    )


def _due(winner: Heard, said: Iterable[Heard], given: Stance, case: "_Case") -> int:
    """Return before when a grant is confirmed again: counted from the last time."""
    bit, at = given.bit, case.at
    last = winner.grants_at
    for signal in said:
        if (
            signal.kind == _REMINDER
            and signal.grants & bit
            and last < signal.grants_at <= at
        ):
            last = signal.grants_at
    return min(term.end(last) for term in given.reconfirm)


def _quiet(winner: Heard, given: Stance) -> int:
    """Return before when nobody is asked again after a refusal: the longest period."""
    return max(term.end(winner.denies_at) for term in given.no_ask)


def _deciding(parts: Mapping[int, Part], scope: ScopeRule) -> Part | None:
    """Return the part that speaks for the profile."""
    granted: list[Part] = []
    denied: list[Part] = []
    for part in parts.values():
        (granted if part.outcome.reason is None else denied).append(part)
    if granted and not (denied and scope.silent_part is _DENY):
        return granted[0] if len(granted) == 1 else min(granted, key=_best_part)
    if len(denied) == 1:
        return denied[0]
    return min(denied, key=_telling_part, default=None)


_DENY: Final = SilentPart.DENY


def _telling_part(part: Part) -> tuple[int, bool, int]:
    reason = part.outcome.reason
    return -(reason.code if reason else 0), part.own.own >= 0, part.handle


def _best_part(part: Part) -> tuple[bool, int, int, int]:
    winner = part.outcome.winner
    if winner is None:
        return True, 0, 0, part.handle
    return False, winner.rank, -winner.grants_at, part.handle


def _until(parts: Mapping[int, Part], scope: ScopeRule) -> int:
    ends = [part.outcome.valid_to for part in parts.values() if part.outcome.is_granted]
    return min(ends) if scope.silent_part is _DENY else max(ends)


class _Case(msgspec.Struct, frozen=True, gc=False):
    """What a decision was made of; the losers are named from it when asked."""

    handles: Sequence[int]
    heard: Mapping[int, Sequence[Heard]]
    known: Mapping[int, Iterable[str]]
    scope: ScopeRule
    rules: ConsentRules
    at: int
    ages: tuple[Age, ...]
    parts: Mapping[int, Part] | None

    def losers(self) -> tuple[Loser, ...]:
        """Name the signals that did not decide, in ledger order."""
        places = places_by_handle(self.handles, self.known)
        parts = self.parts
        if parts is None:
            outcomes = {
                handle: fold(
                    self.heard.get(handle, ()),
                    self.rules.stance(self.scope, places[handle]),
                    self.rules,
                    self.at,
                    self.ages,
                )
                for handle in self.handles
            }
            parts = combine(outcomes, self.scope)
        top = _deciding(parts, self.scope)
        winner = top.outcome.winner if top else None
        named: dict[int, Loser] = {}
        for part in parts.values():
            hearing = _Hearing(self, part, top, places[part.handle])
            for signal in sorted(hearing.mates, key=lambda one: one.seq):
                if signal.seq in named:
                    continue
                if winner is not None and signal.seq == winner.seq:
                    continue
                why = hearing.why_lost(signal)
                if why is not None:
                    named[signal.seq] = Loser(
                        signal=Cited(signal, _grants(signal, self.scope)), why=why
                    )
        return tuple(named[seq] for seq in sorted(named))

    def __repr__(self) -> str:
        return "_Case()"


def _grants(signal: Heard, scope: ScopeRule) -> bool:
    return not signal.denies & scope.bit and bool(signal.grants & scope.bit)


class _Hearing:
    """One part of a profile, with the reasons why its signals did not decide."""

    def __init__(
        self, case: _Case, part: Part, top: Part | None, places: tuple[str, ...]
    ) -> None:
        self.case = case
        self.part = part
        self.is_open = top is not None and top.outcome.is_granted
        self.stance = case.rules.stance(case.scope, places)
        self.mates = case.heard.get(part.handle, ())
        _, self.grants, self.ends, _ = listen(
            self.mates, self.stance, case.rules, case.at, case.ages
        )

    def why_lost(self, signal: Heard) -> Lost | None:
        """Return why ``signal`` lost; None when it says nothing or is not in force."""
        bit, at = self.case.scope.bit, self.case.at
        if signal.denies & bit:
            return self._why_denial(signal) if signal.starts_at <= at else None
        if signal.grants & bit and not signal.ends & bit:
            if signal.grants_at > at or signal.kind == _REMINDER:
                return None
            return self._why_grant(signal)
        if signal.unreadable & bit and signal.recorded_at <= at:
            return Lost.UNREADABLE
        return None

    def _why_grant(self, grant: Heard) -> Lost:
        case, own = self.case, self.part.own
        given = case.rules.given_in(self.stance, grant.jurisdiction)
        if given is None:
            return Lost.UNKNOWN_JURISDICTION
        missing = lacks(grant, given, youngest(case.ages))
        if missing is not None:
            return Lost.GUARDIAN if missing is Reason.GUARDIAN else Lost.NOTICE
        if own.own >= 0:
            if case.at >= grant_end(grant, (), self.stance, case.rules):
                return Lost.EXPIRED
            if case.at >= grant_end(grant, self.ends, self.stance, case.rules):
                return Lost.ENDED
            if not self.is_open:
                return Lost.OTHER_HANDLE
        return _why_grant_lost(grant, own)

    def _why_denial(self, denial: Heard) -> Lost:
        own = self.part.own
        if own.own >= 0 or any(answers(grant, denial) for grant in self.grants):
            return Lost.ANSWERED
        winner = own.winner
        if winner is None or winner.seq == denial.seq:
            return Lost.OTHER_HANDLE
        if denial.rank > winner.rank:
            return Lost.WORSE_RANK
        return Lost.TIE if denial.denies_at == winner.denies_at else Lost.OLDER


def _why_grant_lost(grant: Heard, own: Outcome) -> Lost:
    winner = own.winner
    if winner is None:
        return Lost.OLDER
    if own.own > 0:
        if grant.rank > winner.rank:
            return Lost.WORSE_RANK
        return Lost.TIE if grant.grants_at == winner.grants_at else Lost.OLDER
    if winner.kind == Kind.RESTRICTION:
        return Lost.RESTRICTED
    if grant.grants_at < winner.denies_at:
        return Lost.OLDER
    if grant.grants_at == winner.denies_at:
        return Lost.TIE
    if winner.kind == Kind.GPC:
        return Lost.NEEDS_CONFLICT_NOTICE
    return Lost.WORSE_RANK
