"""Data keys: one random key per handle, so that one person can be made unreadable.

- They lie in a SQLite file beside the ring, mode 0600, each wrapped (AES-KW) by the
  ring's wrapping key ``data-keys`` with its epoch; never in the store, never in its
  backups.
- A key is durable before it is returned: WAL with ``synchronous=FULL``.
- A destroyed key is overwritten (``secure_delete``, and the WAL is truncated); a mark
  stays, so the handle never gets another one. A handle is a number that then belongs to
  nobody.

Refuses: a file that others could read. Knows no person: a handle is a number here.

Source: rights page section 5 (crypto-shredding); AES-KW, RFC 3394; SQLite's
``secure_delete``: https://sqlite.org/pragma.html#pragma_secure_delete.
"""

import os
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from cdp.keys.errors import DataKeysError, KeyDestroyedError
from cdp.keys.ring import KeyRing
from cdp.keys.ringfile import refuse_open_mode
from cdp.keys.wrapping import KEY_BYTES, Wrapper

_WRAPPER = "data-keys"
# SQLite binds at most 32,766 values; smaller lists plan as fast.
_CHUNK = 5_000
_BUSY_SECONDS = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS data_key (
    handle  INTEGER PRIMARY KEY,
    epoch   INTEGER,
    wrapped BLOB -- NULL: destroyed
) STRICT
"""
_SELECT = "SELECT handle, epoch, wrapped FROM data_key"
_ADD = "INSERT INTO data_key VALUES (?, ?, ?) ON CONFLICT (handle) DO NOTHING"
_DESTROY = (
    "INSERT INTO data_key VALUES (?, NULL, NULL) "
    "ON CONFLICT (handle) DO UPDATE SET epoch = NULL, wrapped = NULL"
)


class DataKeys:
    """The data keys in the file at ``path``, made with mode 0600 when missing.

    Safe for threads, and for several processes on one file. Close it, or use ``with``.

    Raises:
        KeyRingModeError: others than the owner have rights on the file.
        DataKeysError: the file cannot be opened, or is no database.
    """

    def __init__(self, path: Path, ring: KeyRing) -> None:
        self._ring = ring
        self._path = path
        self._mutex = threading.Lock()
        self._connection = _connect(path)

    def __repr__(self) -> str:
        return f"DataKeys({self._path.name!r})"

    def for_handles(
        self, handles: Iterable[int], *, create: bool = True
    ) -> dict[int, bytes]:
        """Return the 32-byte key of each handle.

        A handle whose key was destroyed, by itself or with its wrapping key, is not in
        the answer, and never will be; with ``create`` off, neither is one that has no
        key yet.

        Raises:
            DataKeysError: the file cannot be read or written now.
            KeyUnknownError: the file belongs to another ring.
            UnsealError: a row was changed.
        """
        wanted = list(dict.fromkeys(handles))
        with self._access():
            rows = self._select(wanted)
            fresh = [h for h in wanted if h not in rows] if create else []
            if fresh:
                self._add(fresh)
                rows.update(self._select(fresh))
        return self._unwrap(rows)

    def destroy(self, handles: Iterable[int]) -> int:
        """Destroy the keys of ``handles`` for good; return how many there were.

        Raises:
            DataKeysError: the file cannot be written now; nothing was destroyed.
        """
        wanted = list(dict.fromkeys(handles))
        with self._access():
            with self._transaction():
                rows = self._select(wanted)
                self._connection.executemany(_DESTROY, [(h,) for h in wanted])
            # The freed pages are zeroed; the log still holds the row as it was before.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return sum(wrapped is not None for _, wrapped in rows.values())

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> "DataKeys":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _select(
        self, handles: Sequence[int]
    ) -> dict[int, tuple[int | None, bytes | None]]:
        found: dict[int, tuple[int | None, bytes | None]] = {}
        for start in range(0, len(handles), _CHUNK):
            chunk = handles[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            query = f"{_SELECT} WHERE handle IN ({marks})"
            rows = self._connection.execute(query, chunk)
            found.update((handle, (epoch, wrapped)) for handle, epoch, wrapped in rows)
        return found

    def _add(self, handles: Sequence[int]) -> None:
        wrapper = self._ring.wrapper(_WRAPPER)
        rows = [
            (handle, wrapper.epoch, wrapper.wrap(secrets.token_bytes(KEY_BYTES)))
            for handle in handles
        ]
        with self._transaction():
            self._connection.executemany(_ADD, rows)

    def _unwrap(
        self, rows: dict[int, tuple[int | None, bytes | None]]
    ) -> dict[int, bytes]:
        wrappers: dict[int, Wrapper | None] = {}
        keys: dict[int, bytes] = {}
        for handle, (epoch, wrapped) in rows.items():
            if epoch is None or wrapped is None:
                continue
            if epoch not in wrappers:
                wrappers[epoch] = self._wrapper(epoch)
            wrapper = wrappers[epoch]
            if wrapper is not None:
                keys[handle] = wrapper.unwrap(wrapped)
        return keys

    def _wrapper(self, epoch: int) -> Wrapper | None:
        try:
            return self._ring.wrapper(_WRAPPER, epoch=epoch)
        except KeyDestroyedError:
            # Whoever destroyed it destroyed every data key under it.
            return None

    @contextmanager
    def _access(self) -> Iterator[None]:
        with self._mutex:
            try:
                yield
            except sqlite3.Error as error:
                raise _unusable(self._path, error) from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _connect(path: Path) -> sqlite3.Connection:
    try:
        # Made here first, so that the database and its log never have another mode.
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        refuse_open_mode(str(path), os.fstat(handle).st_mode)
    finally:
        os.close(handle)
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute(_SCHEMA)
    except sqlite3.Error as error:
        connection.close()
        raise _unusable(path, error) from error
    return connection


def _unusable(path: Path, error: Exception) -> DataKeysError:
    return DataKeysError(f"the data keys in {path} cannot be used now ({error})")
