"""A person comes in without an account: by a link, once, and for a short while.

- A link opens once. Of two who press at the same time, one comes in.
- Opening gives a session of ``SESSION_LIFE``; the link is worth nothing from then on.
- A link that was never made, one that was used and one whose time is over look alike,
  and so do sessions.
- What is over is removed when the next link is made.

Refuses: knowing whom a handle belongs to, and what a visitor may do.
"""

from datetime import timedelta

from cdp.auth import repository
from cdp.auth.errors import InvalidLinkError, SessionOverError
from cdp.auth.links import (
    LINK_LIFE,
    SESSION_LIFE,
    LinkSession,
    NewLink,
    is_link_token,
    link_digest,
    new_link_id,
    new_link_token,
    session_digest,
)
from cdp.kernel import Clock, Handle
from cdp.keys import KeyRing
from cdp.runtime import Connection


def make_link(
    connection: Connection,
    ring: KeyRing,
    *,
    handle: Handle,
    language: str,
    place: str | None = None,
    ttl: timedelta = LINK_LIFE,
    clock: Clock,
) -> NewLink:
    """Make a link to the page of whoever ``handle`` belongs to."""
    now = clock.now()
    link = NewLink(id=new_link_id(), token=new_link_token(), expires_at=now + ttl)
    repository.remove_visits_over(connection, now)
    repository.insert_link(
        connection,
        link=link,
        digest=link_digest(ring, link.token),
        handle=handle,
        language=language,
        place=place,
        made_at=now,
    )
    return link


def open_link(
    connection: Connection, ring: KeyRing, token: str, clock: Clock
) -> LinkSession:
    """Use a link up, and let whoever holds it in.

    Raises:
        InvalidLinkError: never made, used, or expired: nobody is told which.
    """
    now = clock.now()
    session = new_link_token()
    opened = None
    if is_link_token(token):
        opened = repository.use_link(
            connection,
            link_digest(ring, token),
            session=session,
            digest=session_digest(ring, session),
            ends_at=now + SESSION_LIFE,
            now=now,
        )
    if opened is None:
        raise InvalidLinkError("this link opens nothing, or no longer")
    return opened


def session_of(
    connection: Connection, ring: KeyRing, token: str, clock: Clock
) -> LinkSession:
    """Return the session that ``token`` belongs to.

    Raises:
        SessionOverError: there never was one, or its time is over.
    """
    found = None
    if is_link_token(token):
        digest = session_digest(ring, token)
        found = repository.find_session(connection, digest, token, clock.now())
    if found is None:
        raise SessionOverError("the time on this page is over")
    return found


def end_session(connection: Connection, ring: KeyRing, token: str) -> None:
    """End a session before its time; a token that opens none ends none."""
    if is_link_token(token):
        repository.remove_session(connection, session_digest(ring, token))
