"""The ledger and its relation, on both databases."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from cdp.consent import (
    Candidate,
    Carrier,
    ConsentRules,
    Dated,
    Denied,
    EvidenceKind,
    Granted,
    GuardianCheck,
    How,
    Intent,
    InvalidSignalError,
    Kind,
    Known,
    Method,
    NoticeRule,
    Proof,
    Reason,
    Refolded,
    Rule,
    Verdicts,
    append,
    carry_denials,
    content_of,
    effective,
    effective_columns,
    history,
    know,
    next_turn,
    orders,
    repeats,
    standing,
    stands,
    verify,
)
from cdp.kernel import Handle
from cdp.runtime import Database
from tests.consent.house import (
    ADS,
    ANALYTICS,
    LETTER,
    PUSH,
    RULES,
    SERVICE,
    at,
    mask,
    seal,
    signal,
)
from tests.consent.world import World, undone

A, B, C = Handle(1), Handle(2), Handle(3)


def test_a_signal_is_kept_as_received_sealed_and_hashed(database: Database) -> None:
    with database.transaction() as connection:
        placed = World(connection).hear(signal("grant", 1, raw=b"abc", learnt=2))
        row = connection.execute(text("SELECT raw, sha256 FROM consent_signal")).one()
        assert bytes(row.raw) == b"cba"
        [view] = history(connection, [A])
    assert view.seq == placed[0]
    assert view.verdicts == Verdicts(grants=mask(ADS))
    assert (view.valid_at, view.recorded_at) == (at(1), at(2))
    assert (view.anchor, view.carrier, view.policy) == (A, Carrier.SEGMENT, "policy-1")
    assert bytes(view.sha256) == bytes(row.sha256)


def test_the_anchor_is_on_its_own_request() -> None:
    with pytest.raises(InvalidSignalError):
        signal("grant", 1, own=(1, 2), anchor=3)


def test_a_stamp_that_repeats_what_stands_is_not_appended(database: Database) -> None:
    with database.transaction() as connection:
        world = World(connection)
        first = world.hear(signal("grant", 1, stamp=True))
        again = world.hear(signal("grant", 2, stamp=True))
        other_source = world.hear(signal("grant", 3, stamp=True, source=2))
        changed = world.hear(signal("deny", 4, stamp=True))
        back = world.hear(signal("grant", 5, stamp=True))
        decision = world.hear(signal("grant", 6))
        assert [s is None for [s] in (first, again, other_source, changed, back)] == [
            False,
            True,
            False,
            False,
            False,
        ]
        assert decision != [None]
        assert len(history(connection, [A])) == 5


def test_of_two_equal_stamps_in_one_batch_one_is_kept(database: Database) -> None:
    with database.transaction() as connection:
        placed = append(
            connection,
            [
                signal("grant", 1, stamp=True),
                signal("grant", 2, stamp=True),
                signal("deny", 3, stamp=True),
                signal("grant", 2.5, learnt=4, stamp=True),
                signal("deny", 4, stamp=True),
            ],
            seal=seal,
        )
        assert [one is None for one in placed] == [False, True, False, False, True]


def test_a_stamp_is_news_for_a_handle_that_never_heard_it(database: Database) -> None:
    with database.transaction() as connection:
        world = World(connection)
        world.hear(signal("deny", 1, stamp=True))
        [placed] = world.hear(signal("deny", 2, own=(1, 2), stamp=True))
        assert placed is not None
        assert standing(connection, [B])[B][ADS].reason is Reason.DENIED


def test_repeats_are_told_in_the_order_of_the_fold(database: Database) -> None:
    yes, no = content_of(Verdicts(grants=1)), content_of(Verdicts(denies=1))

    def said(handle: Handle, content: bytes, hours: float) -> Candidate:
        return Candidate(handle, 1, Carrier.SEGMENT, content, at(hours))

    with database.transaction() as connection:
        World(connection).hear(signal("grant", 5, scopes=[0], stamp=True))
        found = repeats(
            connection,
            [
                said(A, yes, 6),
                said(A, no, 1),
                said(A, yes, 7),
                said(A, no, 8),
                said(A, no, 9),
                said(A, yes, 9),
                said(B, yes, 1),
                said(B, yes, 2),
            ],
        )
        assert found == {0, 2, 4, 7}
        assert repeats(connection, []) == set()
    shown = content_of(Verdicts(grants=1), "notice-1", EvidenceKind.PLAIN)
    assert len({yes, no, shown}) == 3


def test_a_wrong_clock_can_only_shorten_a_grant() -> None:
    def ordered(
        valid: float, sent: float | None, recorded: float, *, own_page: bool = False
    ) -> tuple[float, float]:
        found = orders(
            valid_at=at(valid),
            recorded_at=at(recorded),
            sent_at=None if sent is None else at(sent),
            is_own_page=own_page,
        )
        hour = timedelta(hours=1)
        return (found.grants_at - at(0)) / hour, (found.denies_at - at(0)) / hour

    assert ordered(9, None, 11) == (9, 11)
    assert ordered(15, None, 11) == (11, 11)
    assert ordered(9, 10, 11) == (10, 10)
    assert ordered(15, 16, 11) == (10, 10)
    assert ordered(15, 10, 11) == (11, 11)
    assert ordered(9, 10, 11, own_page=True) == (10, 11)
    far = orders(
        valid_at=at(0).replace(year=9999),
        recorded_at=at(0),
        sent_at=at(0).replace(year=1),
    )
    assert far.grants_at == at(0)
    early = orders(valid_at=at(0).replace(year=1), recorded_at=at(0), sent_at=at(0))
    assert early.denies_at.year == 1970


DAY = Dated(at(0), at(24))


@pytest.mark.parametrize(
    ("dated", "received", "grants_at", "denies_at"),
    [
        # A string that names a day, received on it: our clock saw it.
        (DAY, 0, 0, 0),
        (DAY, 23.9, 23.9, 23.9),
        # Later: a grant takes the start of the day, a denial its end.
        (DAY, 24, 0, 24),
        (DAY, 500, 0, 24),
        # A day to come is never later than the receipt.
        (DAY, -5, -5, -5),
        # One that names an instant gives it twice.
        (Dated(at(7), at(7)), 30, 7, 7),
        (Dated(at(7), at(7)), 5, 5, 5),
        # Before there were strings.
        (Dated(at(0).replace(year=1), at(0).replace(year=1)), 1, None, None),
    ],
)
def test_a_dated_statement_is_ordered_by_its_own_date(
    dated: Dated, received: float, grants_at: float | None, denies_at: float | None
) -> None:
    """Whatever other clocks say."""
    found = orders(valid_at=at(3), recorded_at=at(received), sent_at=at(2), dated=dated)
    if grants_at is None or denies_at is None:
        assert found.grants_at.year == found.denies_at.year == 1970
    else:
        assert (found.grants_at, found.denies_at) == (at(grants_at), at(denies_at))


@given(st.integers(-100, 100), st.integers(1, 60), st.integers(-100, 100), st.data())
def test_a_date_only_ever_shortens_a_grant(
    start: int, length: int, received: int, data: st.DataObject
) -> None:
    """Whenever it was decided in truth: no denial is earlier, no old grant later."""
    dated = Dated(at(start), at(start + length))
    found = orders(valid_at=at(0), recorded_at=at(received), dated=dated)
    assert found.grants_at <= found.denies_at <= at(received)
    decided = at(start + data.draw(st.integers(0, length - 1)))
    if decided <= at(received):
        assert found.denies_at >= decided
    if dated.end <= at(received):
        assert found.grants_at <= decided


def test_what_proves_a_signal_is_kept_with_it(database: Database) -> None:
    proof = Proof(
        form="sign-up, page 2",
        method=Method.TELEPHONE_AND_WEB,
        guardian_check=GuardianCheck.PAYMENT_CARD,
        device=bytes(32),
        ground="PIPA 15(1)4",
    )
    with undone(database) as connection:
        told = msgspec.structs.replace(signal("grant", 1), proof=proof)
        World(connection).hear(told, signal("grant", 2))
        assert [view.proof for view in history(connection, [A])] == [proof, Proof()]


def test_a_reminder_confirms_and_says_nothing(database: Database) -> None:
    page = Carrier.API
    reminder = signal("grant", 9, kind=Kind.REMINDER, scopes=[PUSH], carrier=page)
    with undone(database) as connection:
        world = World(connection, LETTER)
        world.now = at(1_000)
        world.hear(reminder)
        assert standing(connection, [A]) == {}
        grant = signal("grant", 400, scopes=[PUSH], notice="v2", carrier=page)
        later = signal("grant", 900, kind=Kind.REMINDER, scopes=[PUSH])
        # A page that was told a reminder may still be told the choice: it is no repeat.
        world.hear(msgspec.structs.replace(grant, stamp=True), later)
        now = at(1_000)
        decision = effective(connection, [A], PUSH, LETTER, valid_at=now, known_at=now)
        assert isinstance(decision, Granted)
        assert decision.winner is not None
        assert decision.winner.at == at(400)
        # Hour 900 is the morning of 7 February in Seoul.
        assert decision.reconfirm_due == datetime(2028, 2, 6, 15, tzinfo=UTC)
        assert decision.losers == ()
        night = effective(
            connection,
            [A],
            PUSH,
            LETTER,
            valid_at=at(405),
            known_at=now,
            intent=Intent.SEND,
        )
        assert isinstance(night, Granted)
    for said in ("deny", "end", "unreadable"):
        with pytest.raises(InvalidSignalError):
            signal(said, 1, kind=Kind.REMINDER)


def test_folding_again_says_what_each_row_was_and_is(database: Database) -> None:
    with undone(database) as connection:
        world = World(connection)
        append(connection, [signal("grant", 1, own=(1, 2))], seal=seal)
        first = world.fold([1, 2])
        assert first.handles == {A}
        [change] = first.changes
        assert (change.handle, change.scope, change.before) == (A, ADS, None)
        assert change.after is not None
        assert change.after.granted
        append(connection, [signal("deny", 2)], seal=seal)
        [change] = world.fold([1]).changes
        assert change.before is not None
        assert change.after is not None
        assert (change.before.granted, change.after.granted) == (True, False)


def test_an_age_that_is_learnt_changes_what_stands(database: Database) -> None:
    with undone(database) as connection:
        world = World(connection, LETTER)
        world.now = at(500)
        world.hear(signal("grant", 400, notice="v2", learnt=500))
        assert standing(connection, [A])[A][ADS].granted
        world.now = at(510)
        world.age(1, date(2015, 1, 1))
        assert standing(connection, [A])[A][ADS].reason is Reason.GUARDIAN
        then, now = at(505), at(510)
        before, after = (
            effective(connection, [A], ADS, LETTER, valid_at=now, known_at=known)
            for known in (then, now)
        )
        assert isinstance(before, Granted)
        assert isinstance(after, Denied)
        assert verify(connection, world.profiles(), LETTER, now) == []


def test_the_withdrawal_of_a_clock_set_back_is_not_lost(database: Database) -> None:
    with database.transaction() as connection:
        world = World(connection)
        world.now = at(10)
        world.hear(signal("grant", 10, rank=1, carrier=Carrier.API))
        world.now = at(2)
        world.hear(signal("deny", 2, rank=1, carrier=Carrier.API))
        assert standing(connection, [A])[A][ADS].reason is not None
        assert stands(connection, [A], RULES, at(11))[A].granted & mask(ADS) == 0


def test_a_denial_belongs_to_every_handle_and_a_grant_to_its_anchor(
    database: Database,
) -> None:
    with database.transaction() as connection:
        world = World(connection)
        world.hear(signal("grant", 1, own=(1, 2)), signal("deny", 1, own=(3, 4)))
        found = standing(connection, [Handle(h) for h in (1, 2, 3, 4)])
        assert B not in found
        assert {h: rows[ADS].granted for h, rows in found.items()} == {
            1: True,
            3: False,
            4: False,
        }


def test_a_reach_ends_for_good_when_its_handle_leaves(database: Database) -> None:
    with database.transaction() as connection:
        world = World(connection)
        world.link(1, 2)
        world.hear(signal("grant", 1, reach=(2,), rank=1))
        assert standing(connection, [B])[B][ADS].granted
        world.now = at(2)
        world.unlink(2)
        assert B not in standing(connection, [B])
        assert standing(connection, [A])[A][ADS].granted
        world.link(1, 2)
        assert B not in standing(connection, [B])
        [view] = [one for one in history(connection, [B]) if one.handle == B]
        assert view.reach_ended_at == at(2)


def test_masks_say_what_the_rows_say(database: Database) -> None:
    with database.transaction() as connection:
        world = World(connection)
        world.link(1, 2)
        world.place(3, "US-CA")
        world.hear(
            signal("grant", 1, scopes=[ADS, ANALYTICS]),
            signal("deny", 2, own=(2,), scopes=[ADS]),
        )
        world.hear(signal("deny", 3, own=(3,), scopes=[62]))
        found = stands(connection, [A, B, C], RULES, at(5))
        service = mask(4)
        assert found[A].granted == mask(ANALYTICS) | service
        assert found[A].closed == mask(ADS)
        assert found[A].own_granted == mask(ADS, ANALYTICS) | service
        assert found[A].own_denied == 0
        assert found[B].own_denied == found[B].closed == mask(ADS)
        assert found[C].granted == RULES.default_mask(("US-CA",))
        nobody = stands(connection, [Handle(99)], RULES, at(5))[Handle(99)]
        assert (nobody.granted, nobody.closed) == (service, 0)
        assert stands(connection, [], RULES, at(5)) == {}


def test_a_place_that_nobody_listed_closes_even_what_asks_nobody(
    database: Database,
) -> None:
    with database.transaction() as connection:
        world = World(connection)
        world.place(1, "MARS")
        assert standing(connection, [A])[A][SERVICE].reason is (
            Reason.UNKNOWN_JURISDICTION
        )
        assert stands(connection, [A], RULES, at(1))[A].granted == 0


def test_a_scope_is_read_as_columns_with_expiry_applied(database: Database) -> None:
    notice = NoticeRule(
        key="past",
        covers=dict.fromkeys(RULES.jurisdictions, mask(ANALYTICS)),
        covers_past=mask(ANALYTICS),
    )
    rules = msgspec.structs.replace(RULES, notices={"past": notice})
    with database.transaction() as connection:
        world = World(connection, rules)
        world.hear(
            signal("grant", 0, scopes=[ANALYTICS], jurisdiction="EU", notice="past"),
            signal("grant", 0, own=(2,), scopes=[ANALYTICS]),
            signal("deny", 0, own=(3,), scopes=[ANALYTICS]),
        )

        def read(hours: float) -> dict[int, tuple[bool, int, bool, int]]:
            columns = effective_columns(connection, ANALYTICS, at(hours))
            return {
                int(handle): (bool(granted), int(reason), bool(past), int(ordinal))
                for handle, granted, reason, past, ordinal in zip(*columns, strict=True)
            }

        denied = Reason.DENIED.code
        assert read(1) == {
            1: (True, 0, True, 101),
            2: (True, 0, False, 102),
            3: (False, denied, False, 103),
        }
        late = 31 * 24
        assert read(late)[1] == (False, Reason.EXPIRED.code, False, 101)
        assert read(late)[2][0]
        assert read(-1)[2] == (False, Reason.EXPIRED.code, False, 102)
        assert (
            stands(connection, [A], RULES, at(late))[A].granted & mask(ANALYTICS) == 0
        )
        row = standing(connection, [A])[A][ANALYTICS]
        assert row.is_open(at(1))
        assert not row.is_open(at(late))
        assert row.valid_to == next_turn(connection, ANALYTICS, at(1))
        assert next_turn(connection, ANALYTICS, at(-1)) == at(0)
        assert next_turn(connection, ANALYTICS, at(late)) is None
        assert effective_columns(connection, 61, at(0)).handle.size == 0


def test_a_place_is_learnt_once_and_only_adds_up(database: Database) -> None:
    with database.transaction() as connection:

        def learn(*places: tuple[Handle, str]) -> set[Handle]:
            known = [Known(handle, place, How.SOURCE) for handle, place in places]
            return know(connection, known, at(0))

        assert learn((A, "KR"), (B, "unknown"), (C, "EU"), (C, "EU")) == {A, C}
        assert learn((A, "KR"), (C, "US-CA")) == {C}
        assert learn() == set()


def test_refolding_twice_changes_nothing(database: Database) -> None:
    with database.transaction() as connection:
        world = World(connection)
        world.hear(signal("grant", 1))
        assert world.fold([1]) == Refolded(set(), ())
        assert world.fold([]) == Refolded(set(), ())
        assert verify(connection, world.profiles(), RULES, at(2)) == []


def test_a_row_that_no_longer_speaks_is_removed(database: Database) -> None:
    with database.transaction() as connection:
        world = World(connection)
        world.place(3, "US-CA")
        assert C in standing(connection, [C])
        world.rules = ConsentRules(version="0")
        assert world.fold([3]).handles == {C}
        assert standing(connection, [C]) == {}


def test_verification_finds_a_row_that_is_not_the_fold(database: Database) -> None:
    with database.transaction() as connection:
        world = World(connection)
        world.hear(signal("deny", 1))
        connection.execute(
            text("UPDATE consent_effective SET granted = :yes"), {"yes": True}
        )
        drift = verify(connection, world.profiles(), RULES, at(2))[0]
        assert drift.handle == A
        assert drift.stored is not None
        assert drift.folded is not None
        assert drift.stored.granted
        assert not drift.folded.granted


def test_nobody_regains_a_use_by_objecting_to_linking(database: Database) -> None:
    """The denials that stood for the profile go with each part of it."""
    with database.transaction() as connection:
        world = World(connection)
        world.link(1, 2)
        world.link(2, 3)
        world.now = at(5)
        world.hear(
            signal("deny", 1, own=(1,), rank=1),
            signal("grant", 2, own=(2,)),
            signal("deny", 3, own=(3,), rank=2, kind=Kind.GPC),
        )
        world.now = at(6)
        placed = carry_denials(
            connection,
            [world.mates(1), [Handle(4)]],
            RULES,
            recorded_at=world.now,
            seal=seal,
        )
        assert len(placed) == 2
        world.regroup([{1}, {2}, {3}, {4}])
        found = standing(connection, [A, B, C])
        assert not any(found[handle][ADS].granted for handle in (A, B, C))
        assert found[B][ADS].reason is Reason.WITHDRAWN
        assert (
            carry_denials(connection, [], RULES, recorded_at=world.now, seal=seal) == []
        )


def test_the_past_is_answered_as_it_was_known_then(database: Database) -> None:
    with database.transaction() as connection:
        world = World(connection)
        world.now = at(2)
        world.hear(signal("grant", 1, learnt=2, rank=1))
        world.now = at(10)
        world.hear(signal("deny", 5, learnt=10, sent=10, rank=1))

        def asked(valid: float, known: float) -> object:
            decision = effective(
                connection, [A], ADS, RULES, valid_at=at(valid), known_at=at(known)
            )
            return decision.reason if isinstance(decision, Denied) else None

        # At 9 nobody knew of the denial of 5; at 10 it was known that it stood from 5
        # on.
        assert asked(9, 9) is None
        assert asked(9, 10) is Reason.WITHDRAWN
        assert asked(4, 10) is None
        assert asked(1.5, 1.5) is Reason.NEVER_ASKED
        unknown = effective(connection, [A], 61, RULES, valid_at=at(9), known_at=at(9))
        assert unknown == Denied(reason=Reason.UNKNOWN_SCOPE, rule=Rule.R1)


def test_history_can_be_asked_for_one_scope(database: Database) -> None:
    with database.transaction() as connection:
        world = World(connection)
        world.hear(
            signal("grant", 1, own=(1, 2), scopes=[ADS]),
            signal("deny", 2, scopes=[ANALYTICS], evidence=EvidenceKind.PLAIN),
        )
        assert [view.handle for view in history(connection, [A, B])] == [A, B, A]
        assert [v.evidence for v in history(connection, [A], ANALYTICS)] == [
            EvidenceKind.PLAIN
        ]


def test_thousands_of_handles_are_asked_about_at_once(database: Database) -> None:
    with undone(database) as connection:
        handles = [Handle((1 << 62) + n) for n in range(40_000)]
        assert standing(connection, handles) == {}
        assert len(stands(connection, handles, RULES, at(0))) == 40_000
        candidates = [
            Candidate(handle, 1, Carrier.GPC, b"x", at(0)) for handle in handles
        ]
        assert repeats(connection, candidates) == set()


def test_a_rank_1_decision_reopens_the_whole_person(database: Database) -> None:
    with database.transaction() as connection:
        world = World(connection)
        world.link(1, 2)
        world.hear(signal("deny", 1, own=(2,)), signal("grant", 2, own=(1,)))
        assert not standing(connection, [A])[A][ADS].granted
        world.now = at(0) + timedelta(days=1)
        world.hear(signal("grant", 24, own=(1,), reach=(2,), rank=1))
        decision = effective(
            connection, world.mates(1), ADS, RULES, valid_at=at(25), known_at=at(25)
        )
        assert isinstance(decision, Granted)
        assert standing(connection, [B])[B][ADS].granted
