"""Bearer tokens: short-lived, signed by the ring, saying only whose and how long.

``cdpt_ || base64url(payload) || "." || base64url(HMAC-SHA-256(ring, all before the
dot))``.

- Roles and purposes are not in it: they are read with each request, so that a
  revocation or a changed role counts at once.
- One spelling: a token with one letter changed is refused.
- It is good before ``exp`` and no longer at it.

Refuses: storing tokens. Whoever holds the ring can issue one; whoever holds the store
cannot.

Source: docs/decisions/0005-tokens-without-rows.md.
"""

import base64
import binascii
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final

import msgspec

from cdp.auth.errors import ExpiredTokenError, InvalidTokenError, MissingTokenError
from cdp.kernel import canonical, to_micros
from cdp.keys import KeyRing

TOKEN_LIFE: Final = timedelta(minutes=15)

_PREFIX: Final = "cdpt_"
_LABEL: Final = "auth.token"
_JTI_BYTES: Final = 16
# A payload of ours is under 200 letters; nobody makes us decode more.
_MAX_TOKEN: Final = 1_024


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What a client is given. Never prints the token."""

    access_token: str
    expires_in: int

    def __repr__(self) -> str:
        return f"Token(expires_in={self.expires_in})"


class Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a token says: whose, until when (microseconds since 1970), its own id."""

    client: str
    exp: int
    jti: str


def new_token(ring: KeyRing, client_id: str, now: datetime) -> Token:
    """Issue a token to ``client_id``, good for ``TOKEN_LIFE``."""
    claims = Claims(
        client=client_id,
        exp=to_micros(now + TOKEN_LIFE),
        jti=secrets.token_hex(_JTI_BYTES),
    )
    body = _PREFIX + _encoded(canonical(claims))
    return Token(
        access_token=f"{body}.{_signature(ring, body)}",
        expires_in=int(TOKEN_LIFE.total_seconds()),
    )


def read_token(ring: KeyRing, token: str, now: datetime) -> Claims:
    """Return what ``token`` says, once its signature and its time are good.

    Raises:
        InvalidTokenError: not issued by this ring, or changed.
        ExpiredTokenError: its time is over.
    """
    body, dot, signature = token.rpartition(".")
    if (
        not dot
        or len(token) > _MAX_TOKEN
        or not token.isascii()
        or not body.startswith(_PREFIX)
    ):
        raise InvalidTokenError("the token is not one of ours")
    if not hmac.compare_digest(_signature(ring, body), signature):
        raise InvalidTokenError("the token is not one of ours")
    try:
        payload = _decoded(body.removeprefix(_PREFIX))
        claims = msgspec.json.decode(payload, type=Claims)
    except (binascii.Error, msgspec.MsgspecError) as error:
        raise InvalidTokenError("the token is not one of ours") from error
    if to_micros(now) >= claims.exp:
        raise ExpiredTokenError("the token has expired; ask for another")
    return claims


def bearer_of(authorization: str | None) -> str:
    """Return the token in an ``Authorization`` header.

    Raises:
        MissingTokenError: there is no header, or its scheme is not Bearer.

    Source: RFC 6750 section 2.1; the scheme's name has no case (RFC 9110 section 11.1).
    """
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise MissingTokenError("send `Authorization: Bearer` and the access token")
    return token.strip()


def _signature(ring: KeyRing, body: str) -> str:
    return _encoded(ring.mac(_LABEL, body.encode()))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
