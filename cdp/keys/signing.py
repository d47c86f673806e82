"""Signatures: the log's checkpoints, receipts and certificates.

Source: Ed25519, RFC 8032.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)


class Signer:
    """Signs under one name and epoch. ``public`` is the 32-byte verification key."""

    __slots__ = ("_key", "epoch", "name", "public")

    def __init__(self, name: str, epoch: int, seed: bytes) -> None:
        self.name = name
        self.epoch = epoch
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return f"Signer({self.name!r}, epoch={self.epoch}, {self.public.hex()})"

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of ``message``."""
        return self._key.sign(message)

    def unsafe_reveal_seed(self) -> bytes:
        """Return the 32 secret bytes, for an export that an operator asked for by name.

        Whoever holds them signs in our name. MUST NOT be logged, stored or sent.
        """
        return self._key.private_bytes_raw()


def verify_ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """Say whether ``signature`` is of ``message`` by the holder of ``public``'s seed.

    Bytes of a wrong length are no signature and no key: the answer is no.
    """
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
