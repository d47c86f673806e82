"""Say a decision in full: winner, rule, losers with the reason each lost (R20).

The same fold decides; this module only names what it saw. Slower than the fold, and
meant for one person at a time.

Pure.
"""

from collections.abc import Iterable, Mapping, Sequence

from cdp.consent.decision import (
    Cited,
    Decision,
    Denied,
    Granted,
    Loser,
    Lost,
    Reason,
    Rule,
    strongest,
)
from cdp.consent.fold import OPEN, Heard, Outcome, answers, grant_end
from cdp.consent.profile import Part, combine, outcomes_of, places_by_handle
from cdp.consent.rules import ConsentRules, ScopeRule, SilentPart
from cdp.consent.signals import Carrier, EvidenceKind, Kind, Rank
from cdp.kernel import Handle, Seq, from_micros


def decide(
    handles: Sequence[int],
    heard: Mapping[int, Sequence[Heard]],
    known: Mapping[int, Iterable[str]],
    ordinal: int,
    rules: ConsentRules,
    at: int,
) -> Decision:
    """Decide one scope for one profile, and say why.

    Args:
        handles: all handles of the profile; none is nobody, and denied.
        heard: each handle's signals.
        known: each handle's own jurisdictions.
        ordinal: the scope; an unknown one is denied.
        at: the instant, in microseconds UTC.
    """
    scope = rules.by_ordinal.get(ordinal)
    if scope is None:
        return Denied(reason=Reason.UNKNOWN_SCOPE, rule=Rule.R1)
    parts = combine(outcomes_of(handles, heard, known, scope, rules, at), scope)
    top = _deciding(parts, scope)
    if top is None:
        return Denied(reason=Reason.NEVER_ASKED, rule=Rule.R1)
    losers = _losers(parts, top, heard, known, scope, rules, at)
    outcome, winner = top.outcome, _cited_or_none(top.outcome.winner, scope)
    if outcome.reason is None:
        until = _until(parts, scope)
        return Granted(
            rule=outcome.rule,
            winner=winner,
            losers=losers,
            notice=winner.notice if winner else None,
            valid_from=from_micros(outcome.valid_from),
            valid_to=None if until == OPEN else from_micros(until),
            covers_past=outcome.winner is not None and outcome.winner.covers_past,
        )
    return Denied(
        reason=outcome.reason,
        rule=outcome.rule,
        winner=winner,
        losers=losers,
        notice=winner.notice if winner else None,
        conflict=outcome.reason.is_signal
        and any(part.own.is_explicit for part in parts.values()),
    )


def _deciding(parts: Mapping[int, Part], scope: ScopeRule) -> Part | None:
    """Return the part that speaks for the profile."""
    granted = [part for part in parts.values() if part.outcome.is_granted]
    if granted and not (
        scope.silent_part is SilentPart.DENY and len(granted) < len(parts)
    ):
        return min(granted, key=_best_part)
    reasons = [
        part.outcome.reason
        for part in parts.values()
        if part.outcome.reason is not None
    ]
    top = strongest(reasons)
    return min(
        (part for part in parts.values() if part.outcome.reason is top),
        key=lambda part: (part.own.own >= 0, part.handle),
        default=None,
    )


def _best_part(part: Part) -> tuple[bool, int, int, int]:
    winner = part.outcome.winner
    if winner is None:
        return True, 0, 0, part.handle
    return False, winner.rank, -winner.grants_at, part.handle


def _until(parts: Mapping[int, Part], scope: ScopeRule) -> int:
    ends = [part.outcome.valid_to for part in parts.values() if part.outcome.is_granted]
    return min(ends) if scope.silent_part is SilentPart.DENY else max(ends)


def _losers(
    parts: Mapping[int, Part],
    top: Part,
    heard: Mapping[int, Sequence[Heard]],
    known: Mapping[int, Iterable[str]],
    scope: ScopeRule,
    rules: ConsentRules,
    at: int,
) -> tuple[Loser, ...]:
    places = places_by_handle(list(parts), known)
    winner = top.outcome.winner
    named: dict[int, Loser] = {}
    for part in parts.values():
        for signal in sorted(heard.get(part.handle, ()), key=lambda one: one.seq):
            if signal.seq in named or (winner is not None and signal.seq == winner.seq):
                continue
            why = _why_lost(
                signal, part, top, heard, places[part.handle], scope, rules, at
            )
            if why is not None:
                named[signal.seq] = Loser(signal=_cited(signal, scope), why=why)
    return tuple(named[seq] for seq in sorted(named))


def _why_lost(
    signal: Heard,
    part: Part,
    top: Part,
    heard: Mapping[int, Sequence[Heard]],
    places: tuple[str, ...],
    scope: ScopeRule,
    rules: ConsentRules,
    at: int,
) -> Lost | None:
    """Return why ``signal`` lost; None when it says nothing or is not in force."""
    bit = scope.bit
    mates = heard.get(part.handle, ())
    if signal.denies & bit:
        if signal.starts_at > at:
            return None
        return _why_denial_lost(signal, part.own, mates, bit)
    if signal.grants & bit and not signal.ends & bit:
        if signal.grants_at > at:
            return None
        if not rules.stance(scope, (signal.jurisdiction,)).is_known:
            return Lost.UNKNOWN_JURISDICTION
        ends = [one for one in mates if one.ends & bit and one.denies_at <= at]
        if part.own.own >= 0:
            stance = rules.stance(scope, places)
            if at >= grant_end(signal, (), scope, stance, rules):
                return Lost.EXPIRED
            if at >= grant_end(signal, ends, scope, stance, rules):
                return Lost.ENDED
            if not top.outcome.is_granted:
                return Lost.OTHER_HANDLE
        return _why_grant_lost(signal, part.own)
    if signal.unreadable & bit and signal.recorded_at <= at:
        return Lost.UNREADABLE
    return None


def _why_denial_lost(
    denial: Heard, own: Outcome, mates: Iterable[Heard], bit: int
) -> Lost:
    if own.own >= 0 or any(one.grants & bit and answers(one, denial) for one in mates):
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


def _cited_or_none(signal: Heard | None, scope: ScopeRule) -> Cited | None:
    return None if signal is None else _cited(signal, scope)


def _cited(signal: Heard, scope: ScopeRule) -> Cited:
    grants = not signal.denies & scope.bit and bool(signal.grants & scope.bit)
    return Cited(
        seq=Seq(signal.seq),
        handle=Handle(signal.handle),
        grants=grants,
        rank=Rank(signal.rank),
        kind=Kind(signal.kind),
        source=signal.source,
        carrier=Carrier(signal.carrier),
        at=from_micros(signal.grants_at if grants else signal.denies_at),
        recorded_at=from_micros(signal.recorded_at),
        notice=signal.notice,
        evidence=None if signal.evidence is None else EvidenceKind(signal.evidence),
    )
