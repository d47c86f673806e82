"""A one-time link and the session it opens: their values, tokens and times.

- A token is 256 random bits, and the store holds its keyed digest alone: neither a copy
  of the store nor the log opens anybody's page.
- Link and session have tokens of their own, digested under keys of their own.

Pure, but for drawing tokens.

Source: house page on rights, "Identity"; docs/decisions/0090-a-page-by-a-link.md.
"""

import re
import secrets
from datetime import datetime, timedelta
from typing import Final

import msgspec

from cdp.kernel import Handle
from cdp.keys import KeyRing

LINK_LIFE: Final = timedelta(hours=24)
SESSION_LIFE: Final = timedelta(minutes=15)

_LINKS: Final = "auth.link"
_SESSIONS: Final = "auth.link_session"
# 32 bytes: 43 letters of the URL-safe alphabet; 256 bits that nobody guesses.
_TOKEN_BYTES: Final = 32
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_ID_BYTES: Final = 12


class NewLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was just made; ``token`` is shown this once. Never prints it.

    Args:
        id: names the link in the log, and opens nothing.
    """

    id: str
    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"NewLink({self.id!r})"


class LinkSession(msgspec.Struct, frozen=True, kw_only=True):
    """Who came in by a link, and until when. Never prints its token.

    Args:
        link: the id of the link.
        place: the jurisdiction that whoever made the link declared, if any.
    """

    link: str
    handle: Handle
    language: str
    place: str | None
    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"LinkSession({self.link!r})"


def new_link_id() -> str:
    """Draw the public id of a link."""
    return f"l_{secrets.token_urlsafe(_ID_BYTES)}"


def new_link_token() -> str:
    """Draw the token of a link, or of a session: 43 URL-safe letters."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def is_link_token(text: str) -> bool:
    """Say whether ``text`` has the form of a token; nothing else is looked up."""
    return _TOKEN.fullmatch(text) is not None


def link_digest(ring: KeyRing, token: str) -> bytes:
    """Return the 32 bytes by which the store finds a link."""
    return ring.digester(_LINKS).digest(token.encode())


def session_digest(ring: KeyRing, token: str) -> bytes:
    """Return the 32 bytes by which the store finds a session."""
    return ring.digester(_SESSIONS).digest(token.encode())
