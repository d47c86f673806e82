"""The worked examples of identity: events in, profiles out, on both databases.

Source: the design page "Identity", section 5. Example 8 needs erasure: it stands there.
"""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from cdp.identity import IdentityRules, Trust, verify
from cdp.runtime import Database
from tests.identity.world import World, parts


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with database.transaction() as connection:
        world = World(connection, IdentityRules())
        yield world
        assert verify(connection, world.rules).is_clean


def test_1_login_on_one_device(world: World) -> None:
    world.event(1, "c1")
    assert world.profiles() == parts("c1")
    world.event(2, "u1", "c1")
    assert world.profiles() == parts("u1: c1")


def test_2_two_devices_one_email(world: World) -> None:
    world.event(1, "c1")
    world.event(2, "e1", "c1")
    assert world.profiles() == parts("e1: c1")
    world.event(3, "c2")
    world.event(4, "e1", "c2")
    assert world.profiles() == parts("e1: c1 c2")


def test_3_shared_family_tablet(world: World) -> None:
    world.event(1, "d1")
    world.event(2, "u1", "d1")
    world.event(3, "d1")
    assert world.profiles() == parts("u1: d1")
    world.event(4, "u2", "d1")
    assert world.profiles() == parts("d1", "u1", "u2")
    assert world.cuts() == {"d1": "shared"}
    assert world.refusals() == set()


def test_4_second_person_on_a_phone_whose_cookie_rotates(world: World) -> None:
    world.event(1, "d1", "c1")
    world.event(2, "u1", "d1", "c1")
    assert world.profiles() == parts("u1: c1 d1")
    world.event(3, "d1", "c2")
    world.event(4, "u2", "d1", "c2")
    assert world.profiles() == parts("d1", "u1: c1", "u2: c2")


def test_4_second_person_on_a_phone_whose_cookie_stays(world: World) -> None:
    world.event(1, "d1", "c1")
    world.event(2, "u1", "d1", "c1")
    world.event(3, "d1", "c1")
    world.event(4, "u2", "d1", "c1")
    assert world.profiles() == parts("d1", "c1", "u1", "u2")
    assert world.cuts() == {"c1": "shared", "d1": "shared"}


def test_5_a_junk_id_went_before_anchoring(world: World) -> None:
    # ``undefined`` is dropped before it gets a handle: what is left are the cookies.
    world.event(1, "c1")
    world.event(2, "c2")
    assert world.profiles() == parts("c1", "c2")
    world.event(3, "u1", "c1")
    assert world.profiles() == parts("u1: c1", "c2")


def test_6_the_user_id_changes(world: World) -> None:
    world.event(1, "u1", "c1")
    world.alias(2, "u1", "u2")
    world.event(3, "u2", "c1")
    assert world.profiles() == parts("u1: c1 u2")
    assert world.refusals() == set()


def test_6_another_user_id_without_an_alias(world: World) -> None:
    world.event(1, "u1", "c1")
    world.event(3, "u2", "c1")
    assert world.profiles() == parts("c1", "u1", "u2")
    assert world.refusals() == set()


def test_6_a_claimed_alias_is_listed_as_refused(world: World) -> None:
    world.event(1, "u1", "c1")
    world.alias(2, "u1", "u2", trust=Trust.CLAIMED)
    world.event(3, "u2", "c1")
    assert world.profiles() == parts("c1", "u1", "u2")
    assert world.refusals() == {("u1", "u2", "rename_not_verified")}


def test_7_merge_then_unmerge(world: World) -> None:
    world.event(1, "u1", "c1")
    world.event(2, "e9", "c2")
    apart = parts("u1: c1", "e9: c2")
    assert world.profiles() == apart
    merged = world.event(3, "u1", "e9")
    assert world.profiles() == parts("u1: c1 e9 c2")
    parted = world.unlink("u1", "e9")
    assert world.profiles() == apart
    assert parted.before == merged.after
    assert parted.after == merged.before
    world.event(5, "u1", "e9", trust=Trust.VERIFIED)
    assert world.profiles() == apart
    assert world.refusals() == {("u1", "e9", "apart")}
    world.lift("u1", "e9")
    assert world.profiles() == parts("u1: c1 e9 c2")


def test_a_conflict_that_is_not_sharing_is_listed(world: World) -> None:
    world.event(1, "u1", "c1")
    world.event(2, "u2", "e1")
    world.event(3, "e1", "c1")
    assert world.profiles() == parts("u1: c1", "u2: e1")
    assert world.refusals() == {("e1", "c1", "unique")}
    assert world.cuts() == {}


def test_a_device_tied_to_two_people_through_others_goes_to_the_first(
    world: World,
) -> None:
    world.event(1, "d1", "c1")
    world.event(2, "u1", "c1")
    world.event(3, "d1", "c2")
    world.event(4, "u2", "c2")
    assert world.profiles() == parts("u1: c1 d1", "u2: c2")
    assert world.refusals() == {("d1", "c2", "unique")}


def test_without_linking_the_anchor_alone_gets_a_handle(world: World) -> None:
    world.event(1, "u1", "c1", linking=False)
    assert world.profiles() == parts("u1")


def test_a_denial_of_linking_ends_the_evidence_for_good(world: World) -> None:
    world.event(1, "u1", "c1")
    world.event(2, "u1", "c2")
    world.deny_linking("c1", t=5)
    assert world.profiles() == parts("u1: c2", "c1")
    late = world.event(4, "u1", "c1")
    assert late.late == 1
    assert world.profiles() == parts("u1: c2", "c1")
    world.event(6, "u1", "c1")
    assert world.profiles() == parts("u1: c1 c2")


def test_a_denial_gives_a_shared_device_back(world: World) -> None:
    world.event(1, "u1", "d1")
    world.event(2, "u2", "d1")
    world.deny_linking("u2")
    assert world.profiles() == parts("u1: d1", "u2")
    assert world.cuts() == {}


def test_profiles_can_be_asked_for_as_they_were_known(world: World) -> None:
    first = world.clock
    world.event(1, "u1", "c1")
    second = world.clock = first + timedelta(hours=1)
    world.event(2, "u2", "c1")
    assert world.profiles(known_at=first) == parts("u1: c1")
    assert world.profiles(known_at=second) == parts("c1", "u1", "u2")
    assert world.profiles() == parts("c1", "u1", "u2")
