"""Wrapping: one key protects another.

A wrapped 32-byte key is 40 bytes long and tells whether it was unwrapped with the right
key. Wrapping is deterministic, which is harmless for keys that are random.

Source: AES Key Wrap, RFC 3394 / NIST SP 800-38F section 6.2.
"""

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)

from cdp.keys.errors import UnsealError

KEY_BYTES = 32


def wrap(wrapping_key: bytes, key: bytes) -> bytes:
    """Return ``key`` under ``wrapping_key``: 8 bytes longer than the key."""
    return aes_key_wrap(wrapping_key, key)


def unwrap(wrapping_key: bytes, wrapped: bytes) -> bytes:
    """Return the key that ``wrap`` put under ``wrapping_key``.

    Raises:
        UnsealError: another key wrapped it, or the bytes were changed.
    """
    try:
        return aes_key_unwrap(wrapping_key, wrapped)
    except (InvalidUnwrap, ValueError) as error:
        raise UnsealError("a wrapped key does not open") from error


class Wrapper:
    """A wrapping key of the ring, with the epoch that says which."""

    __slots__ = ("_key", "epoch", "name")

    def __init__(self, name: str, epoch: int, key: bytes) -> None:
        self.name = name
        self.epoch = epoch
        self._key = key

    def __repr__(self) -> str:
        return f"Wrapper({self.name!r}, epoch={self.epoch})"

    def wrap(self, key: bytes) -> bytes:
        """Return ``key`` wrapped."""
        return wrap(self._key, key)

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the key inside ``wrapped``.

        Raises:
            UnsealError: it was wrapped by another key, or changed.
        """
        return unwrap(self._key, wrapped)
