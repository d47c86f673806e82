"""The key ring: every key of the project, by name, and no key in anybody's hands.

- A key is random, of its own, and saved before it is first used; made on first use.
- Several processes share one file: whoever saves, the others notice at their next use.
- What is unsealed or turned back never makes a key: only writing does.
- A destroyed key stays destroyed, also under its old name.
- A ``Digester``, ``Signer`` or ``Wrapper`` once handed out keeps its key until it is
  dropped.

Refuses: printing a key, a file that others could read, a ring that is damaged in any
part.

Source: docs/decisions/0004-one-ring-file.md.
"""

import hmac
import secrets
from pathlib import Path
from typing import TypeVar

from cdp.kernel import Clock
from cdp.keys.contents import (
    KINDS,
    Address,
    Contents,
    Kind,
    decode,
    encode,
    new_contents,
    open_secrets,
    with_secret,
    without_secret,
)
from cdp.keys.derivation import derive_domain_key
from cdp.keys.digests import Digester
from cdp.keys.errors import (
    KeyDestroyedError,
    KeyRingReplacedError,
    KeyUnknownError,
    KeyUseError,
)
from cdp.keys.ringfile import RingFile, Stamp
from cdp.keys.sealing import Sealer
from cdp.keys.signing import Signer
from cdp.keys.wrapping import KEY_BYTES, Wrapper

# What a key becomes: all three are made of a name, an epoch and 32 bytes.
N = TypeVar("N", Digester, Signer, Wrapper)

# Kinds whose keys do not rotate by number: a label names its month where it wants one.
_ONLY_EPOCH = 1
_MAX_NAME = 200
# Stands for "the newest epoch" among what was built; no epoch is negative.
_NEWEST = -1


class _Opened:
    """One version of the file, opened, and what was built from it so far."""

    __slots__ = ("built", "contents", "destroyed", "secrets", "stamp")

    def __init__(
        self, contents: Contents, secrets: dict[Address, bytes], stamp: Stamp
    ) -> None:
        self.contents = contents
        self.secrets = secrets
        self.destroyed = frozenset(contents.destroyed)
        self.stamp = stamp
        # (kind, name, epoch) -> Sealer, Digester, ...; a race builds one twice,
        # harmless.
        self.built: dict[tuple[str, str, int], object] = {}

    def find(self, address: Address) -> bytes | None:
        """Return the secret at ``address``, None when there never was one.

        Raises:
            KeyDestroyedError: there was, and it was destroyed.
        """
        if address in self.destroyed:
            raise KeyDestroyedError(f"the key for {address} was destroyed")
        return self.secrets.get(address)

    def epochs(self, kind: Kind, name: str) -> list[int]:
        """Return the live epochs, in order."""
        return sorted(
            a.epoch for a in self.secrets if a.kind == kind and a.name == name
        )

    def current(self, kind: Kind, name: str) -> int:
        """Return the newest live epoch, or the one that would be made."""
        live = self.epochs(kind, name)
        if live:
            return live[-1]
        gone = [a.epoch for a in self.destroyed if a.kind == kind and a.name == name]
        return max(gone, default=0) + 1


