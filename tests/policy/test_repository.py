from datetime import timedelta

import pytest

from cdp.kernel import FixedClock
from cdp.policy import (
    NoOrdinalLeftError,
    Policy,
    UnknownVersionError,
    bundle_of,
    in_force,
    ordinals,
    put_in_force,
    read_bundle,
    scope_bits,
)
from cdp.policy.bundle import make_policy
from cdp.policy.documents import Document
from cdp.runtime import Database


def _other(policy: Policy) -> Policy:
    """The same policy without its releases."""
    documents: list[Document] = [
        *policy.jurisdictions.values(),
        *policy.purposes.values(),
        policy.identity,
    ]
    return make_policy(documents, policy.hierarchies.values(), {})


def test_an_ordinal_stays_with_its_key(database: Database) -> None:
    with database.transaction() as connection:
        assert ordinals(connection, "purpose", ["b", "a"]) == {"a": 0, "b": 1}
    with database.transaction() as connection:
        assert ordinals(connection, "purpose", ["0", "b"]) == {"b": 1, "0": 2}
        assert ordinals(connection, "scope", ["b"]) == {"b": 0}
        assert ordinals(connection, "purpose", []) == {}
    with database.snapshot() as connection:
        assert ordinals(connection, "purpose", ["a", "b"]) == {"a": 0, "b": 1}


def test_the_sixty_fourth_key_has_no_bit(database: Database) -> None:
    keys = [f"p{number:02}" for number in range(63)]
    with database.transaction() as connection:
        given = ordinals(connection, "purpose", keys)
        assert sorted(given.values()) == list(range(63))
        with pytest.raises(NoOrdinalLeftError):
            ordinals(connection, "purpose", ["one.more"])


def test_every_purpose_of_the_shop_has_a_bit(database: Database, shop: Policy) -> None:
    with database.transaction() as connection:
        bits = scope_bits(connection, shop)
    assert bits.keys() == shop.purposes.keys()
    assert sorted(bits.values()) == list(range(len(bits)))


def test_the_version_in_force_is_known_for_every_instant(
    database: Database, shop: Policy, clock: FixedClock
) -> None:
    start, other = clock.now(), _other(shop)
    with database.transaction() as connection:
        assert in_force(connection) is None
        assert put_in_force(connection, shop, clock)
        assert not put_in_force(connection, shop, clock)
    clock.advance(timedelta(days=1))
    with database.transaction() as connection:
        assert put_in_force(connection, other, clock)
    clock.advance(timedelta(days=1))
    with database.transaction() as connection:
        assert put_in_force(connection, shop, clock)
    with database.snapshot() as connection:
        assert in_force(connection) == shop.version
        seen = [
            in_force(connection, start + timedelta(hours=hours))
            for hours in (-1, 0, 23, 24, 47, 48)
        ]
        assert seen == [
            None,
            shop.version,
            shop.version,
            other.version,
            other.version,
            shop.version,
        ]
        content = bundle_of(connection, other.version)
        assert read_bundle(content, other.version, features={}) == other
        with pytest.raises(UnknownVersionError):
            bundle_of(connection, "0" * 64)
