"""What can go wrong with keys, grouped by who must act.

Messages name files, addresses of keys (kind, name, epoch) and the way to mend it; never
a key, never what a key protects.
"""

from typing import ClassVar

from cdp.kernel import CdpError


class KeysError(CdpError):
    """Something about keys."""

    code: ClassVar[str] = "keys"


# The operator must act: the ring's file.


class KeyRingError(KeysError):
    """The key ring cannot be used as it lies there."""

    code: ClassVar[str] = "keys.ring"


class KeyRingMissingError(KeyRingError):
    """There is no file where the ring should be."""

    code: ClassVar[str] = "keys.ring_missing"


class KeyRingExistsError(KeyRingError):
    """A ring was to be made where something lies already."""

    code: ClassVar[str] = "keys.ring_exists"


class KeyRingUnreadableError(KeyRingError):
    """The file is there and this process cannot read it."""

    code: ClassVar[str] = "keys.ring_unreadable"


class KeyRingUnwritableError(KeyRingError):
    """A new key could not be made durable, so it was not used."""

    code: ClassVar[str] = "keys.ring_unwritable"


class KeyRingModeError(KeyRingError):
    """Others than the owner could read or change the file."""

    code: ClassVar[str] = "keys.ring_mode"


class KeyRingFormatError(KeyRingError):
    """The file is not a key ring, or is cut or edited."""

    code: ClassVar[str] = "keys.ring_format"


class KeyRingVersionError(KeyRingError):
    """The file is a key ring of a version that this release does not know."""

    code: ClassVar[str] = "keys.ring_version"


class KeyRingRootError(KeyRingError):
    """The root key in the file is not the one that wrapped its secrets."""

    code: ClassVar[str] = "keys.ring_root"


class KeyRingDamagedError(KeyRingError):
    """The root is right, but one secret does not unwrap."""

    code: ClassVar[str] = "keys.ring_damaged"


class KeyRingReplacedError(KeyRingError):
    """Another ring lies where this process opened its own."""

    code: ClassVar[str] = "keys.ring_replaced"


class DataKeysError(KeysError):
    """The database of data keys cannot be used now."""

    code: ClassVar[str] = "keys.data_keys"


# The caller must act.


class KeyUnknownError(KeysError):
    """This ring never had the key that was asked for."""

    code: ClassVar[str] = "keys.unknown"


class KeyDestroyedError(KeysError):
    """The key was destroyed on purpose; what it protected is gone for good."""

    code: ClassVar[str] = "keys.destroyed"


class UnsealError(KeysError):
    """The bytes were changed, or sealed with another key or other associated data."""

    code: ClassVar[str] = "keys.unseal"


class KeyUseError(KeysError):
    """A key was asked for or used in a way that has no meaning: a bug of ours."""

    code: ClassVar[str] = "keys.use"