class KeyRing:
    """The ring in one file. Make it with ``create`` or ``open``; share it freely.

    Safe for threads, and for several processes on one file.
    """

    def __init__(self, file: RingFile) -> None:
        self._file = file
        self._opened = _open(file)
        self.ring_id = self._opened.contents.ring

    @classmethod
    def create(cls, path: Path, *, clock: Clock) -> "KeyRing":
        """Make a new ring at ``path`` with mode 0600 and open it.

        Raises:
            KeyRingExistsError: something lies there already.
            KeyRingUnwritableError: the folder is missing or cannot be written.
        """
        file = RingFile(path)
        with file.locked():
            file.refuse_existing()
            file.write(encode(new_contents(clock.now())))
        return cls(file)

    @classmethod
    def open(cls, path: Path) -> "KeyRing":
        """Open the ring at ``path`` and try every secret in it.

        Raises:
            KeyRingMissingError: there is no file.
            KeyRingUnreadableError: this process cannot read it.
            KeyRingModeError: others than the owner have rights on it.
            KeyRingFormatError: not JSON, or not a ring.
            KeyRingVersionError: a ring of another version.
            KeyRingRootError: the root is not this ring's.
            KeyRingDamagedError: one of its secrets does not unwrap.
        """
        return cls(RingFile(path))

    def __repr__(self) -> str:
        return f"KeyRing({self.ring_id})"

    def digester(self, namespace: str, *, epoch: int | None = None) -> Digester:
        """Return the digester of a namespace: its newest epoch, or the one named.

        Raises:
            KeyUnknownError, KeyDestroyedError: the named epoch is not there.
        """
        return self._newest("namespace", namespace, epoch, Digester)

    def signer(self, name: str, *, epoch: int | None = None) -> Signer:
        """Return the Ed25519 signer of ``name``: its newest epoch, or the one named.

        Raises:
            KeyUnknownError, KeyDestroyedError: the named epoch is not there.
        """
        return self._newest("sign", name, epoch, Signer)

    def wrapper(self, name: str, *, epoch: int | None = None) -> Wrapper:
        """Return the wrapping key of ``name``: its newest epoch, or the one named.

        Raises:
            KeyUnknownError, KeyDestroyedError: the named epoch is not there.
        """
        return self._newest("wrap", name, epoch, Wrapper)

    def epochs(self, kind: Kind, name: str) -> list[int]:
        """Return the live epochs of a key, oldest first; empty when never made."""
        return self._fresh().epochs(kind, name)

    def seal(self, label: str, plaintext: bytes, associated: bytes) -> bytes:
        """Seal ``plaintext`` under the label's key, bound to ``associated``.

        Raises:
            KeyDestroyedError: the label's key was destroyed; it gets no second one.
        """
        return self._sealer(label, create=True).seal(plaintext, associated)

    def unseal(self, label: str, sealed: bytes, associated: bytes) -> bytes:
        """Return what ``seal`` was given under the same label and associated data.

        Raises:
            KeyDestroyedError: the label's key was destroyed, the text with it.
            KeyUnknownError: this ring never sealed under the label.
            UnsealError: other associated data, or changed bytes.
        """
        return self._sealer(label, create=False).unseal(sealed, associated)

    def mac(self, label: str, data: bytes) -> bytes:
        """Return HMAC-SHA-256 of ``data`` under the label's key, 32 bytes.

        Compare with ``hmac.compare_digest``.
        """
        _, key = self._secret(Address("mac", label, _ONLY_EPOCH), create=True)
        return hmac.digest(key, data, "sha256")

    def domain_key(
        self, domain: str, mode: str, epoch: int, *, create: bool = True
    ) -> bytes:
        """Return the key of one mode in one epoch of a pseudonym domain.

        Args:
            mode: ``prp`` (32 bytes) or ``siv`` (64 bytes).
            create: make the epoch's secret when it is new. Whoever turns pseudonyms
                back MUST pass False.

        Raises:
            KeyUnknownError: the epoch has no secret, and ``create`` is off.
            KeyDestroyedError: the epoch was destroyed.
            KeyUseError: no such mode has a key.
        """
        slot = (f"domain.{mode}", domain, epoch)
        built = self._fresh().built.get(slot)
        if isinstance(built, bytes):
            return built
        address = Address("domain", domain, epoch)
        opened, secret = self._secret(address, create=create)
        key = derive_domain_key(secret, domain, mode, epoch)
        opened.built[slot] = key
        return key

    def destroy(self, kind: Kind, name: str, epoch: int = _ONLY_EPOCH) -> bool:
        """Destroy one key for good; say whether there was one.

        What it sealed, signed for or permuted cannot be opened again from this file.
        Copies of the file hold it until they are gone, and so may the disk's free
        blocks. An address that never had a key is marked too, so that it never gets
        one.
        """
        address = Address(kind, name, epoch)
        _refuse_nameless(address)
        with self._file.locked():
            opened = self._reopen()
            if address not in opened.destroyed:
                self._file.write(encode(without_secret(opened.contents, address)))
                self._reopen()
        return address in opened.secrets

    def _newest(
        self,
        kind: Kind,
        name: str,
        epoch: int | None,
        build: type[N],
    ) -> N:
        fresh = self._fresh()
        slot = (kind, name, _NEWEST if epoch is None else epoch)
        built = fresh.built.get(slot)
        if isinstance(built, build):
            return built
        wanted = fresh.current(kind, name) if epoch is None else epoch
        address = Address(kind, name, wanted)
        opened, secret = self._secret(address, create=epoch is None)
        made = build(name, wanted, secret)
        opened.built[slot] = made
        return made

    def _sealer(self, label: str, *, create: bool) -> Sealer:
        slot = ("seal", label, _ONLY_EPOCH)
        built = self._fresh().built.get(slot)
        if isinstance(built, Sealer):
            return built
        address = Address("seal", label, _ONLY_EPOCH)
        opened, secret = self._secret(address, create=create)
        sealer = Sealer(label, secret)
        opened.built[slot] = sealer
        return sealer

    def _secret(self, address: Address, *, create: bool) -> tuple[_Opened, bytes]:
        """Return the secret, and the version of the file in which it was found.

        What is built from the secret is kept with that version and with no later one: a
        version in which the address is destroyed must never serve it.
        """
        opened = self._fresh()
        secret = opened.find(address)
        if secret is not None:
            return opened, secret
        if not create:
            raise KeyUnknownError(f"this ring has no key for {address}")
        _refuse_nameless(address)
        with self._file.locked():
            opened = self._reopen()
            secret = opened.find(address)
            if secret is None:
                secret = secrets.token_bytes(KEY_BYTES)
                self._file.write(encode(with_secret(opened.contents, address, secret)))
                opened = self._reopen()
        return opened, secret

    def _fresh(self) -> _Opened:
        """Return the file as it is now; read it again only when it changed."""
        opened = self._opened
        if self._file.stamp() != opened.stamp:
            return self._reopen()
        return opened

    def _reopen(self) -> _Opened:
        opened = _open(self._file)
        if opened.contents.ring != self.ring_id:
            raise KeyRingReplacedError(
                f"{self._file.name} now holds ring {opened.contents.ring}, opened was "
                f"{self.ring_id}; put it back, or restart if the change was meant"
            )
        self._opened = opened
        return opened


def _open(file: RingFile) -> _Opened:
    raw, stamp = file.read()
    contents = decode(raw, file.name)
    return _Opened(contents, open_secrets(contents, file.name), stamp)


def _refuse_nameless(address: Address) -> None:
    """Refuse what the file could be written with, and not be read with again."""
    name = address.name
    if address.kind not in KINDS:
        raise KeyUseError("there is no such kind of key")
    if not name or len(name) > _MAX_NAME or not name.isprintable() or address.epoch < 0:
        raise KeyUseError(
            "a key's name is 1 to 200 printable characters, its epoch >= 0"
        )
