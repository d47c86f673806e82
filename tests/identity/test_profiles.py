"""Profiles in the store follow the evidence step by step, and equal the whole result.

Source: the design page "Identity", section 11, laws 1 to 3.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import SQLModel

from cdp.identity import (
    Changed,
    IdentityRules,
    Observation,
    Profiles,
    Trust,
    UnknownHandleError,
    block,
    last_change,
    members,
    observe,
    rebuild,
    verify,
)
from cdp.kernel import Handle, ProfileId
from cdp.runtime import Connection, Database
from tests.identity.graphs import NAMES, RULES, tight
from tests.identity.world import World, instant, parts

# Each example is a history against a real store: fewer of them, and longer ones.
HISTORIES = settings(max_examples=settings().max_examples // 4)

Step = Callable[[World], object]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    """An SQLite store; examples roll back, so each starts from nothing."""
    database = Database(f"sqlite+pysqlite:///{tmp_path}/store.db")
    SQLModel.metadata.create_all(database.engine)
    yield database
    database.close()


def in_a_new_world(
    database: Database, rules: IdentityRules, script: Callable[[World], None]
) -> None:
    with database.transaction() as connection:
        point = connection.begin_nested()
        script(World(connection, rules))
        point.rollback()


def is_known(world: World, *names: str) -> bool:
    return all(name in world.handles for name in names)


times = st.integers(0, 60)
names = st.sampled_from(NAMES)
events = st.builds(
    lambda t, some, trust, source: (
        lambda world: world.event(t, *some, trust=trust, source=source)
    ),
    times,
    st.lists(names, min_size=1, max_size=3, unique=True),
    st.sampled_from(Trust),
    st.integers(1, 2),
)
aliases = st.builds(
    lambda t, pair, trust: lambda world: world.alias(t, *pair, trust=trust),
    times,
    st.permutations(["u1", "u2", "u3"]).map(lambda some: some[:2]),
    st.sampled_from([Trust.VERIFIED, Trust.VERIFIED, Trust.CLAIMED]),
)
denials = st.builds(
    lambda name: lambda world: is_known(world, name) and world.deny_linking(name),
    names,
)
pairs = st.lists(names, min_size=2, max_size=2, unique=True)
unlinks = st.builds(
    lambda pair: lambda world: is_known(world, *pair) and world.unlink(*pair),
    pairs,
)
lifts = st.builds(
    lambda pair: lambda world: is_known(world, *pair) and world.lift(*pair),
    pairs,
)
blocks = st.builds(
    lambda name: (
        lambda world: (
            is_known(world, name)
            and block(
                world.connection,
                [world.handles[name]],
                world.rules,
                world.draw(),
                now=world.clock,
            )
        )
    ),
    names,
)
steps = st.one_of(
    events, events, events, events, aliases, aliases, denials, unlinks, lifts, blocks
)


@given(rules=st.sampled_from(RULES), history=st.lists(steps, min_size=3, max_size=30))
def test_after_every_step_the_store_holds_the_batch_result(
    store: Database, rules: IdentityRules, history: list[Step]
) -> None:
    def script(world: World) -> None:
        for step in history:
            step(world)
            assert verify(world.connection, rules).is_clean

    in_a_new_world(store, rules, script)


@HISTORIES
@given(
    rules=st.sampled_from(RULES),
    script=st.lists(
        st.tuples(times, st.lists(names, min_size=1, max_size=3, unique=True)),
        max_size=8,
    ),
    data=st.data(),
)
def test_any_order_of_arrival_gives_the_same_profiles(
    store: Database,
    rules: IdentityRules,
    script: list[tuple[int, list[str]]],
    data: st.DataObject,
) -> None:
    # Events of one minute could tie; the page orders ties by handle, which is random.
    timed = [(61 * i + t, some) for i, (t, some) in enumerate(script)]
    shuffled = data.draw(st.permutations(timed))
    results = []

    def play(order: list[tuple[int, list[str]]]) -> Callable[[World], None]:
        def script(world: World) -> None:
            for t, some in order:
                world.event(t, *some, key=b"%d" % t)
            found = world.profiles()
            # Two of a kind first seen on one event tie as well: compare the members.
            results.append((sorted(map(sorted, found.values())), world.cuts()))

        return script

    in_a_new_world(store, rules, play(timed))
    in_a_new_world(store, rules, play(list(shuffled)))
    assert results[0] == results[1]


@HISTORIES
@given(
    rules=st.sampled_from(RULES),
    history=st.lists(steps, max_size=8),
    new=st.lists(
        st.tuples(st.lists(names, min_size=1, max_size=2, unique=True), st.booleans()),
        min_size=1,
        max_size=3,
    ),
)
def test_adding_and_then_ending_restores_what_was_there(
    store: Database,
    rules: IdentityRules,
    history: list[Step],
    new: list[tuple[list[str], bool]],
) -> None:
    def script(world: World) -> None:
        # All thirteen are there from the start, so that adding makes nobody older.
        for name in NAMES:
            world.event(0, name)
        for step in history:
            step(world)
        stood = (world.profiles(), world.refusals(), world.cuts())
        for some, is_alias in new:
            if is_alias:
                world.alias(70, some[0] if some[0][0] == "u" else "u1", "u9")
            else:
                # One by one: on one event a stronger name would be the anchor.
                for name in some:
                    world.event(70, "u9", name)
        world.deny_linking("u9")
        found = world.profiles()
        assert found.pop("u9") == {"u9"}
        assert (found, world.refusals(), world.cuts()) == stood

    in_a_new_world(store, rules, script)


@HISTORIES
@given(rules=st.sampled_from(RULES), history=st.lists(steps, max_size=8), pair=pairs)
def test_unlinking_and_lifting_restores_what_was_there(
    store: Database, rules: IdentityRules, history: list[Step], pair: list[str]
) -> None:
    def script(world: World) -> None:
        for step in history:
            step(world)
        if not is_known(world, *pair):
            return
        world.lift(*pair)
        stood = (world.profiles(), world.refusals(), world.cuts())
        parted = world.unlink(*pair)
        lifted = world.lift(*pair)
        assert (world.profiles(), world.refusals(), world.cuts()) == stood
        assert (parted.before, parted.after) == (lifted.after, lifted.before)

    in_a_new_world(store, rules, script)


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with database.transaction() as connection:
        yield World(connection, IdentityRules())


def test_repeats_cost_one_question_and_write_nothing(world: World) -> None:
    world.event(1, "u1", "c1")
    again = world.event(2, "u1", "c1")
    assert (again.appended, again.repeated) == (0, 1)
    assert again.handles == set()
    statements = counted(world.connection, lambda: world.event(3, "u1", "c1"))
    reads = [text for text in statements if "evidence" in text]
    assert len(reads) == 1


def counted(connection: Connection, work: Callable[[], object]) -> list[str]:
    from sqlalchemy import event  # noqa: PLC0415 - this test listens to the engine

    texts: list[str] = []

    def note(_c: object, _cursor: object, text: str, *_rest: object) -> None:
        texts.append(text)

    event.listen(connection, "before_cursor_execute", note)
    work()
    event.remove(connection, "before_cursor_execute", note)
    return texts


def test_the_number_of_queries_does_not_grow_with_the_batch(world: World) -> None:
    def batch(start: int, size: int) -> list[str]:
        seq = world.draw()
        some = [f"{kind}{i}" for i in range(start, start + size) for kind in "uc"]
        world.meet(1, some, seq)
        observations = [
            Observation(
                anchor=world.handles[f"u{i}"],
                other=world.handles[f"c{i}"],
                source=1,
                trust=Trust.CLAIMED,
                event_key=b"%d" % i,
                ordinal=0,
                observed_at=instant(1),
                basis="consent",
            )
            for i in range(start, start + size)
        ]
        return counted(
            world.connection,
            lambda: observe(
                world.connection, observations, world.rules, seq, now=world.clock
            ),
        )

    assert len(batch(100, 500)) <= len(batch(10, 2)) <= 12
    assert verify(world.connection, world.rules).is_clean


def test_a_hub_that_is_cut_is_not_read_again(world: World) -> None:
    world.rules = tight()
    for i in range(1, 8):
        world.event(i, "e1", f"c{i}")
    assert world.cuts() == {"e1": "over"}
    seen: list[object] = []
    statements = counted(
        world.connection, lambda: seen.append(world.event(9, "e1", "c9"))
    )
    assert world.profiles()["c9"] == {"c9"}
    assert verify(world.connection, world.rules).is_clean
    assert len(statements) < 25


def test_an_event_that_arrives_late_can_name_the_profile(world: World) -> None:
    world.event(5, "e1", "c1")
    world.event(6, "e2", "c1")
    assert world.profiles() == parts("e1: c1 e2")
    changed = world.event(1, "e2")
    assert world.profiles() == parts("e2: c1 e1")
    assert changed.appended == 0
    assert verify(world.connection, world.rules).is_clean


def test_a_change_names_the_old_and_the_new_parts(world: World) -> None:
    world.event(1, "c1")
    world.event(2, "c2")
    changed = world.event(3, "e1", "c1", "c2")
    number = world.handles
    assert changed.handles == {number["c1"], number["c2"], number["e1"]}
    assert sorted(map(len, changed.before.values())) == [1, 1, 1]
    assert [set(some) for some in changed.after.values()] == [changed.handles]
    assert members(world.connection, [number["c1"]]).handles_of == changed.after


def shut(world: World, name: str) -> Changed:
    seq = world.draw()
    return block(
        world.connection, [world.handles[name]], world.rules, seq, now=world.clock
    )


def test_a_handle_that_is_blocked_later_ties_nothing(world: World) -> None:
    world.event(1, "e1", "c1")
    world.event(2, "e1", "c2")
    changed = shut(world, "e1")
    assert world.profiles() == parts("e1", "c1", "c2")
    assert len(changed.after) == 3
    again = shut(world, "e1")
    assert again.after == {}
    world.event(3, "e1", "c1")
    assert world.profiles() == parts("e1", "c1", "c2")


def test_a_device_shared_with_a_blocked_id_is_not_shared_for_good(
    world: World,
) -> None:
    world.event(1, "u1", "d1")
    world.event(2, "u2", "d1")
    shut(world, "u2")
    assert world.profiles() == parts("u1: d1", "u2")
    world.event(3, "d1", "c1")
    assert world.profiles() == parts("u1: d1 c1", "u2")


def test_an_unknown_handle_is_an_error(world: World) -> None:
    world.event(1, "u1")
    stranger = Observation(
        anchor=world.handles["u1"],
        other=Handle(7),
        source=1,
        trust=Trust.CLAIMED,
        event_key=b"x",
        ordinal=0,
        observed_at=instant(1),
        basis="consent",
    )
    with pytest.raises(UnknownHandleError):
        observe(world.connection, [stranger], world.rules, world.draw(), now=instant(1))


def test_calls_that_change_nothing_say_so(world: World) -> None:
    world.event(1, "u1", "c1")
    seq = world.draw()
    nothing = observe(world.connection, [], world.rules, seq, now=world.clock)
    assert nothing.handles == set()
    world.event(1, "e5")
    assert world.deny_linking("e5").ended == 0
    assert world.lift("u1", "c1").handles == set()
    world.unlink("u1", "c1")
    assert world.unlink("c1", "u1").handles == set()


def test_new_rules_are_seen_as_drift_and_a_rebuild_settles_it(world: World) -> None:
    for i in range(1, 6):
        world.event(i, "u1", f"e{i}")
    stricter = tight()
    drift = verify(world.connection, stricter)
    assert not drift.is_clean
    assert (len(drift.handles), drift.refusals, drift.cuts) == (3, 3, 0)
    world.rules = stricter
    seq = world.draw()
    rebuild(world.connection, stricter, seq, now=world.clock)
    assert verify(world.connection, stricter).is_clean
    assert world.profiles() == parts("u1: e1 e2", "e3", "e4", "e5")


def test_an_alias_that_comes_late_gives_a_shared_device_back(world: World) -> None:
    world.event(1, "u1", "c1", "e1")
    world.event(2, "u2", "c1")
    assert world.cuts() == {"c1": "shared"}
    world.alias(3, "u1", "u2")
    assert world.cuts() == {}
    assert world.profiles() == parts("u1: u2 c1 e1")
    world.deny_linking("u1")
    assert world.profiles() == parts("u1", "u2: c1", "e1")


def test_an_alias_changes_what_is_shared_by_ids_it_does_not_name(world: World) -> None:
    # d1 met u1 and u3; the alias of u2 and u3 makes one person of all three.
    world.event(0, "u1")
    world.alias(1, "u1", "u2")
    world.event(2, "u1", "d1")
    world.event(3, "u3", "d1")
    assert world.cuts() == {"d1": "shared"}
    world.alias(4, "u2", "u3")
    assert world.profiles() == parts("u1: u2 u3 d1")


def test_a_device_with_too_many_neighbours_can_turn_out_to_be_shared(
    world: World,
) -> None:
    world.rules = tight()
    for i in range(1, 6):
        world.event(i, "d1", f"c{i}")
    assert world.cuts() == {"d1": "over"}
    world.event(8, "u1", "d1")
    assert world.cuts() == {"d1": "over"}
    world.event(9, "u2", "d1")
    assert world.cuts() == {"d1": "shared"}
    assert verify(world.connection, world.rules).is_clean


def test_two_cut_ids_and_a_claimed_alias_are_listed(world: World) -> None:
    world.rules = tight()
    for i in range(1, 7):
        world.event(i, "u1", f"c{i}")
        world.event(i, "u2", f"c{i + 10}")
    assert world.cuts() == {"u1": "over", "u2": "over"}
    world.alias(9, "u1", "u2", trust=Trust.CLAIMED)
    assert world.refusals() == {("u1", "u2", "rename_not_verified")}
    assert verify(world.connection, world.rules).is_clean


def test_a_handle_set_free_brings_its_neighbours_components_along(
    world: World,
) -> None:
    # d1 is shared by u1 and u2. When u2 leaves, d1 joins u1, and with it comes c9,
    # which nothing touched.
    world.event(1, "u1", "d1")
    world.event(2, "d1", "c9")
    world.event(3, "u2", "d1")
    assert world.profiles() == parts("u1", "u2", "d1", "c9")
    world.deny_linking("u2")
    assert world.profiles() == parts("u1: d1 c9", "u2")


HISTORY_STEPS = 40


@pytest.mark.parametrize("seed", range(16))
def test_long_histories_end_in_the_batch_result_at_every_step(
    store: Database, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rules = RULES[seed % len(RULES)]

    def step(world: World) -> object:
        kind, t = int(rng.integers(12)), int(rng.integers(60))
        size = int(rng.integers(1, 4))
        some = [str(name) for name in rng.choice(NAMES, size=size, replace=False)]
        known = [name for name in some if name in world.handles]
        match kind:
            case 0 | 1:
                ids = [str(name) for name in rng.permutation(["u1", "u2", "u3", "u4"])]
                trust = Trust(int(rng.integers(4) == 0))
                return world.alias(t, ids[0], ids[1], trust=trust)
            case 2 if known:
                return world.deny_linking(known[0])
            case 3 if len(known) > 1:
                return world.unlink(*known[:2])
            case 4 if len(known) > 1:
                return world.lift(*known[:2])
            case _:
                trust, source = Trust(int(rng.integers(2))), int(rng.integers(1, 3))
                return world.event(t, *some, trust=trust, source=source)

    def script(world: World) -> None:
        for _ in range(HISTORY_STEPS):
            step(world)
            assert verify(world.connection, rules).is_clean

    in_a_new_world(store, rules, script)


def test_a_pair_of_ids_beyond_the_region_still_counts_as_one_person(
    world: World,
) -> None:
    # u1 and u2 are cut for their many cookies, and are one class all the same: d1 is
    # theirs, and not shared.
    world.rules = tight()
    world.alias(1, "u1", "u2")
    for i in range(1, 6):
        world.event(i, "u1", f"c{i}")
        world.event(i, "u2", f"c{i + 10}")
    assert set(world.cuts()) == {"u1", "u2"}
    world.event(20, "u1", "d1")
    world.event(21, "u2", "d1")
    assert set(world.cuts()) == {"u1", "u2"}
    assert verify(world.connection, world.rules).is_clean
    world.deny_linking("u2")
    assert verify(world.connection, world.rules).is_clean


@HISTORIES
@given(history=st.lists(steps, min_size=2, max_size=12))
def test_the_past_stays_as_it_was_known(store: Database, history: list[Step]) -> None:
    def script(world: World) -> None:
        known: dict[datetime, dict[Handle, ProfileId]] = {}
        for step in history:
            step(world)
            stood = members(world.connection, list(world.handles.values()))
            known[world.clock] = stood.profile_of
            world.clock += timedelta(microseconds=1)
        for at, profile_of in known.items():
            handles = list(world.handles.values())
            then = members(world.connection, handles, known_at=at)
            assert then.profile_of == profile_of

    in_a_new_world(store, IdentityRules(), script)


def test_a_clock_that_is_set_back_changes_nothing_that_was_told(world: World) -> None:
    def told() -> tuple[Profiles, datetime]:
        stood = members(world.connection, [world.handles["u1"]])
        changed_at = last_change(world.connection, list(stood.handles_of))
        assert changed_at is not None
        return stood, max(world.clock, changed_at)

    world.event(1, "u1", "c1")
    before, then = told()
    world.clock -= timedelta(hours=1)
    world.unlink("u1", "c1")
    after, now = told()
    assert now > then
    assert before.handles_of != after.handles_of
    for stood, at in ((before, then), (after, now)):
        again = members(world.connection, [world.handles["u1"]], known_at=at)
        assert again.handles_of == stood.handles_of
    assert last_change(world.connection, []) is None
