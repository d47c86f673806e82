"""A pseudorandom permutation of 16-byte ids, a whole column in one call.

One AES-256 block per id. The ids MUST be random and unique (profile ids are): equal ids
give equal blocks, which is what a pseudonym is for and what makes this no encryption of
text.

- A bijection: no collisions, so no collision check.
- Two keys share no output that anybody could compare without them.

Refuses: keys that are not 32 bytes, buffers that are not whole ids. Never feed it
e-mails or padded numbers, and never build a mode of operation on it.

Source: FIPS 197; the block used as a permutation, policy page section 8.
"""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from cdp.keys.errors import KeyUseError
from cdp.keys.wrapping import KEY_BYTES

ID_BYTES = 16


def permute(key: bytes, ids: bytes) -> bytes:
    """Return each 16-byte id of ``ids`` replaced by its image under ``key``.

    Args:
        key: 32 bytes.
        ids: n * 16 bytes, the ids one after another.

    Returns:
        n * 16 bytes in the same order.

    Raises:
        KeyUseError: a wrong length.
    """
    return _cipher(key, ids).encryptor().update(ids)


def unpermute(key: bytes, images: bytes) -> bytes:
    """Return the ids whose images ``permute`` gave under the same key.

    Raises:
        KeyUseError: a wrong length.
    """
    return _cipher(key, images).decryptor().update(images)


def _cipher(key: bytes, blocks: bytes) -> Cipher[modes.ECB]:
    if len(key) != KEY_BYTES:
        raise KeyUseError("a permutation wants a key of 32 bytes")
    if len(blocks) % ID_BYTES:
        raise KeyUseError("the buffer does not hold whole ids of 16 bytes")
    return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - single blocks, no text
