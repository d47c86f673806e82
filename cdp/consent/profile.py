"""A profile: what its handles come to together, and the rows that say so.

- Any handle denied by a signal denies every handle (R5, R12); otherwise each keeps its
  own outcome, a silent one its default. So a merge can close a scope, never open one,
  and an unmerge gives each part back what it had.
- A purpose with ``silent_part: deny`` is denied by one handle that holds nothing.
- The profile as a whole is granted when a handle holds a grant and none a denial.
- Several jurisdictions of one person: all must allow (R19). Of several facts about the
  person's age the youngest counts (R13).
- No row means denied: a silent handle of a silent profile has none. Only for a purpose
  that asks nobody (``ConsentRules.unasked``) does no row mean the policy's default.

Pure.

Source: sections 3 and 5 of the consent design; docs/decisions/0060-consent-fold.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from cdp.consent.ages import Age
from cdp.consent.decision import Reason, strongest
from cdp.consent.fold import Outcome, fold
from cdp.consent.heard import OPEN, Heard
from cdp.consent.rule import Rule
from cdp.consent.rules import ConsentRules, ScopeRule, SilentPart, places_of
from cdp.consent.signals import Kind, Rank


class EffectiveRow(msgspec.Struct, frozen=True, gc=False):
    """One (handle, scope) of the effective relation; instants in microseconds UTC.

    ``reason`` is 0 when granted. ``valid_to`` is ``OPEN`` when open-ended.
    """

    handle: int
    scope: int
    granted: bool
    own: int
    reason: int
    rule: int
    valid_from: int
    valid_to: int
    covers_past: bool
    signal: int | None
    notice: str | None


NO_AGES: Final[Mapping[int, Age]] = MappingProxyType({})


class Part(msgspec.Struct, frozen=True, gc=False):
    """What one handle comes to inside its profile."""

    handle: int
    own: Outcome
    outcome: Outcome


def combine(outcomes: Mapping[int, Outcome], scope: ScopeRule) -> dict[int, Part]:
    """Join the outcomes of a profile's handles; each handle's part by handle."""
    top: Outcome | None = None
    for outcome in outcomes.values():
        if outcome.own < 0 and (top is None or _strength(outcome) > _strength(top)):
            top = outcome
    joined: Mapping[int, Outcome] = outcomes
    if top is None and scope.silent_part is _DENY:
        joined = _all_or_none(outcomes)
    parts: dict[int, Part] = {}
    for handle, own in outcomes.items():
        outcome = joined[handle]
        if top is not None and own.own >= 0:
            outcome = _denied_by(top, own)
        parts[handle] = Part(handle, own, outcome)
    return parts


_DENY: Final = SilentPart.DENY


def _denied_by(top: Outcome, own: Outcome) -> Outcome:
    match top.reason:
        case Reason.RESTRICTED:
            reason, rule = Reason.RESTRICTED, Rule.RESTRICTION
        case Reason.GPC:
            reason, rule = Reason.GPC, Rule.R5
        case _:
            # A part that said yes is in conflict; a silent one only follows.
            reason = Reason.CONFLICT if own.is_explicit else _reason(top)
            rule = Rule.R12
    return Outcome(
        own=own.own,
        rule=rule,
        reason=reason,
        winner=top.winner,
        valid_from=top.valid_from,
    )


def _reason(outcome: Outcome) -> Reason:
    return outcome.reason or Reason.DENIED


def _strength(outcome: Outcome) -> tuple[int, int]:
    return _reason(outcome).code, -(outcome.winner.seq if outcome.winner else 0)


def _all_or_none(outcomes: Mapping[int, Outcome]) -> dict[int, Outcome]:
    silent = strongest(
        outcome.reason for outcome in outcomes.values() if outcome.reason is not None
    )
    if any(not outcome.is_granted for outcome in outcomes.values()):
        return {
            handle: Outcome(own=own.own, rule=Rule.SILENT_PART, reason=silent)
            if own.is_granted
            else own
            for handle, own in outcomes.items()
        }
    until = min((outcome.valid_to for outcome in outcomes.values()), default=OPEN)
    return {
        handle: msgspec.structs.replace(own, valid_to=until)
        for handle, own in outcomes.items()
    }


def outcomes_of(
    handles: Sequence[int],
    heard: Mapping[int, Sequence[Heard]],
    known: Mapping[int, Iterable[str]],
    scope: ScopeRule,
    rules: ConsentRules,
    at: int,
    ages: Mapping[int, Age] = NO_AGES,
) -> dict[int, Outcome]:
    """Fold every handle of one profile for one scope.

    Args:
        heard: each handle's signals; a handle without any may be missing.
        known: each handle's own jurisdictions; missing is unknown.
        at: the instant, in microseconds UTC.
        ages: what is known of each handle's age; missing is an adult.
    """
    places = places_by_handle(handles, known)
    told = ages_of_profile(handles, ages)
    return {
        handle: fold(
            heard.get(handle, ()),
            rules.stance(scope, places[handle]),
            rules,
            at,
            told,
        )
        for handle in handles
    }


def ages_of_profile(handles: Sequence[int], ages: Mapping[int, Age]) -> tuple[Age, ...]:
    """Return the facts about the age of one person."""
    if ages.keys().isdisjoint(handles):
        return ()
    return tuple(ages[handle] for handle in handles if handle in ages)


def places_of_profile(
    handles: Sequence[int], known: Mapping[int, Iterable[str]]
) -> tuple[str, ...]:
    """Return where the person is known to be; ``unknown`` when nowhere."""
    return places_of(place for handle in handles for place in known.get(handle, ()))


def places_by_handle(
    handles: Sequence[int], known: Mapping[int, Iterable[str]]
) -> dict[int, tuple[str, ...]]:
    """Return the jurisdictions that count for each handle of a profile (R19)."""
    own = known.get(handles[0], ()) if handles else ()
    mates: set[str] = set()
    is_shared = True
    for handle in handles:
        there = known.get(handle, ())
        if there != own:
            is_shared = False
        mates.update(there)
    if is_shared:
        return dict.fromkeys(handles, places_of(own))
    return {handle: places_of(known.get(handle, ()), mates) for handle in handles}


def rows_of(
    handles: Sequence[int],
    heard: Mapping[int, Sequence[Heard]],
    known: Mapping[int, Iterable[str]],
    rules: ConsentRules,
    at: int,
    ages: Mapping[int, Age] = NO_AGES,
) -> list[EffectiveRow]:
    """Return the rows of one profile, over all scopes."""
    places = places_by_handle(handles, known)
    told = ages_of_profile(handles, ages)
    spoken = 0
    for handle in handles:
        for signal in heard.get(handle, ()):
            spoken |= signal.grants | signal.denies | signal.ends | signal.unreadable
    # Rows are needed too where silence comes to something else than no row says.
    for handle in handles:
        spoken |= rules.default_mask(places[handle]) ^ rules.unasked
    rows: list[EffectiveRow] = []
    for scope in rules.scopes:
        if not spoken & scope.bit:
            continue
        outcomes = {
            handle: fold(
                heard.get(handle, ()),
                rules.stance(scope, places[handle]),
                rules,
                at,
                told,
            )
            for handle in handles
        }
        is_unasked = bool(scope.bit & rules.unasked)
        rows.extend(
            _row(part, scope, rules)
            for part in combine(outcomes, scope).values()
            if not _is_said_by_no_row(part, is_unasked)
        )
    return rows


def standing_denials(
    handles: Sequence[int],
    heard: Mapping[int, Sequence[Heard]],
    known: Mapping[int, Iterable[str]],
    rules: ConsentRules,
    at: int,
    ages: Mapping[int, Age] = NO_AGES,
) -> list[tuple[Rank, Kind, int]]:
    """Return what denials stand for a profile: rank, kind, and the scopes as a mask."""
    found: dict[tuple[int, int], int] = {}
    for scope in rules.scopes:
        outcomes = outcomes_of(handles, heard, known, scope, rules, at, ages)
        for outcome in outcomes.values():
            if outcome.own < 0 and outcome.winner is not None:
                key = (outcome.winner.rank, outcome.winner.kind)
                found[key] = found.get(key, 0) | scope.bit
    return [(Rank(rank), Kind(kind), found[rank, kind]) for rank, kind in sorted(found)]


_PLAIN_SILENCE = (Reason.NEVER_ASKED, Reason.UNKNOWN_JURISDICTION)


def _is_said_by_no_row(part: Part, is_unasked: bool) -> bool:
    """Whether a missing row says the same: denied, or granted where nobody is asked."""
    outcome = part.outcome
    if is_unasked:
        return outcome.is_granted and outcome.winner is None
    return part.own.own == 0 and outcome.reason in _PLAIN_SILENCE


def _row(part: Part, scope: ScopeRule, rules: ConsentRules) -> EffectiveRow:
    outcome = part.outcome
    winner = outcome.winner
    return EffectiveRow(
        handle=part.handle,
        scope=scope.ordinal,
        granted=outcome.is_granted,
        own=part.own.own,
        reason=outcome.reason.code if outcome.reason else 0,
        rule=outcome.rule.code,
        valid_from=outcome.valid_from,
        valid_to=outcome.valid_to,
        covers_past=(
            outcome.is_granted
            and winner is not None
            and rules.covers_past(winner.notice, scope)
        ),
        signal=winner.seq if winner else None,
        notice=winner.notice if winner else None,
    )
