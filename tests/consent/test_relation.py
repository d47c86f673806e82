"""The relation equals the fold, through the real repository, for random histories.

The rules are those of the house to the letter: ages, notices, reconfirmation, dated
strings and reminders. The oracle of these tests reads a diary and shares no code with
the room.
"""

from datetime import date, datetime, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.consent import (
    Actor,
    Carrier,
    Dated,
    Decision,
    EvidenceKind,
    Granted,
    GuardianCheck,
    Kind,
    NewSignal,
    effective,
    standing,
    verify,
)
from cdp.kernel import Handle
from cdp.runtime import Database
from tests.consent.house import (
    ADS,
    ANALYTICS,
    LETTER,
    MAIL,
    PANEL,
    PARTNER,
    PUSH,
    SERVICE,
    at,
    signal,
)
from tests.consent.world import HANDLES, World, undone

ALL = (ADS, ANALYTICS, MAIL, PANEL, SERVICE, PUSH, PARTNER)
ONE = st.sampled_from(HANDLES)
STEP = 240.0
# Each example is a story of its own, told to a database.
EXAMPLES = settings().max_examples // 4


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happens, ``hours`` after the one before; a clock may go back."""

    what: str
    hours: float
    a: int
    b: int
    said: str
    rank: int
    kind: Kind
    scopes: list[int]
    place: str
    late: float
    evidence: EvidenceKind | None
    is_timed: bool
    notice: str | None
    actor: Actor
    is_checked: bool
    carrier: Carrier
    born: date


def moves(*hours: float) -> st.SearchStrategy[Move]:
    return st.builds(
        Move,
        what=st.sampled_from(
            ["say"] * 8
            + ["link", "link", "link", "unlink", "place", "age", "age", "remind"]
        ),
        hours=st.sampled_from(hours),
        a=ONE,
        b=ONE,
        said=st.sampled_from(["grant", "grant", "grant", "deny", "end"]),
        rank=st.sampled_from([1, 1, 2, 4]),
        kind=st.sampled_from([Kind.CHOICE] * 5 + [Kind.GPC, Kind.RESTRICTION]),
        scopes=st.lists(st.sampled_from(ALL), min_size=2, max_size=7),
        place=st.sampled_from(["KR", "KR", "EU", "US-CA", "MARS", "unknown"]),
        late=st.sampled_from([0, 0, 2, STEP]),
        evidence=st.sampled_from([None, EvidenceKind.CONFLICT_NOTICE]),
        is_timed=st.booleans(),
        notice=st.sampled_from(["v2", "v2", "v2", "v1", "v1", "ghost", None]),
        actor=st.sampled_from([Actor.SELF] * 3 + [Actor.GUARDIAN]),
        is_checked=st.booleans(),
        carrier=st.sampled_from([Carrier.SEGMENT, Carrier.SEGMENT, Carrier.TCF]),
        # Around 2026: a child everywhere, between the ages, nobody's child.
        born=st.sampled_from([date(2015, 5, 1), date(2011, 2, 28), date(1990, 1, 1)]),
    )


SCRIPTS = st.lists(moves(1, 1, STEP, -1), min_size=1, max_size=9)
FORWARD = st.lists(moves(1, 1, STEP), min_size=1, max_size=9)


def spoken(world: World, move: Move, hours: float) -> NewSignal:
    own = {move.a, move.b}
    mates = world.diary.mates(move.a)
    reach = mates if move.rank == 1 else mates & own
    is_reminder = move.what == "remind"
    carrier = Carrier.API if move.rank == 1 or is_reminder else move.carrier
    decided = hours - move.late
    day = at(decided).replace(hour=0)
    return signal(
        "grant" if is_reminder else move.said,
        decided,
        own=(move.a, *(own - {move.a})),
        reach=tuple(reach - {move.a}),
        rank=1 if is_reminder else move.rank,
        kind=Kind.REMINDER if is_reminder else move.kind,
        scopes=move.scopes,
        jurisdiction=move.place,
        learnt=hours,
        sent=hours if move.is_timed else None,
        carrier=carrier,
        evidence=move.evidence,
        notice=move.notice,
        actor=move.actor,
        check=GuardianCheck.EMAIL if move.is_checked else None,
        dated=(Dated(day, day + timedelta(days=1)) if carrier is Carrier.TCF else None),
    )


def play(world: World, move: Move, hours: float) -> None:
    world.now = at(hours)
    match move.what:
        case "say" | "remind":
            world.hear(spoken(world, move, hours))
        case "place":
            world.place(move.a, move.place)
        case "age":
            world.age(move.a, move.born)
        case "link":
            world.link(move.a, move.b)
        case _:
            world.unlink(move.a)


def opened(world: World, now: datetime) -> set[tuple[int, int]]:
    """What the relation opens: its rows, and what asks nobody where there is none."""
    handles = [Handle(handle) for handle in HANDLES]
    found = standing(world.connection, handles)
    return {
        (int(handle), scope)
        for handle in handles
        for scope in ALL
        if (
            found[handle][scope].is_open(now)
            if scope in found.get(handle, {})
            else bool(LETTER.unasked >> scope & 1)
        )
    }


def expected(world: World, now: datetime) -> set[tuple[int, int]]:
    return {
        (handle, scope)
        for handle in HANDLES
        for scope in ALL
        if world.is_granted(handle, scope, now)
    }


def start(world: World) -> None:
    """A Korean child, a European and a Californian of fifteen, and a stranger."""
    world.fold(HANDLES)
    for handle, place, born in (
        (1, "KR", date(2015, 5, 1)),
        (2, "EU", date(2011, 2, 28)),
        (3, "US-CA", date(2011, 2, 28)),
    ):
        world.place(handle, place)
        world.age(handle, born)


@settings(max_examples=EXAMPLES)
@given(SCRIPTS)
def test_the_relation_equals_the_fold_at_every_commit(
    database: Database, script: list[Move]
) -> None:
    """Law 6: across merges, unmerges, late arrivals and clocks that jump back."""
    with undone(database) as connection:
        world = World(connection, LETTER)
        start(world)
        hours = latest = 1200.0
        for move in script:
            hours += move.hours
            latest = max(latest, hours)
            play(world, move, hours)
            for later in (0, 1, 480, 9_000, 30_000):
                now = at(latest + later)
                assert opened(world, now) == expected(world, now)
        assert verify(connection, world.profiles(), LETTER, at(latest)) == []


@settings(max_examples=EXAMPLES)
@given(FORWARD)
def test_a_decision_says_what_the_diary_says(
    database: Database, script: list[Move]
) -> None:
    """Its dates too: when to confirm again, and before when not to ask."""
    with undone(database) as connection:
        world = World(connection, LETTER)
        start(world)
        placed: dict[int, int] = {}
        hours = 1200.0
        for move in script:
            hours += move.hours
            world.now = at(hours)
            if move.what in ("say", "remind"):
                [seq] = world.hear(spoken(world, move, hours))
                assert seq is not None
                placed[int(seq)] = len(placed)
            else:
                play(world, move, hours)
        now = at(hours)
        for part in world.diary.profiles:
            handles = [Handle(handle) for handle in sorted(part)]
            for scope in (ADS, PUSH, PARTNER):
                decision = effective(
                    connection, handles, scope, LETTER, valid_at=now, known_at=now
                )
                opened = [world.is_granted(one, scope, now) for one in sorted(part)]
                assert isinstance(decision, Granted) == any(opened)
                if decision.winner is None:
                    continue
                entry = world.diary.entries[placed[decision.winner.seq]]
                handle = int(decision.winner.handle)
                if isinstance(decision, Granted):
                    due = world.diary.due(entry, handle, scope, now)
                    assert decision.reconfirm_due == due
                    past = world.diary.covers_past(entry, scope)
                    assert decision.covers_past == past
                elif decision.reason.is_signal:
                    quiet = world.diary.quiet(entry, handle, scope)
                    assert decision.no_ask_before == quiet


@settings(max_examples=EXAMPLES)
@given(FORWARD)
def test_what_was_answered_then_is_answered_again(
    database: Database, script: list[Move]
) -> None:
    """Laws 7 and 11: an old ``known_at`` gives the decision that was enforced then."""
    with undone(database) as connection:
        world = World(connection, LETTER)
        start(world)
        hours = 1200.0
        answers: list[tuple[datetime, list[Handle], int, Decision, bool]] = []

        def ask(handles: list[Handle], scope: int, now: datetime) -> Decision:
            return effective(
                connection, handles, scope, LETTER, valid_at=now, known_at=now
            )

        for move in script:
            hours += move.hours
            play(world, move, hours)
            now = at(hours)
            rows = opened(world, now)
            handles = world.mates(move.a)
            for scope in (ADS, PANEL):
                granted = [(int(handle), scope) in rows for handle in handles]
                enforced = all(granted) if scope == PANEL else any(granted)
                decision = ask(handles, scope, now)
                answers.append((now, handles, scope, decision, enforced))
        for now, handles, scope, decision, enforced in answers:
            assert isinstance(decision, Granted) == enforced
            assert ask(handles, scope, now) == decision


@settings(max_examples=EXAMPLES)
@given(FORWARD, ONE, ONE)
def test_merge_then_unmerge_is_the_identity(
    database: Database, script: list[Move], a: int, b: int
) -> None:
    """Law 4: bit for bit, with nothing decided in between; and the merge opens none."""
    with undone(database) as connection:
        world = World(connection, LETTER)
        start(world)
        hours = 1200.0
        for move in script:
            hours += move.hours
            play(world, move, hours)
        handles = [Handle(handle) for handle in HANDLES]
        before = standing(connection, handles)
        was_open = opened(world, world.now)
        parts = [set(part) for part in world.diary.profiles]
        world.link(a, b)
        assert opened(world, world.now) <= was_open
        world.regroup(parts)
        assert standing(connection, handles) == before
