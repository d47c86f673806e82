"""The relation equals the fold, through the real repository, for random histories.

The oracle of these tests reads a diary and shares no code with the room.
"""

from datetime import datetime

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.consent import (
    Carrier,
    Decision,
    EvidenceKind,
    Granted,
    Kind,
    NewSignal,
    effective,
    standing,
    verify,
)
from cdp.kernel import Handle
from cdp.runtime import Database
from tests.consent.house import ADS, ANALYTICS, MAIL, PANEL, RULES, SERVICE, at, signal
from tests.consent.world import HANDLES, World, undone

ALL = (ADS, ANALYTICS, MAIL, PANEL, SERVICE)
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
    notice: EvidenceKind | None
    is_timed: bool


def moves(*hours: float) -> st.SearchStrategy[Move]:
    return st.builds(
        Move,
        what=st.sampled_from(["say"] * 5 + ["link", "link", "unlink", "place"]),
        hours=st.sampled_from(hours),
        a=ONE,
        b=ONE,
        said=st.sampled_from(["grant", "deny", "grant", "end"]),
        rank=st.sampled_from([1, 1, 2, 4]),
        kind=st.sampled_from([Kind.CHOICE] * 5 + [Kind.GPC, Kind.RESTRICTION]),
        scopes=st.lists(st.sampled_from(ALL), min_size=1, max_size=3),
        place=st.sampled_from(["KR", "EU", "US-CA", "MARS", "unknown"]),
        late=st.sampled_from([0, 0, 2, STEP]),
        notice=st.sampled_from([None, EvidenceKind.CONFLICT_NOTICE]),
        is_timed=st.booleans(),
    )


SCRIPTS = st.lists(moves(1, 1, STEP, -1), min_size=1, max_size=9)
FORWARD = st.lists(moves(1, 1, STEP), min_size=1, max_size=9)


def spoken(world: World, move: Move, hours: float) -> NewSignal:
    own = {move.a, move.b}
    mates = world.diary.mates(move.a)
    reach = mates if move.rank == 1 else mates & own
    return signal(
        move.said,
        hours - move.late,
        own=(move.a, *(own - {move.a})),
        reach=tuple(reach - {move.a}),
        rank=move.rank,
        kind=move.kind,
        scopes=move.scopes,
        jurisdiction=move.place,
        learnt=hours,
        sent=hours if move.is_timed else None,
        carrier=Carrier.API if move.rank == 1 else Carrier.SEGMENT,
        notice=move.notice,
    )


def play(world: World, move: Move, hours: float) -> None:
    world.now = at(hours)
    match move.what:
        case "say":
            world.hear(spoken(world, move, hours))
        case "place":
            world.place(move.a, move.place)
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
            else bool(RULES.unasked >> scope & 1)
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
    world.fold(HANDLES)


@settings(max_examples=EXAMPLES)
@given(SCRIPTS)
def test_the_relation_equals_the_fold_at_every_commit(
    database: Database, script: list[Move]
) -> None:
    with undone(database) as connection:
        world = World(connection)
        start(world)
        hours = latest = 1000.0
        for move in script:
            hours += move.hours
            latest = max(latest, hours)
            play(world, move, hours)
            for later in (0, 1, 480, 9_000, 30_000):
                now = at(latest + later)
                assert opened(world, now) == expected(world, now)
        assert verify(connection, world.profiles(), RULES, at(latest)) == []


@settings(max_examples=EXAMPLES)
@given(FORWARD)
def test_what_was_answered_then_is_answered_again(
    database: Database, script: list[Move]
) -> None:
    """``known_at`` in the past gives the decision that was enforced then."""
    with undone(database) as connection:
        world = World(connection)
        start(world)
        hours = 1000.0
        answers: list[tuple[datetime, list[Handle], int, Decision, bool]] = []

        def ask(handles: list[Handle], scope: int, now: datetime) -> Decision:
            return effective(
                connection, handles, scope, RULES, valid_at=now, known_at=now
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
    """Bit for bit, when nothing was decided in between; and the merge opens nothing."""
    with undone(database) as connection:
        world = World(connection)
        start(world)
        hours = 1000.0
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
