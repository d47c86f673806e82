"""What a scope is asked for: to use data, to send an ad, or to ask the person again.

- **Use** is the decision itself.
- **Send** (R14): an ad leaves only with the consent of the day; in the night window of
  any jurisdiction that has one, for its channels, with the consent of the night too.
  The window is taken in that jurisdiction's own zone. A consent whose reconfirmation is
  overdue sends nothing. A purpose without a channel sends nothing.
- **Ask** (R8): nobody is asked again before ``no_ask_before``.

Pure: everything hangs on the decisions and the instant that are handed in.

Source: rules R8, R14, R16 of the consent design; Network Act 50(1), (3) and decree
61(2), 62-3 (광고성 정보, 야간 광고, 수신동의 확인);
docs/decisions/0064-ages-notices-reminders.md.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from cdp.consent.decision import Decision, Denied, Granted, Reason
from cdp.consent.rule import Rule
from cdp.consent.rules import ConsentRules, NightRule, ScopeRule
from cdp.kernel import to_micros


class Intent(StrEnum):
    """What a question about a scope is for."""

    USE = "use"
    SEND = "send"
    ASK = "ask"


def answer(
    intent: Intent,
    ordinal: int,
    places: tuple[str, ...],
    rules: ConsentRules,
    at: datetime,
    decided: Callable[[int], Decision],
) -> Decision:
    """Return the decision on one scope for what it is asked for.

    Args:
        ordinal: the scope; an unknown one is denied.
        places: where the person is known to be; all must allow.
        decided: gives the decision on a scope by its ordinal.
    """
    match intent:
        case Intent.USE:
            return decided(ordinal)
        case Intent.SEND:
            return send(ordinal, places, rules, at, decided)
        case Intent.ASK:
            return ask(decided(ordinal), at)


def send(
    ordinal: int,
    places: tuple[str, ...],
    rules: ConsentRules,
    at: datetime,
    decided: Callable[[int], Decision],
) -> Decision:
    """Return whether an ad may leave at ``at`` (R14).

    Args:
        ordinal: the scope of the day; that of the night stands for its day's.
        decided: gives the decision on a scope by its ordinal.
    """
    scope = _day_of(ordinal, rules)
    if scope is None or scope.channel is None:
        return Denied(reason=Reason.UNKNOWN_SCOPE, rule=Rule.R14)
    day = _confirmed(decided(scope.ordinal), at)
    if isinstance(day, Denied) or not is_night(scope.channel, places, rules, at):
        return day
    night = _night_of(scope, rules)
    if night is None:
        return Denied(reason=Reason.NIGHT, rule=Rule.R14, winner=day.winner)
    also = _confirmed(decided(night.ordinal), at)
    match also:
        case Granted():
            return also
        case Denied():
            return Denied(
                reason=Reason.NIGHT,
                rule=Rule.R14,
                winner=also.winner,
                conflict=also.conflict,
                quiet=also.quiet,
                case=also.case,
            )


def ask(decision: Decision, at: datetime) -> Decision:
    """Return whether the person may be asked again at ``at`` (R8).

    Returns:
        ``Granted`` where asking is allowed; it opens nothing but the question.
    """
    match decision:
        case Granted():
            return Granted(rule=Rule.R8, winner=decision.winner, opens=decision.opens)
        case Denied():
            if to_micros(at) >= decision.quiet:
                return Granted(rule=Rule.R8, opens=decision.quiet)
            return Denied(
                reason=decision.reason,
                rule=Rule.R8,
                winner=decision.winner,
                conflict=decision.conflict,
                quiet=decision.quiet,
                case=decision.case,
            )


def is_night(
    channel: str, places: tuple[str, ...], rules: ConsentRules, at: datetime
) -> bool:
    """Whether an ad by ``channel`` needs the consent of the night at ``at``."""
    for place in places:
        rule = rules.jurisdictions.get(place)
        if rule is None or rule.night is None or channel not in rule.night.channels:
            continue
        if _is_within(rule.night, at.astimezone(ZoneInfo(rule.zone))):
            return True
    return False


def _is_within(night: NightRule, local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    if night.start <= night.end:
        return night.start <= minute < night.end
    return minute >= night.start or minute < night.end


def _confirmed(decision: Decision, at: datetime) -> Decision:
    """Return the decision, or its denial where its confirmation is overdue."""
    match decision:
        case Granted() if to_micros(at) >= decision.due:
            return Denied(
                reason=Reason.EXPIRED,
                rule=Rule.R16,
                winner=decision.winner,
                case=decision.case,
            )
        case _:
            return decision


def _day_of(ordinal: int, rules: ConsentRules) -> ScopeRule | None:
    scope = rules.by_ordinal.get(ordinal)
    if scope is None or scope.night_of is None:
        return scope
    return rules.by_key.get(scope.night_of)


def _night_of(day: ScopeRule, rules: ConsentRules) -> ScopeRule | None:
    for scope in rules.scopes:
        if scope.night_of == day.purpose and scope.recipient == day.recipient:
            return scope
    return None
