"""Derivation: from the random secret of one domain and epoch to the key of one mode.

``K = HKDF-SHA-256(secret, salt = domain, info = "cdp/psn/v1|mode|epoch")``. The secret
is random and of its own, never derived from a root that lives on; destroying it
therefore destroys the epoch.

Source: HKDF, RFC 5869; policy page section 8.
"""

from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cdp.keys.errors import KeyUseError

# Bytes of key material that each mode wants: one AES-256 key; two of them for
# AES-256-SIV.
MODE_BYTES: Final = {"prp": 32, "siv": 64}


def hkdf_sha256(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    """Return ``length`` bytes of key material."""
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


def derive_domain_key(secret: bytes, domain: str, mode: str, epoch: int) -> bytes:
    """Return the key of ``mode`` from the secret of (``domain``, ``epoch``).

    Raises:
        KeyUseError: no such mode has a key (``vault`` has rows instead).
    """
    length = MODE_BYTES.get(mode)
    if length is None:
        raise KeyUseError(f"the mode {mode!r} has no key")
    info = f"cdp/psn/v1|{mode}|{epoch}".encode()
    return hkdf_sha256(secret, salt=domain.encode(), info=info, length=length)
