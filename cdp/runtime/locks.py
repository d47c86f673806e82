"""Locks of a data folder between processes: who publishes, who flushes.

The operating system drops such a lock when its holder dies, however it dies.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import ClassVar

from cdp.kernel import CdpError


class FolderBusyError(CdpError):
    """Another process holds this lock of the data folder."""

    code: ClassVar[str] = "folder.busy"


class FolderLock:
    """One named lock, as a file that holds the number of its holder.

    Args:
        path: the lock file; made when missing, never removed.
        wait: block until the lock is free instead of raising.
    """

    def __init__(self, path: Path, *, wait: bool = False) -> None:
        self._path = path
        self._wait = wait
        self._file: int | None = None

    def acquire(self) -> "FolderLock":
        """Take the lock.

        Raises:
            FolderBusyError: another process has it, and ``wait`` is off.
        """
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if self._wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            holder = os.read(handle, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(handle)
            raise FolderBusyError(
                f"{self._path.name} is held by process {holder}"
            ) from error
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        self._file = handle
        return self

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> "FolderLock":
        return self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
