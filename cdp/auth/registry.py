"""The operator's acts: sources and clients come, change their keys, and go.

A key or secret is returned once, at the moment it is made; nothing here can show it
again. Callers record what they did (``audit``) in the same transaction.
"""

from collections.abc import Iterable

from cdp.auth import repository
from cdp.auth.clients import (
    Client,
    ClientState,
    checked_words,
    hash_secret,
    new_client_id,
    new_client_secret,
)
from cdp.auth.errors import InvalidEntryError
from cdp.auth.sources import (
    Source,
    checked_kind,
    checked_name,
    checked_state,
    new_write_key,
    write_key_digest,
)
from cdp.kernel import Clock
from cdp.keys import KeyRing
from cdp.runtime import Connection


def add_source(
    connection: Connection,
    ring: KeyRing,
    *,
    name: str,
    kind: str,
    jurisdiction: str | None,
    clock: Clock,
) -> tuple[Source, str]:
    """Add a source; return it with its write key, which is never shown again.

    Raises:
        NameTakenError: another source has the name.
        InvalidEntryError: the name or kind is not in its form.
    """
    now = clock.now()
    source = repository.insert_source(
        connection,
        name=checked_name(name),
        kind=checked_kind(kind),
        jurisdiction=jurisdiction,
        created_at=now,
    )
    return source, _add_key(connection, ring, source, clock)


def rotate_write_key(
    connection: Connection, ring: KeyRing, name: str, clock: Clock
) -> str:
    """Give a source a new write key; the keys it had go on working as ``retiring``.

    Raises:
        UnknownNameError: no source has the name.
    """
    source = repository.source_named(connection, name)
    repository.update_key_states(connection, source.id, "active", "retiring")
    return _add_key(connection, ring, source, clock)


def revoke_retiring_keys(connection: Connection, name: str) -> int:
    """End the keys that ``rotate_write_key`` left working; return how many.

    Raises:
        UnknownNameError: no source has the name.
    """
    source = repository.source_named(connection, name)
    return repository.update_key_states(connection, source.id, "retiring", "revoked")


def set_source_state(connection: Connection, name: str, state: str) -> None:
    """Set a source's state; it counts at the next look-up of its keys.

    Raises:
        UnknownNameError: no source has the name.
        InvalidEntryError: there is no such state.
    """
    repository.update_source_state(connection, name, checked_state(state))


def sources(connection: Connection) -> list[Source]:
    """Return every source by name, the revoked ones too."""
    return repository.all_sources(connection)


def source_keys(connection: Connection) -> dict[bytes, Source]:
    """Return the source of every working key, by the key's ``write_key_digest``.

    A key that is not in the answer is unknown or revoked, and nobody is told which.
    """
    return repository.working_source_keys(connection)


def add_client(
    connection: Connection,
    *,
    name: str,
    roles: Iterable[str],
    purposes: Iterable[str],
    clock: Clock,
) -> tuple[Client, str]:
    """Add a client; return it with its secret, which is never shown again.

    Raises:
        NameTakenError: another client has the name.
        InvalidEntryError: the name, a role or a purpose is not in its form.
    """
    client = Client(
        id=new_client_id(),
        name=checked_name(name),
        roles=checked_words(roles, "roles"),
        purposes=checked_words(purposes, "purposes"),
        state="active",
        created_at=clock.now(),
    )
    secret = new_client_secret()
    repository.insert_client(connection, client, hash_secret(secret))
    return client, secret


def rotate_client_secret(connection: Connection, name: str) -> str:
    """Replace a client's secret; tokens it holds work until they expire.

    Raises:
        UnknownNameError: no client has the name.
    """
    secret = new_client_secret()
    repository.update_client_secret(connection, name, hash_secret(secret))
    return secret


def set_client_state(connection: Connection, name: str, state: str) -> None:
    """Revoke a client, or let it in again; tokens it holds are refused at once.

    Raises:
        UnknownNameError: no client has the name.
        InvalidEntryError: the state is neither active nor revoked.
    """
    known: dict[str, ClientState] = {"active": "active", "revoked": "revoked"}
    if state not in known:
        raise InvalidEntryError("the state of a client is active or revoked")
    repository.update_client_state(connection, name, known[state])


def clients(connection: Connection) -> list[Client]:
    """Return every client by name, the revoked ones too."""
    return repository.all_clients(connection)


def _add_key(
    connection: Connection, ring: KeyRing, source: Source, clock: Clock
) -> str:
    key = new_write_key()
    repository.insert_source_key(
        connection,
        source_id=source.id,
        digest=write_key_digest(ring, key),
        created_at=clock.now(),
    )
    return key
