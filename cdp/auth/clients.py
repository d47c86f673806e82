"""A client: a job or a person that asks, known by its secret; its roles and purposes.

Roles and purposes are plain words here: what they allow is for policy and gate to say.

The secret is stored as its argon2id hash. An unknown client costs the same work as a
wrong secret, so that the time of an answer does not tell them apart.

Source: RFC 9106 section 4, second recommended option (64 MiB, 3 passes, 4 lanes).
"""

import re
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.profiles import RFC_9106_LOW_MEMORY

from cdp.auth.errors import InvalidEntryError

ClientState = Literal["active", "revoked"]

# 24 and 9 random bytes: secrets of 192 bits that nobody chose, ids that nobody guesses.
_SECRET_BYTES: Final = 24
_ID_BYTES: Final = 9
_MAX_WORD: Final = 128

_ID: Final = re.compile(r"c_[A-Za-z0-9_-]{12}")

_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
# A hash of no secret, with the parameters above: sixteen and thirty-two zero bytes.
_NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=4$" + "A" * 22 + "$" + "A" * 43


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """One client. Roles and purposes are sorted, each once."""

    id: str
    name: str
    roles: tuple[str, ...]
    purposes: tuple[str, ...]
    state: ClientState
    created_at: datetime


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who is calling, proved by a token; ``token_id`` names the session in the log."""

    client_id: str
    name: str
    roles: tuple[str, ...]
    purposes: tuple[str, ...]
    token_id: str


def new_client_id() -> str:
    """Draw the public id of a client."""
    return f"c_{secrets.token_urlsafe(_ID_BYTES)}"


def is_client_id(text: str) -> bool:
    """Say whether ``text`` could be an id of ours; nothing else is looked up."""
    return _ID.fullmatch(text) is not None


def new_client_secret() -> str:
    """Draw a client's secret: 32 URL-safe letters after ``cdps_``."""
    return f"cdps_{secrets.token_urlsafe(_SECRET_BYTES)}"


def hash_secret(secret: str) -> str:
    """Return the argon2id hash to store (tens of milliseconds and 64 MiB)."""
    return _hasher.hash(secret)


def is_secret(stored_hash: str | None, secret: str) -> bool:
    """Say whether ``secret`` is the one that was hashed.

    Args:
        stored_hash: None for an unknown client; costs the same and is never true.
    """
    try:
        # What is not UTF-8 is wrong, and is turned into bytes all the same.
        offered = secret.encode("utf-8", "surrogatepass")
        _hasher.verify(stored_hash or _NOBODY, offered)
    except (Argon2Error, InvalidHashError):
        return False
    return stored_hash is not None


def checked_words(words: Iterable[str], what: str) -> tuple[str, ...]:
    """Return roles or purposes sorted, each once.

    Args:
        words: the roles or purposes.
        what: what they are, for the message.

    Raises:
        InvalidEntryError: one is empty, long, or holds blanks or control characters.
    """
    found = tuple(sorted(set(words)))
    for word in found:
        plain = word.isascii() and word.isprintable() and " " not in word
        if not word or len(word) > _MAX_WORD or not plain:
            raise InvalidEntryError(
                f"{what}: a word of 1 to 128 ASCII letters, no blank"
            )
    return found
