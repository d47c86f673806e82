"""Keys: the key ring, sealing, keyed digests, signatures, permutations.

Owns every use of a cipher, so that each is in one place to review. Other rooms name
what they want (a namespace, a label, a domain and its epoch) and never hold a
long-lived key.

- A key is random, of its own, wrapped in one file of mode 0600, made on first use and
  saved before it is used.
- A destroyed key stays destroyed: nothing is ever made a second time under its name.
- A ring that is missing, open to others, edited or damaged is not opened at all; the
  error says which it is and how to mend it.

Refuses: printing a key. Knowing what a namespace, a label or a domain means.

Source: HMAC RFC 2104, HKDF RFC 5869, AES-GCM NIST SP 800-38D, AES-SIV RFC 5297, AES-KW
RFC 3394, Ed25519 RFC 8032; docs/decisions/0004-one-ring-file.md.
"""

from cdp.keys.datakeys import DataKeys
from cdp.keys.digests import Digester
from cdp.keys.errors import (
    DataKeysError,
    KeyDestroyedError,
    KeyRingDamagedError,
    KeyRingError,
    KeyRingExistsError,
    KeyRingFormatError,
    KeyRingMissingError,
    KeyRingModeError,
    KeyRingReplacedError,
    KeyRingRootError,
    KeyRingUnreadableError,
    KeyRingUnwritableError,
    KeyRingVersionError,
    KeysError,
    KeyUnknownError,
    KeyUseError,
    UnsealError,
)
from cdp.keys.permutation import permute, unpermute
from cdp.keys.ring import KeyRing
from cdp.keys.sealing import DeterministicSealer
from cdp.keys.signing import Signer, verify_ed25519
from cdp.keys.wrapping import Wrapper

__all__ = [
    "DataKeys",
    "DataKeysError",
    "DeterministicSealer",
    "Digester",
    "KeyDestroyedError",
    "KeyRing",
    "KeyRingDamagedError",
    "KeyRingError",
    "KeyRingExistsError",
    "KeyRingFormatError",
    "KeyRingMissingError",
    "KeyRingModeError",
    "KeyRingReplacedError",
    "KeyRingRootError",
    "KeyRingUnreadableError",
    "KeyRingUnwritableError",
    "KeyRingVersionError",
    "KeyUnknownError",
    "KeyUseError",
    "KeysError",
    "Signer",
    "UnsealError",
    "Wrapper",
    "permute",
    "unpermute",
    "verify_ed25519",
]
