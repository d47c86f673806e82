"""Every query of the room, in and out as values."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import msgspec
from sqlalchemy import Table, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from cdp.auth.clients import Client, ClientState
from cdp.auth.errors import NameTakenError, UnknownNameError
from cdp.auth.links import LinkSession, NewLink
from cdp.auth.sources import Source, SourceKind, State, stricter
from cdp.auth.tables import ClientRow, LinkRow, SourceKeyRow, SourceRow
from cdp.kernel import Handle, from_micros, to_micros
from cdp.runtime import Connection

_source = cast("Table", cast("Any", SourceRow).__table__)
_source_key = cast("Table", cast("Any", SourceKeyRow).__table__)
_client = cast("Table", cast("Any", ClientRow).__table__)
_link = cast("Table", cast("Any", LinkRow).__table__)


def insert_source(
    connection: Connection,
    *,
    name: str,
    kind: SourceKind,
    jurisdiction: str | None,
    created_at: datetime,
) -> Source:
    """Add an active source without a key.

    Raises:
        NameTakenError: another source has the name.
    """
    query = (
        insert(_source)
        .values(
            name=name,
            kind=kind,
            jurisdiction=jurisdiction,
            state="active",
            created_at=to_micros(created_at),
        )
        .returning(*_source.c)
    )
    try:
        with connection.begin_nested():
            row = connection.execute(query).one()
    except IntegrityError as error:
        raise NameTakenError(f"a source called {name!r} exists already") from error
    return _as_source(row)


def insert_source_key(
    connection: Connection, *, source_id: int, digest: bytes, created_at: datetime
) -> None:
    """Add an active key to a source."""
    connection.execute(
        insert(_source_key).values(
            digest=digest,
            source_id=source_id,
            state="active",
            created_at=to_micros(created_at),
        )
    )


def all_sources(connection: Connection) -> list[Source]:
    """Return every source by name."""
    rows = connection.execute(select(_source).order_by(_source.c.name))
    return [_as_source(row) for row in rows]


def source_named(connection: Connection, name: str) -> Source:
    """Return the source called ``name``.

    Raises:
        UnknownNameError: there is none.
    """
    row = connection.execute(select(_source).where(_source.c.name == name)).first()
    if row is None:
        raise UnknownNameError(f"no source is called {name!r}")
    return _as_source(row)


def working_source_keys(connection: Connection) -> dict[bytes, Source]:
    """Return the source of every key that still works, by the key's digest.

    The state of each is the stricter of the source's and the key's.
    """
    joined = _source_key.join(_source, _source_key.c.source_id == _source.c.id)
    query = select(
        *_source.c, _source_key.c.digest, _source_key.c.state.label("key_state")
    ).select_from(joined)
    found: dict[bytes, Source] = {}
    for row in connection.execute(query):
        source = _as_source(row)
        state = stricter(source.state, row.key_state)
        if state != "revoked":
            found[bytes(row.digest)] = msgspec.structs.replace(source, state=state)
    return found


def update_source_state(connection: Connection, name: str, state: State) -> None:
    """Set the state of a source, whatever its keys are.

    Raises:
        UnknownNameError: no source has the name.
    """
    query = update(_source).where(_source.c.name == name).values(state=state)
    if connection.execute(query).rowcount == 0:
        raise UnknownNameError(f"no source is called {name!r}")


def update_key_states(
    connection: Connection, source_id: int, old: State, new: State
) -> int:
    """Move every key of a source from one state to another; return how many."""
    query = (
        update(_source_key)
        .where(_source_key.c.source_id == source_id, _source_key.c.state == old)
        .values(state=new)
    )
    return connection.execute(query).rowcount


def insert_client(connection: Connection, client: Client, secret_hash: str) -> None:
    """Add a client.

    Raises:
        NameTakenError: another client has the name.
    """
    query = insert(_client).values(
        id=client.id,
        name=client.name,
        roles=_as_text(client.roles),
        purposes=_as_text(client.purposes),
        secret_hash=secret_hash,
        state=client.state,
        created_at=to_micros(client.created_at),
    )
    try:
        with connection.begin_nested():
            connection.execute(query)
    except IntegrityError as error:
        raise NameTakenError(
            f"a client called {client.name!r} exists already"
        ) from error


def all_clients(connection: Connection) -> list[Client]:
    """Return every client by name."""
    rows = connection.execute(select(_client).order_by(_client.c.name))
    return [_as_client(row) for row in rows]


def find_client(connection: Connection, client_id: str) -> tuple[Client, str] | None:
    """Return a client and the hash of its secret; None when there is none."""
    row = connection.execute(select(_client).where(_client.c.id == client_id)).first()
    return None if row is None else (_as_client(row), row.secret_hash)


def update_client_state(connection: Connection, name: str, state: ClientState) -> None:
    """Set the state of a client.

    Raises:
        UnknownNameError: no client has the name.
    """
    _update_client(connection, name, state=state)


def update_client_secret(connection: Connection, name: str, secret_hash: str) -> None:
    """Replace the hash of a client's secret.

    Raises:
        UnknownNameError: no client has the name.
    """
    _update_client(connection, name, secret_hash=secret_hash)


def insert_link(
    connection: Connection,
    *,
    link: NewLink,
    digest: bytes,
    handle: Handle,
    language: str,
    place: str | None,
    made_at: datetime,
) -> None:
    """Add a link that was not used yet."""
    connection.execute(
        insert(_link).values(
            digest=digest,
            id=link.id,
            handle=handle,
            language=language,
            place=place,
            made_at=to_micros(made_at),
            expires_at=to_micros(link.expires_at),
        )
    )


def use_link(
    connection: Connection,
    link: bytes,
    *,
    session: str,
    digest: bytes,
    ends_at: datetime,
    now: datetime,
) -> LinkSession | None:
    """Turn a link into a session, in one statement: whoever comes second finds none.

    Args:
        link: the digest of the link's token.
        session: the token of the session to be, and ``digest`` what is stored of it.
    """
    query = (
        update(_link)
        .where(
            _link.c.digest == link,
            _link.c.session_digest.is_(None),
            _link.c.expires_at > to_micros(now),
        )
        .values(session_digest=digest, session_ends_at=to_micros(ends_at))
        .returning(*_link.c)
    )
    row = connection.execute(query).first()
    return None if row is None else _as_session(row, session)


def find_session(
    connection: Connection, digest: bytes, session: str, now: datetime
) -> LinkSession | None:
    """Return the session of a digest; None when there is none, or it is over."""
    query = select(_link).where(
        _link.c.session_digest == digest, _link.c.session_ends_at > to_micros(now)
    )
    row = connection.execute(query).first()
    return None if row is None else _as_session(row, session)


def remove_session(connection: Connection, digest: bytes) -> None:
    """Remove a session with its link."""
    connection.execute(delete(_link).where(_link.c.session_digest == digest))


def remove_visits_over(connection: Connection, now: datetime) -> None:
    """Remove links that nobody used in time, and sessions that are over."""
    instant = to_micros(now)
    unused = _link.c.session_digest.is_(None) & (_link.c.expires_at <= instant)
    connection.execute(
        delete(_link).where(or_(unused, _link.c.session_ends_at <= instant))
    )


def _as_session(row: Any, token: str) -> LinkSession:
    return LinkSession(
        link=row.id,
        handle=Handle(row.handle),
        language=row.language,
        place=row.place,
        token=token,
        expires_at=from_micros(row.session_ends_at),
    )


def _update_client(connection: Connection, name: str, **values: str) -> None:
    query = update(_client).where(_client.c.name == name).values(**values)
    if connection.execute(query).rowcount == 0:
        raise UnknownNameError(f"no client is called {name!r}")


def _as_source(row: Any) -> Source:
    return Source(
        id=row.id,
        name=row.name,
        kind=row.kind,
        jurisdiction=row.jurisdiction,
        state=row.state,
        created_at=from_micros(row.created_at),
    )


def _as_client(row: Any) -> Client:
    return Client(
        id=row.id,
        name=row.name,
        roles=_as_words(row.roles),
        purposes=_as_words(row.purposes),
        state=row.state,
        created_at=from_micros(row.created_at),
    )


def _as_text(words: Sequence[str]) -> str:
    return msgspec.json.encode(words).decode()


def _as_words(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])
