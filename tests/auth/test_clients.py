"""A client proves itself by its secret; what it may do is read with each request."""

from datetime import timedelta

import pytest
from argon2 import extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from cdp.auth import (
    Caller,
    Client,
    ExpiredTokenError,
    InvalidClientError,
    InvalidEntryError,
    InvalidTokenError,
    NameTakenError,
    RevokedClientError,
    UnknownNameError,
    add_client,
    authenticate,
    clients,
    issue_token,
    rotate_client_secret,
    set_client_state,
)
from cdp.auth.clients import _NOBODY, hash_secret, is_secret
from cdp.kernel import FixedClock
from cdp.keys import KeyRing
from cdp.runtime import Database


@pytest.fixture
def job(database: Database, clock: FixedClock) -> tuple[Client, str]:
    with database.transaction() as connection:
        return add_client(
            connection,
            name="nightly-job",
            roles=["segmentation", "analyst", "segmentation"],
            purposes=["segmentation"],
            clock=clock,
        )


def test_a_secret_gives_a_token_and_the_token_the_caller(
    database: Database, ring: KeyRing, clock: FixedClock, job: tuple[Client, str]
) -> None:
    client, secret = job
    assert client.roles == ("analyst", "segmentation")
    with database.snapshot() as connection:
        token = issue_token(connection, ring, client.id, secret, clock)
        caller = authenticate(connection, ring, token.access_token, clock)
        again = issue_token(connection, ring, client.id, secret, clock)
        assert clients(connection) == [client]
    assert token.expires_in == 900
    assert token.access_token.startswith("cdpt_")
    assert token.access_token not in repr(token)
    assert caller == Caller(
        client_id=client.id,
        name="nightly-job",
        roles=("analyst", "segmentation"),
        purposes=("segmentation",),
        token_id=caller.token_id,
    )
    assert again.access_token != token.access_token


def test_unknown_wrong_and_revoked_look_alike(
    database: Database, ring: KeyRing, clock: FixedClock, job: tuple[Client, str]
) -> None:
    client, secret = job
    with database.transaction() as connection:
        refusals = []
        for client_id, offered in (
            (client.id, "wrong"),
            (client.id, "\udcff"),
            ("c_AAAAAAAAAAAA", secret),
            ("nul\0\udcff", secret),
        ):
            with pytest.raises(InvalidClientError) as caught:
                issue_token(connection, ring, client_id, offered, clock)
            refusals.append(str(caught.value))
        set_client_state(connection, "nightly-job", "revoked")
        with pytest.raises(InvalidClientError) as caught:
            issue_token(connection, ring, client.id, secret, clock)
        refusals.append(str(caught.value))
    assert len(set(refusals)) == 1


def test_a_revocation_counts_with_the_next_request(
    database: Database, ring: KeyRing, clock: FixedClock, job: tuple[Client, str]
) -> None:
    client, secret = job
    with database.transaction() as connection:
        token = issue_token(connection, ring, client.id, secret, clock).access_token
        set_client_state(connection, "nightly-job", "revoked")
        with pytest.raises(RevokedClientError):
            authenticate(connection, ring, token, clock)
        set_client_state(connection, "nightly-job", "active")
        assert authenticate(connection, ring, token, clock).client_id == client.id


def test_a_token_ends_with_its_fifteenth_minute(
    database: Database, ring: KeyRing, clock: FixedClock, job: tuple[Client, str]
) -> None:
    client, secret = job
    with database.snapshot() as connection:
        token = issue_token(connection, ring, client.id, secret, clock).access_token
        clock.advance(timedelta(minutes=15) - timedelta(microseconds=1))
        assert authenticate(connection, ring, token, clock).client_id == client.id
        clock.advance(timedelta(microseconds=1))
        with pytest.raises(ExpiredTokenError):
            authenticate(connection, ring, token, clock)


def test_a_token_for_a_client_that_this_store_lacks_is_refused(
    database: Database,
    ring: KeyRing,
    clock: FixedClock,
    job: tuple[Client, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    client, secret = job
    with database.transaction() as connection:
        token = issue_token(connection, ring, client.id, secret, clock).access_token
        connection.exec_driver_sql("DELETE FROM auth_client")
        with pytest.raises(RevokedClientError):
            authenticate(connection, ring, token, clock)
        stranger = KeyRing.create(
            tmp_path_factory.mktemp("stranger") / "ring.json", clock=clock
        )
        with pytest.raises(InvalidTokenError):
            authenticate(connection, stranger, token, clock)


def test_a_rotated_secret_replaces_the_old_one(
    database: Database, ring: KeyRing, clock: FixedClock, job: tuple[Client, str]
) -> None:
    client, old = job
    with database.transaction() as connection:
        new = rotate_client_secret(connection, "nightly-job")
        issue_token(connection, ring, client.id, new, clock)
        with pytest.raises(InvalidClientError):
            issue_token(connection, ring, client.id, old, clock)


def test_no_column_holds_a_secret(database: Database, job: tuple[Client, str]) -> None:
    with database.snapshot() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM auth_client").all()
    assert len(rows) == 1
    assert job[1] not in str(rows)
    assert "$argon2id$" in str(rows)


def test_a_name_is_taken_once_and_words_have_a_form(
    database: Database, clock: FixedClock, job: tuple[Client, str]
) -> None:
    with database.transaction() as connection:
        with pytest.raises(NameTakenError):
            add_client(
                connection, name="nightly-job", roles=[], purposes=[], clock=clock
            )
        for words in ([""], ["two words"], ["역할"], ["x" * 129], ["line\n"]):
            with pytest.raises(InvalidEntryError, match="roles"):
                add_client(connection, name="x", roles=words, purposes=[], clock=clock)
            with pytest.raises(InvalidEntryError, match="purposes"):
                add_client(connection, name="x", roles=[], purposes=words, clock=clock)
        assert clients(connection) == [job[0]]


def test_an_unknown_client_and_an_unknown_state_are_named_as_such(
    database: Database, job: tuple[Client, str]
) -> None:
    with database.transaction() as connection:
        with pytest.raises(UnknownNameError):
            set_client_state(connection, "nobody", "revoked")
        with pytest.raises(UnknownNameError):
            rotate_client_secret(connection, "nobody")
        with pytest.raises(InvalidEntryError):
            set_client_state(connection, "nightly-job", "retiring")


def test_an_unknown_client_costs_what_a_wrong_secret_costs() -> None:
    expected = extract_parameters(hash_secret("any"))
    assert expected == RFC_9106_LOW_MEMORY
    assert extract_parameters(_NOBODY) == expected
    assert not is_secret(None, "any")


def test_a_hash_that_was_damaged_lets_nobody_in() -> None:
    stored = hash_secret("right")
    assert is_secret(stored, "right")
    assert not is_secret(stored[:-4], "right")
    assert not is_secret("not a hash", "right")
