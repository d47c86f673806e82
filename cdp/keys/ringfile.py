"""The ring's file on disk: the one place of this room that reads and writes it.

- Mode 0600, or it is not opened: any bit for group or others is refused.
- A save is atomic and durable before it returns: temporary file, fsync, rename, fsync
  of the folder. Whoever crashes leaves the old file or the new one, never half of one.
- Writers of several processes take turns through a lock file beside it, because the
  rename replaces the file itself.

Refuses: overwriting a ring by ``create``; following a link when it writes.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from cdp.keys.errors import (
    KeyRingExistsError,
    KeyRingMissingError,
    KeyRingModeError,
    KeyRingUnreadableError,
    KeyRingUnwritableError,
)
from cdp.runtime import FolderLock

# Device, inode, time of the last change and size: another save is another stamp.
Stamp: TypeAlias = tuple[int, int, int, int]

_OWNER_ONLY = 0o600


class RingFile:
    """The file at ``path``, links resolved once."""

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.realpath(path))
        self.name = str(self.path)

    def stamp(self) -> Stamp:
        """Return what changes whenever the file does (about a microsecond).

        Raises:
            KeyRingMissingError: there is no file.
            KeyRingUnreadableError: the folder cannot be searched.
        """
        try:
            return _stamp(os.stat(self.name))  # noqa: PTH116 - on every use of a key
        except OSError as error:
            raise self._unreadable(error) from error

    def read(self) -> tuple[bytes, Stamp]:
        """Return the file's bytes and the stamp that belongs to them.

        Raises:
            KeyRingMissingError, KeyRingUnreadableError, KeyRingModeError: see there.
        """
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise KeyRingUnreadableError(f"{self.name} is not a file")
            refuse_open_mode(self.name, status.st_mode)
            with os.fdopen(handle, "rb", closefd=False) as file:
                return file.read(), _stamp(status)
        finally:
            os.close(handle)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Wait for the other writers of this ring, in this process and others.

        Raises:
            KeyRingUnwritableError: the folder takes no lock file.
        """
        lock = FolderLock(self.path.with_name(f"{self.path.name}.lock"), wait=True)
        try:
            lock.acquire()
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            yield
        finally:
            lock.release()

    def refuse_existing(self) -> None:
        """Raise unless nothing lies at the path.

        Raises:
            KeyRingExistsError: something does.
        """
        if os.path.lexists(self.path):
            raise KeyRingExistsError(
                f"{self.name} exists already and is not overwritten: a lost ring makes "
                "every sealed byte unreadable. Choose another path, or move it away"
            )

    def write(self, raw: bytes) -> None:
        """Replace the file by ``raw``; durable when it returns. The lock MUST be held.

        Raises:
            KeyRingUnwritableError: nothing was replaced.
        """
        beside = self.path.with_name(f"{self.path.name}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            handle = os.open(beside, flags, _OWNER_ONLY)
            with os.fdopen(handle, "wb") as file:
                # What a crash left behind may have another mode.
                os.fchmod(handle, _OWNER_ONLY)
                file.write(raw)
                file.flush()
                os.fsync(handle)
            beside.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unreadable(
        self, error: OSError
    ) -> KeyRingMissingError | KeyRingUnreadableError:
        if isinstance(error, FileNotFoundError):
            return KeyRingMissingError(
                f"there is no key ring at {self.name}; `cdp init` makes one, and a "
                "lost one comes back from the backup of the key ring alone"
            )
        return KeyRingUnreadableError(
            f"{self.name} cannot be read ({error.strerror}); let the user who runs "
            "the service own the file and search its folder"
        )

    def _unwritable(self, error: OSError) -> KeyRingUnwritableError:
        return KeyRingUnwritableError(
            f"a key could not be saved beside {self.name} ({error.strerror}); the user "
            "who runs the service must be able to write in that folder"
        )


def refuse_open_mode(name: str, mode: int) -> None:
    """Raise when group or others have any right on a file of keys.

    Raises:
        KeyRingModeError: they have; the message says how to take it away.
    """
    bits = stat.S_IMODE(mode)
    if bits & 0o077:
        raise KeyRingModeError(
            f"{name} has mode {bits:04o}: others than its owner have rights on it. "
            f"Run `chmod 600 {name}`, and ask who may have read it"
        )


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_dev, status.st_ino, status.st_ctime_ns, status.st_size
