"""Sealing: ciphertext that also proves that nobody changed it.

- ``Sealer``: AES-256-GCM with a random 96-bit nonce; equal texts look different. The
  sealed form is ``01 || nonce (12) || ciphertext || tag (16)``; the first byte is the
  version.
- ``DeterministicSealer``: AES-256-SIV; equal texts with equal associated data give
  equal ciphertexts. That equality is what it is for, and all that it tells.

One ``Sealer`` key must not seal more than 2**32 texts: name the month in the label
where there are many. Refuses: a nonce of the caller's choice.

Source: AES-GCM, NIST SP 800-38D (limit of random nonces: section 8.3); AES-SIV, RFC
5297.
"""

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from cdp.keys.errors import KeyUseError, UnsealError

_VERSION = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16
_OVERHEAD_BYTES = 1 + _NONCE_BYTES + _TAG_BYTES
_SIV_KEY_BYTES = 64


class Sealer:
    """Seals and unseals under the key of one label."""

    __slots__ = ("_cipher", "label")

    def __init__(self, label: str, key: bytes) -> None:
        self.label = label
        self._cipher = AESGCM(key)

    def __repr__(self) -> str:
        return f"Sealer({self.label!r})"

    def seal(self, plaintext: bytes, associated: bytes) -> bytes:
        """Return ``plaintext`` sealed, bound to ``associated`` (29 bytes longer)."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plaintext, associated)

    def unseal(self, sealed: bytes, associated: bytes) -> bytes:
        """Return what ``seal`` was given.

        Raises:
            UnsealError: other key, other associated data, or changed bytes.
        """
        if len(sealed) < _OVERHEAD_BYTES or sealed[:1] != _VERSION:
            raise UnsealError(f"not a sealed text of {self.label!r}")
        nonce = sealed[1 : 1 + _NONCE_BYTES]
        try:
            return self._cipher.decrypt(nonce, sealed[1 + _NONCE_BYTES :], associated)
        except InvalidTag as error:
            raise UnsealError(
                f"a sealed text of {self.label!r} does not open"
            ) from error


class DeterministicSealer:
    """Deterministic, reversible, tamper-evident: the mode ``siv`` of a domain.

    Args:
        key: 64 bytes (``KeyRing.domain_key`` of mode ``siv``).
    """

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        if len(key) != _SIV_KEY_BYTES:
            raise KeyUseError("AES-256-SIV wants a key of 64 bytes")
        self._cipher = AESSIV(key)

    def seal(self, plaintext: bytes, associated: Sequence[bytes]) -> bytes:
        """Return the 16-byte synthetic IV and the ciphertext.

        Args:
            plaintext: not empty.
            associated: what the result is bound to, for example domain and field.

        Raises:
            KeyUseError: the text is empty; it would tell nothing but that.
        """
        if not plaintext:
            raise KeyUseError("an empty text has no deterministic form here")
        return self._cipher.encrypt(plaintext, list(associated))

    def unseal(self, sealed: bytes, associated: Sequence[bytes]) -> bytes:
        """Return what ``seal`` was given.

        Raises:
            UnsealError: other key, other associated data, or changed bytes.
        """
        try:
            return self._cipher.decrypt(sealed, list(associated))
        except (InvalidTag, ValueError) as error:
            raise UnsealError("a deterministic text does not open") from error
