"""What a scope is asked for: the night to the second, confirmations, quiet times."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.consent import (
    Decision,
    Denied,
    Granted,
    Intent,
    Kind,
    NightRule,
    Period,
    Reason,
    Rule,
    decide,
)
from cdp.consent.intent import answer, ask, is_night, send
from cdp.kernel import from_micros, to_micros
from tests.consent.house import (
    ADS,
    HOUR,
    LETTER,
    MAIL,
    NIGHT,
    PUSH,
    at,
    heard,
    micros,
)

SEOUL = ZoneInfo("Asia/Seoul")
LONG = msgspec.structs.replace(
    LETTER,
    scopes=tuple(
        msgspec.structs.replace(scope, max_age={"KR": Period.parse("P20Y")})
        if scope.ordinal in (PUSH, NIGHT, MAIL)
        else scope
        for scope in LETTER.scopes
    ),
)


def hours_of(instant: datetime) -> float:
    return (to_micros(instant) - micros(0)) / HOUR


def decided(
    *said: tuple[str, datetime], scope: int, now: datetime, scopes: tuple[int, ...]
) -> Decision:
    signals = []
    for seq, (what, when) in enumerate(said, start=1):
        signals.append(
            heard(
                "grant" if what == "reminder" else what,
                hours_of(when),
                seq=seq,
                rank=1,
                scopes=scopes,
                notice="v2",
                kind=Kind.REMINDER if what == "reminder" else Kind.CHOICE,
            )
        )
    return decide([1], {1: signals}, {1: ["KR"]}, scope, LONG, to_micros(now))


# K32: NA 50(3), ND 61(2), as read on 2026-09-10.
@pytest.mark.parametrize(
    ("clock", "is_allowed"),
    [
        ("20:59:59", True),
        ("21:00:00", False),
        ("23:59:59", False),
        ("00:00:00", False),
        ("07:59:59", False),
        ("08:00:00", True),
        ("12:00:00", True),
    ],
)
@pytest.mark.parametrize("scope", [PUSH, NIGHT, MAIL])
def test_k32_an_ad_at_night_needs_a_consent_of_its_own(
    clock: str, is_allowed: bool, scope: int
) -> None:
    given_at = datetime(2026, 2, 2, 12, tzinfo=SEOUL)
    now = datetime.fromisoformat(f"2026-02-03T{clock}").replace(tzinfo=SEOUL)

    def day_alone(ordinal: int) -> Decision:
        scopes = (PUSH, MAIL)
        return decided(("grant", given_at), scope=ordinal, now=now, scopes=scopes)

    def both(ordinal: int) -> Decision:
        scopes = (PUSH, MAIL, NIGHT)
        return decided(("grant", given_at), scope=ordinal, now=now, scopes=scopes)

    decision = send(scope, ("KR",), LONG, now.astimezone(UTC), day_alone)
    if is_allowed or scope == MAIL:
        assert isinstance(decision, Granted)
    else:
        assert isinstance(decision, Denied)
        assert (decision.reason, decision.rule) == (Reason.NIGHT, Rule.R14)
    assert isinstance(send(scope, ("KR",), LONG, now, both), Granted)


def test_the_night_is_that_of_the_jurisdiction() -> None:
    """Noon in Brussels is 20:00 in Seoul; an hour later it is night there."""
    brussels = datetime(2026, 2, 2, 12, 59, 59, tzinfo=ZoneInfo("Europe/Brussels"))
    assert not is_night("push", ("EU", "KR"), LONG, brussels)
    assert is_night("push", ("EU", "KR"), LONG, brussels + timedelta(seconds=1))
    assert not is_night("push", ("EU",), LONG, brussels + timedelta(seconds=1))
    assert not is_night("email", ("KR",), LONG, brussels + timedelta(seconds=1))
    assert not is_night("push", ("MARS",), LONG, brussels + timedelta(seconds=1))


def test_a_window_may_lie_within_one_day() -> None:
    noon = NightRule(start=12 * 60, end=13 * 60, channels=frozenset({"push"}))
    korea = msgspec.structs.replace(LONG.jurisdictions["KR"], night=noon)
    rules = msgspec.structs.replace(LONG, jurisdictions={"KR": korea})
    assert is_night("push", ("KR",), rules, datetime(2026, 2, 2, 12, 30, tzinfo=SEOUL))
    assert not is_night("push", ("KR",), rules, datetime(2026, 2, 2, 13, tzinfo=SEOUL))


def test_a_refusal_of_the_day_is_told_as_it_is() -> None:
    now = datetime(2026, 2, 3, 22, tzinfo=SEOUL)
    refused = Denied(reason=Reason.WITHDRAWN, rule=Rule.R18)
    decision = send(PUSH, ("KR",), LONG, now, lambda _: refused)
    assert decision == refused


def test_without_a_scope_of_the_night_nothing_leaves_at_night() -> None:
    now = datetime(2026, 2, 3, 22, tzinfo=SEOUL)
    rules = msgspec.structs.replace(
        LONG, scopes=tuple(one for one in LONG.scopes if one.ordinal != NIGHT)
    )
    opened = Granted(rule=Rule.R3)
    decision = send(PUSH, ("KR",), rules, now, lambda _: opened)
    assert isinstance(decision, Denied)
    assert decision.reason is Reason.NIGHT


@pytest.mark.parametrize("scope", [ADS, 62])
def test_what_has_no_channel_sends_nothing(scope: int) -> None:
    opened = Granted(rule=Rule.R3)
    decision = send(scope, ("KR",), LONG, at(1), lambda _: opened)
    assert isinstance(decision, Denied)
    assert decision.reason is Reason.UNKNOWN_SCOPE


# K34: ND 62-3. The date on which it is overdue, in Seoul.
@pytest.mark.parametrize(
    ("granted", "reminders", "due"),
    [
        (date(2026, 1, 2), [], date(2028, 1, 2)),
        (date(2028, 2, 29), [], date(2030, 2, 28)),
        (date(2026, 2, 28), [], date(2028, 2, 28)),
        (date(2026, 12, 31), [], date(2028, 12, 31)),
        # Counted from the last confirmation, early or late.
        (date(2026, 1, 2), [date(2027, 12, 20)], date(2029, 12, 20)),
        (date(2026, 1, 2), [date(2028, 2, 29)], date(2030, 2, 28)),
        (date(2026, 1, 2), [date(2028, 1, 1), date(2029, 12, 31)], date(2031, 12, 31)),
        # What was told before the consent confirms nothing.
        (date(2026, 1, 20), [date(2026, 1, 19)], date(2028, 1, 20)),
    ],
)
def test_k34_consent_to_ads_is_confirmed_before_the_date_two_years_on(
    granted: date, reminders: list[date], due: date
) -> None:
    def noon(day: date) -> datetime:
        return datetime(day.year, day.month, day.day, 12, tzinfo=SEOUL)

    # The second notice is shown from the middle of January 2026 on.
    start = max(noon(granted), datetime(2026, 1, 1, tzinfo=SEOUL))
    said = [("grant", start), *(("reminder", noon(day)) for day in reminders)]
    midnight = datetime(due.year, due.month, due.day, tzinfo=SEOUL)
    rules = msgspec.structs.replace(
        LONG,
        notices={"v2": msgspec.structs.replace(LONG.notices["v2"], starts_at=0)},
    )
    signals = [
        heard(
            "grant",
            hours_of(when),
            seq=seq,
            rank=1,
            scopes=[PUSH, NIGHT],
            notice="v2",
            kind=Kind.REMINDER if what == "reminder" else Kind.CHOICE,
        )
        for seq, (what, when) in enumerate(said, start=1)
    ]

    def ask_at(ordinal: int, now: datetime) -> Decision:
        found = {1: ["KR"]}
        return decide([1], {1: signals}, found, ordinal, rules, to_micros(now))

    for now, is_sent in (
        (midnight - timedelta(hours=12), True),
        (midnight + timedelta(hours=12), False),
    ):
        day = ask_at(PUSH, now)
        assert isinstance(day, Granted)
        assert day.reconfirm_due == midnight
        decision = answer(
            Intent.SEND, PUSH, ("KR",), rules, now, partial(ask_at, now=now)
        )
        assert isinstance(decision, Granted) == is_sent
        if isinstance(decision, Denied):
            assert (decision.reason, decision.rule) == (Reason.EXPIRED, Rule.R16)


def test_data_may_be_used_while_a_confirmation_is_overdue() -> None:
    """The law is silent on no answer: the consent stays, only sending is blocked."""
    given_at = datetime(2026, 2, 2, 12, tzinfo=SEOUL)
    now = datetime(2029, 1, 1, 12, tzinfo=SEOUL)
    opened = decided(("grant", given_at), scope=PUSH, now=now, scopes=(PUSH,))
    assert isinstance(opened, Granted)
    assert answer(Intent.USE, PUSH, ("KR",), LONG, now, lambda _: opened) is opened
    assert isinstance(
        answer(Intent.SEND, PUSH, ("KR",), LONG, now, lambda _: opened), Denied
    )


def test_a_denial_that_names_no_quiet_time_may_be_asked_about_at_once() -> None:
    refused = Denied(reason=Reason.DENIED, rule=Rule.R3)
    assert isinstance(ask(refused, at(0)), Granted)
    assert refused.no_ask_before is None


@given(st.integers(0, 40_000), st.integers(0, 40_000))
def test_nobody_is_asked_before_the_date_that_the_denial_names(
    denied: int, later: int
) -> None:
    """R8, for any two instants; what may be asked now may be asked ever after."""
    signal = heard("deny", denied, rank=1, jurisdiction="US-CA")
    asked = micros(denied + later)
    decision = decide([1], {1: [signal]}, {1: ["US-CA"]}, ADS, LETTER, asked)
    assert isinstance(decision, Denied)
    quiet = decision.no_ask_before
    assert quiet is not None
    local = quiet.astimezone(ZoneInfo("America/Los_Angeles"))
    refused = at(denied).astimezone(local.tzinfo)
    assert (local.hour, local.minute) == (0, 0)
    assert local.year == refused.year + 1
    answered = ask(decision, from_micros(asked))
    assert isinstance(answered, Granted) == (from_micros(asked) >= quiet)
    assert answered.rule is Rule.R8
