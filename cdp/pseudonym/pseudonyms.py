"""Pseudonyms (가명) of profile ids: ``key id (1 byte) || AES-256(K, id)``, by column.

- A bijection inside one domain and epoch: as many pseudonyms as ids, and no collisions.
- Two domains, or two epochs of one, share no pseudonym that anybody could join without
  both keys.
- The key id is the epoch modulo 256, so that rotation can tell the old from the new.

Pseudonymized data is personal data still (GDPR recital 26; PIPA Art. 2(1)다): rights
apply, and whoever holds the ring can turn it back.

Refuses: anything but random 16-byte ids. Never e-mails, never padded numbers. Turning
back what another epoch made, and making a key in order to turn back.

Source: policy page section 8; AES as a pseudorandom permutation, FIPS 197.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cdp.keys import KeyRing, permute, unpermute
from cdp.pseudonym.domain import Domain, domain_name
from cdp.pseudonym.errors import ForeignEpochError, UnknownShapeError

Column: TypeAlias = NDArray[np.uint8]

ID_BYTES = 16
PSEUDONYM_BYTES = 17

_MODE = "prp"
_KEY_IDS = 256


def pseudonymize(
    ring: KeyRing, domain: Domain, epoch: int, ids: bytes | Column
) -> Column:
    """Return the pseudonym of each profile id, in the same order.

    Args:
        ids: n * 16 bytes one after another, or (n, 16) uint8: random and unique.

    Returns:
        (n, 17) uint8, contiguous by row.

    Raises:
        UnknownShapeError: the column is not made of whole ids.
        KeyDestroyedError: the epoch's key was destroyed.
    """
    plain = _flat(ids, ID_BYTES)
    key = ring.domain_key(domain_name(domain), _MODE, epoch)
    images = np.frombuffer(permute(key, plain), np.uint8).reshape(-1, ID_BYTES)
    pseudonyms = np.empty((len(images), PSEUDONYM_BYTES), np.uint8)
    pseudonyms[:, 0] = key_id(epoch)
    pseudonyms[:, 1:] = images
    return pseudonyms


def reidentify(
    ring: KeyRing, domain: Domain, epoch: int, pseudonyms: bytes | Column
) -> Column:
    """Turn pseudonyms back into profile ids: a re-identification, even in the core.

    The caller MUST have recorded the access before it calls. The answer holds an id for
    every 17 bytes that carry the right key id, also for bytes that nobody ever
    received: a permutation cannot tell. Look the ids up before believing in them.

    Args:
        pseudonyms: n * 17 bytes one after another, or (n, 17) uint8.

    Returns:
        (n, 16) uint8, contiguous by row, read-only.

    Raises:
        UnknownShapeError: the column is not made of whole pseudonyms.
        ForeignEpochError: one of them carries the key id of another epoch.
        KeyUnknownError: nothing was ever pseudonymized in this domain and epoch.
        KeyDestroyedError: the epoch's key was destroyed: nobody can turn them back.
    """
    flat = np.frombuffer(_flat(pseudonyms, PSEUDONYM_BYTES), np.uint8)
    table = flat.reshape(-1, PSEUDONYM_BYTES)
    foreign = int(np.count_nonzero(table[:, 0] != key_id(epoch)))
    if foreign:
        raise ForeignEpochError(f"{foreign} pseudonyms are not of epoch {epoch}")
    key = ring.domain_key(domain_name(domain), _MODE, epoch, create=False)
    plain = unpermute(key, table[:, 1:].tobytes())
    return np.frombuffer(plain, np.uint8).reshape(-1, ID_BYTES)


def key_id(epoch: int) -> int:
    """Return the first byte of every pseudonym of ``epoch``."""
    return epoch % _KEY_IDS


def _flat(column: bytes | Column, width: int) -> bytes:
    if isinstance(column, np.ndarray):
        if column.dtype != np.uint8 or column.shape[1:] != (width,):
            raise UnknownShapeError(f"the column is not (n, {width}) uint8")
        return column.tobytes()
    if len(column) % width:
        raise UnknownShapeError(f"the column is not made of {width}-byte items")
    return column
