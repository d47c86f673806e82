"""A source is known by its write key, of which the store holds a keyed digest alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.auth import (
    InvalidEntryError,
    NameTakenError,
    Source,
    State,
    UnknownNameError,
    add_source,
    revoke_retiring_keys,
    rotate_write_key,
    set_source_state,
    source_keys,
    sources,
    write_key_digest,
)
from cdp.auth.sources import stricter
from cdp.kernel import FixedClock
from cdp.keys import KeyRing
from cdp.runtime import Connection, Database


@pytest.fixture
def shop(database: Database, ring: KeyRing, clock: FixedClock) -> tuple[Source, str]:
    with database.transaction() as connection:
        return add_source(
            connection, ring, name="shop", kind="public", jurisdiction="KR", clock=clock
        )


def found(connection: Connection, ring: KeyRing, key: str) -> Source | None:
    return source_keys(connection).get(write_key_digest(ring, key))


def test_a_source_is_found_by_its_key(
    database: Database, ring: KeyRing, clock: FixedClock, shop: tuple[Source, str]
) -> None:
    source, key = shop
    assert len(key) >= 32
    assert ":" not in key
    assert source.created_at == clock.now()
    with database.snapshot() as connection:
        assert found(connection, ring, key) == source
        assert sources(connection) == [source]
        for other in ("", key[:-1], key + "x", "\udcff", "x" * 5_000):
            assert found(connection, ring, other) is None


def test_two_sources_have_two_ids_and_two_keys(
    database: Database, ring: KeyRing, clock: FixedClock, shop: tuple[Source, str]
) -> None:
    with database.transaction() as connection:
        api, key = add_source(
            connection, ring, name="api", kind="server", jurisdiction=None, clock=clock
        )
        assert (api.kind, api.jurisdiction, api.state) == ("server", None, "active")
        assert api.id != shop[0].id
        assert found(connection, ring, key) == api
        assert found(connection, ring, shop[1]) == shop[0]
        assert sources(connection) == [api, shop[0]]


def test_no_column_holds_a_key(
    database: Database, ring: KeyRing, shop: tuple[Source, str]
) -> None:
    with database.snapshot() as connection:
        rows = [
            tuple(row)
            for table in ("auth_source", "auth_source_key")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")  # noqa: S608 - two fixed names
        ]
    key = shop[1]
    assert len(rows) == 2
    assert not any(
        key in str(v) or key.encode() in bytes(str(v), "utf-8")
        for row in rows
        for v in row
    )


def test_a_name_is_taken_once_and_the_transaction_goes_on(
    database: Database, ring: KeyRing, clock: FixedClock, shop: tuple[Source, str]
) -> None:
    with database.transaction() as connection:
        with pytest.raises(NameTakenError):
            add_source(
                connection,
                ring,
                name="shop",
                kind="server",
                jurisdiction=None,
                clock=clock,
            )
        assert sources(connection) == [shop[0]]


@pytest.mark.parametrize(
    "name", ["", "Shop", "-x", "a b", "x" * 65, "a:b", "상점", "a\n"]
)
def test_a_name_has_a_form(
    database: Database, ring: KeyRing, clock: FixedClock, name: str
) -> None:
    with database.transaction() as connection:
        with pytest.raises(InvalidEntryError):
            add_source(
                connection,
                ring,
                name=name,
                kind="public",
                jurisdiction=None,
                clock=clock,
            )
        assert sources(connection) == []


def test_a_kind_and_a_state_are_of_their_lists(
    database: Database, ring: KeyRing, clock: FixedClock, shop: tuple[Source, str]
) -> None:
    with database.transaction() as connection:
        with pytest.raises(InvalidEntryError, match="kind"):
            add_source(
                connection, ring, name="x", kind="other", jurisdiction=None, clock=clock
            )
        with pytest.raises(InvalidEntryError, match="state"):
            set_source_state(connection, "shop", "paused")


def test_a_retiring_source_works_and_is_shown_and_a_revoked_one_does_not(
    database: Database, ring: KeyRing, shop: tuple[Source, str]
) -> None:
    key = shop[1]
    with database.transaction() as connection:
        set_source_state(connection, "shop", "retiring")
        source = found(connection, ring, key)
        assert source is not None
        assert source.state == "retiring"
        set_source_state(connection, "shop", "revoked")
        assert found(connection, ring, key) is None
        assert [source.state for source in sources(connection)] == ["revoked"]
        set_source_state(connection, "shop", "active")
        assert found(connection, ring, key) == shop[0]


def test_a_rotated_key_works_until_it_is_revoked(
    database: Database, ring: KeyRing, clock: FixedClock, shop: tuple[Source, str]
) -> None:
    source, old = shop
    with database.transaction() as connection:
        new = rotate_write_key(connection, ring, "shop", clock)
        retiring, active = found(connection, ring, old), found(connection, ring, new)
        assert active == source
        assert retiring is not None
        assert (retiring.id, retiring.state) == (source.id, "retiring")
        assert revoke_retiring_keys(connection, "shop") == 1
        assert found(connection, ring, old) is None
        assert found(connection, ring, new) == source
        assert revoke_retiring_keys(connection, "shop") == 0


def test_an_unknown_source_is_named_as_such(
    database: Database, ring: KeyRing, clock: FixedClock
) -> None:
    with database.transaction() as connection:
        with pytest.raises(UnknownNameError):
            set_source_state(connection, "nobody", "revoked")
        with pytest.raises(UnknownNameError):
            rotate_write_key(connection, ring, "nobody", clock)
        with pytest.raises(UnknownNameError):
            revoke_retiring_keys(connection, "nobody")


states = st.sampled_from(["active", "retiring", "revoked"])


@given(first=states, second=states)
def test_the_stricter_of_two_states_counts(first: State, second: State) -> None:
    both = stricter(first, second)
    assert both == stricter(second, first)
    assert both in (first, second)
    assert (both == "active") == (first == second == "active")
    assert (both == "revoked") == ("revoked" in (first, second))
