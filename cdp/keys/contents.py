"""What a ring's file says: the root key and, wrapped under it, every secret.

- An address is (kind, name, epoch); at each lies a secret of 32 random bytes.
- The ``check`` value binds the root to the ring id, so that a wrong root is told from a
  damaged secret even in a ring that is still empty.
- The ``tag`` authenticates the rest under the root: a secret that was moved to another
  address, taken out or put back by hand is noticed, not used.
- A destroyed address stays listed: it is never made a second time, so an epoch that was
  destroyed cannot come back with another key under its old name.

Refuses: unknown fields, other versions, a file that anybody else has changed.

Source: AES-KW, RFC 3394; docs/decisions/0004-one-ring-file.md.
"""

import hashlib
import hmac
import secrets as randomness
from datetime import datetime
from typing import Final, Literal, get_args

import msgspec

from cdp.keys.derivation import hkdf_sha256
from cdp.keys.errors import (
    KeyRingDamagedError,
    KeyRingFormatError,
    KeyRingRootError,
    KeyRingVersionError,
    UnsealError,
)
from cdp.keys.wrapping import KEY_BYTES, unwrap, wrap

Kind = Literal["namespace", "seal", "mac", "sign", "domain", "wrap"]
KINDS: Final = frozenset(get_args(Kind))

_FORMAT: Final = "cdp.key-ring"
_VERSION: Final = 1
_TAG_INFO: Final = b"cdp/ring/v1|tag"
_RING_ID_BYTES: Final = 16
# Broken UTF-8 and too deep nesting do not surface as errors of the decoder.
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_RESTORE = "restore it from the newest backup of the key ring"


class Address(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret lies in the ring."""

    kind: Kind
    name: str
    epoch: int

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} epoch {self.epoch}"


class WrappedSecret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One secret as the file holds it."""

    address: Address
    wrapped: bytes


class Contents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file, decoded. Never prints its root."""

    format: str
    version: int
    ring: str
    created_at: str
    root: bytes
    check: bytes
    secrets: tuple[WrappedSecret, ...] = ()
    destroyed: tuple[Address, ...] = ()
    tag: bytes = b""

    def __repr__(self) -> str:
        return f"Contents({self.ring}, {len(self.secrets)} secrets)"


class _Header(msgspec.Struct):
    format: str = ""
    version: int = 0


def new_contents(created_at: datetime) -> Contents:
    """Draw a ring without secrets."""
    ring, root = randomness.token_hex(_RING_ID_BYTES), randomness.token_bytes(KEY_BYTES)
    return Contents(
        format=_FORMAT,
        version=_VERSION,
        ring=ring,
        created_at=created_at.isoformat(),
        root=root,
        check=wrap(root, _expected_check(ring)),
    )


def encode(contents: Contents) -> bytes:
    """Return the bytes of the file, tagged: indented JSON, one line feed at the end."""
    tagged = msgspec.structs.replace(contents, tag=_expected_tag(contents))
    return msgspec.json.format(msgspec.json.encode(tagged), indent=1) + b"\n"


def decode(raw: bytes, name: str) -> Contents:
    """Read the bytes of a file called ``name``; the root is not tried yet.

    Raises:
        KeyRingFormatError: not JSON, not a ring, or not in its form.
        KeyRingVersionError: a ring of another version.
    """
    try:
        header = msgspec.json.decode(raw, type=_Header)
    except _UNREADABLE as error:
        raise KeyRingFormatError(
            f"{name} is not readable JSON: it is cut or edited; {_RESTORE}"
        ) from error
    if header.format != _FORMAT:
        raise KeyRingFormatError(
            f"{name} is not a key ring; check the path in the settings"
        )
    if header.version != _VERSION:
        raise KeyRingVersionError(
            f"{name} is a key ring of version {header.version}, this release reads "
            f"version {_VERSION}; run the release that wrote it"
        )
    try:
        contents = msgspec.json.decode(raw, type=Contents)
    except _UNREADABLE as error:
        # The decoder's message names a field and its type; other messages may quote.
        why = error if isinstance(error, msgspec.MsgspecError) else "not UTF-8"
        raise KeyRingFormatError(f"{name}: {why}; {_RESTORE}") from error
    if len(contents.root) != KEY_BYTES:
        raise KeyRingFormatError(f"{name}: the root is not 32 bytes; {_RESTORE}")
    return contents


def open_secrets(contents: Contents, name: str) -> dict[Address, bytes]:
    """Unwrap every secret under the root.

    Raises:
        KeyRingRootError: the root is not this ring's.
        KeyRingDamagedError: the root is right, but one secret does not unwrap, or
            something else was changed by anybody but this room.
    """
    try:
        check = unwrap(contents.root, contents.check)
    except UnsealError:
        check = b""
    if check != _expected_check(contents.ring):
        raise KeyRingRootError(
            f"the root key in {name} does not open ring {contents.ring}; {_RESTORE}"
        )
    opened: dict[Address, bytes] = {}
    for secret in contents.secrets:
        try:
            opened[secret.address] = unwrap(contents.root, secret.wrapped)
        except UnsealError as error:
            raise KeyRingDamagedError(
                f"{name}: {secret.address} does not unwrap; {_RESTORE}"
            ) from error
    if not hmac.compare_digest(contents.tag, _expected_tag(contents)):
        raise KeyRingDamagedError(
            f"{name} was changed by something else than this service; {_RESTORE}"
        )
    return opened


def with_secret(contents: Contents, address: Address, key: bytes) -> Contents:
    """Return ``contents`` with one more secret."""
    added = WrappedSecret(address, wrap(contents.root, key))
    return msgspec.structs.replace(contents, secrets=(*contents.secrets, added))


def without_secret(contents: Contents, address: Address) -> Contents:
    """Return ``contents`` without the secret, its address marked as destroyed."""
    kept = tuple(s for s in contents.secrets if s.address != address)
    gone = (*contents.destroyed, address)
    return msgspec.structs.replace(contents, secrets=kept, destroyed=gone)


def _expected_tag(contents: Contents) -> bytes:
    rest = msgspec.structs.replace(contents, root=b"", tag=b"")
    key = hkdf_sha256(contents.root, salt=b"", info=_TAG_INFO, length=KEY_BYTES)
    return hmac.digest(key, msgspec.json.encode(rest), "sha256")


def _expected_check(ring: str) -> bytes:
    return hashlib.sha256(f"cdp.key-ring.check|{ring}".encode()).digest()
