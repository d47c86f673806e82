"""Identifiers and handles in the store, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest

from cdp.identity import (
    Identifier,
    IdentityRules,
    NewHandle,
    adopt,
    create,
    find,
    member_columns,
    members,
)
from cdp.kernel import Handle, Seq
from cdp.runtime import Connection, Database
from tests.identity.world import World

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
EARLIER = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.transaction() as connection:
        yield connection


def new(digest: bytes, *, first_seen: datetime = NOON) -> NewHandle:
    return NewHandle(
        digest=digest,
        namespace="cookie",
        epoch=3,
        rule_version=1,
        first_seen=first_seen,
    )


def test_a_new_identifier_gets_a_handle_that_is_a_profile_of_its_own(
    connection: Connection,
) -> None:
    made = create(connection, [new(b"a" * 32), new(b"b" * 32)], Seq(1), now=NOON)
    assert find(connection, [b"a" * 32, b"b" * 32, b"c" * 32]) == made
    assert len(set(made.values())) == 2
    stood = members(connection, list(made.values()))
    assert set(stood.profile_of) == set(made.values())
    assert all(len(profile_id) == 16 for profile_id in stood.handles_of)
    assert len(stood.handles_of) == 2
    assert set(stood.namespace_of.values()) == {"cookie"}


def test_a_digest_that_is_known_or_comes_twice_keeps_one_handle(
    connection: Connection,
) -> None:
    first = create(
        connection, [new(b"a"), new(b"a", first_seen=EARLIER)], Seq(1), now=NOON
    )
    again = create(connection, [new(b"a"), new(b"b")], Seq(2), now=NOON)
    assert again[b"a"] == first[b"a"]
    assert len(member_columns(connection)[0]) == 2


def test_a_handle_can_have_a_digest_for_each_key_epoch(connection: Connection) -> None:
    handle = create(connection, [new(b"old")], Seq(1), now=NOON)[b"old"]
    more = Identifier(
        digest=b"new", namespace="cookie", epoch=4, rule_version=1, handle=handle
    )
    adopt(connection, [more])
    adopt(connection, [more])
    adopt(connection, [])
    assert find(connection, [b"old", b"new"]) == {b"old": handle, b"new": handle}


def test_thousands_are_found_in_one_call(connection: Connection) -> None:
    digests = [b"%032d" % i for i in range(11_000)]
    made = create(connection, [new(digest) for digest in digests], Seq(1), now=NOON)
    assert find(connection, digests + digests[:5]) == made
    stood = members(connection, list(made.values()))
    assert len(stood.profile_of) == 11_000


def test_a_handle_that_the_store_does_not_hold_is_in_no_profile(
    connection: Connection,
) -> None:
    assert members(connection, [Handle(5)]).profile_of == {}
    assert members(connection, []).profile_of == {}
    assert find(connection, []) == {}


def test_a_profile_was_not_known_before_its_handle(connection: Connection) -> None:
    handle = create(connection, [new(b"a")], Seq(7), now=NOON)[b"a"]
    before, since = (
        members(connection, [handle], known_at=at) for at in (EARLIER, NOON)
    )
    assert before.profile_of == {}
    assert set(since.profile_of) == {handle}


def test_all_members_come_as_columns(connection: Connection) -> None:
    handles, ids = member_columns(connection)
    assert (handles.shape, ids.shape) == ((0,), (0, 16))
    world = World(connection, IdentityRules())
    world.event(1, "u1", "c1")
    world.event(2, "u2", "c2")
    world.event(3, "u2", "c1")
    handles, ids = member_columns(connection)
    assert handles.dtype == np.int64
    assert ids.dtype == np.uint8
    stood = members(connection, list(world.handles.values())).profile_of
    assert {
        Handle(int(handle)): row.tobytes()
        for handle, row in zip(handles, ids, strict=True)
    } == stood


def test_no_repr_holds_a_digest() -> None:
    secret = Identifier(
        digest=b"secret", namespace="email", epoch=1, rule_version=1, handle=Handle(1)
    )
    assert "secret" not in repr(secret)
    assert "secret" not in repr(new(b"secret"))
