"""A source: who may post events, known by its write key.

- ``public`` keys stand in browsers and apps and prove nothing; ``server`` keys are
  secret.
- A key is ``active``, ``retiring`` (works, counted, shown to the operator) or
  ``revoked``. What a source may do is the stricter of its own state and that of the key
  that was used.
- Only the keyed digest of a key is stored; argon2 is for secrets of clients, never per
  request.

Source: wire page section 3.
"""

import re
import secrets
from datetime import datetime
from typing import Final, Literal, get_args

import msgspec

from cdp.auth.errors import InvalidEntryError
from cdp.keys import KeyRing

SourceKind = Literal["public", "server"]
State = Literal["active", "retiring", "revoked"]

_NAMESPACE: Final = "auth.write_key"
# 24 bytes: 32 letters of the URL-safe alphabet, which has no colon; 192 bits.
_WRITE_KEY_BYTES: Final = 24
_KINDS: Final[tuple[SourceKind, ...]] = get_args(SourceKind)
_STRICTNESS: Final[tuple[State, ...]] = get_args(State)
# A name is also a document of the policy, a label of a metric and a word on a command
# line.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One source, with the state that counts for the key by which it was found."""

    id: int
    name: str
    kind: SourceKind
    jurisdiction: str | None
    state: State
    created_at: datetime


def new_write_key() -> str:
    """Draw a write key: 32 URL-safe letters."""
    return secrets.token_urlsafe(_WRITE_KEY_BYTES)


def write_key_digest(ring: KeyRing, key: str) -> bytes:
    """Return the 32 bytes by which the store finds a write key.

    Text that is not UTF-8 has no digest that anybody stored; it is digested all the
    same.
    """
    return ring.digester(_NAMESPACE).digest(key.encode("utf-8", "surrogatepass"))


def stricter(first: State, second: State) -> State:
    """Return the state that allows less."""
    return max(first, second, key=_STRICTNESS.index)


def checked_name(name: str) -> str:
    """Return ``name`` when it is in the form of a name.

    Raises:
        InvalidEntryError: it is not.
    """
    if _NAME.fullmatch(name) is None:
        raise InvalidEntryError(
            "a name is 1 to 64 of a-z, 0-9, dot, dash, underscore, and begins with a "
            "letter or digit"
        )
    return name


def checked_kind(kind: str) -> SourceKind:
    """Return ``kind`` when it is one of the two.

    Raises:
        InvalidEntryError: it is not.
    """
    for known in _KINDS:
        if kind == known:
            return known
    raise InvalidEntryError("the kind of a source is public or server")


def checked_state(state: str) -> State:
    """Return ``state`` when it is one of the three.

    Raises:
        InvalidEntryError: it is not.
    """
    for known in _STRICTNESS:
        if state == known:
            return known
    raise InvalidEntryError("a state is active, retiring or revoked")
