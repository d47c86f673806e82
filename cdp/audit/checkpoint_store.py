"""The last checkpoint, in a database of its own that no backup of the store contains.

It lies beside the key ring. A store put back from yesterday is then behind it, which is
noticed; and a checkpoint is moved by compare-and-swap, so that two publishers cannot
sign two histories.

Refuses: moving from anywhere but the size and root that it holds.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from cdp.audit.checkpoint import Checkpoint
from cdp.audit.errors import AnotherWriterError, DamagedLogError
from cdp.audit.merkle import EMPTY_ROOT
from cdp.runtime import StoreUnavailableError

_BUSY_SECONDS: Final = 30
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS checkpoint (
    origin TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    note BLOB
) STRICT
"""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The last tree that was signed; ``note`` is None for that of a new log."""

    size: int
    root: bytes
    note: bytes | None


class CheckpointStore:
    """The heads of all logs of this key ring.

    Args:
        path: the SQLite file; made with mode 0600 when first written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def head(self, origin: str) -> Head | None:
        """Return the head of a log, None when this store never heard of it."""
        if not self._path.exists():
            return None
        with self._open() as connection:
            known = connection.execute(
                "SELECT 1 FROM sqlite_schema WHERE name = 'checkpoint'"
            ).fetchone()
            row = (
                known
                and connection.execute(
                    "SELECT size, root, note FROM checkpoint WHERE origin = ?",
                    (origin,),
                ).fetchone()
            )
        return Head(size=row[0], root=row[1], note=row[2]) if row else None

    def begin(self, origin: str) -> Head:
        """Take a new log into the store with its empty tree; keep one that is there."""
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO checkpoint VALUES (?, 0, ?, NULL) ON CONFLICT DO NOTHING",
                (origin, EMPTY_ROOT),
            )
        return self.head(origin) or Head(size=0, root=EMPTY_ROOT, note=None)

    def swap(self, old: Head, new: Checkpoint) -> None:
        """Move the head from exactly ``old`` to ``new``.

        Raises:
            AnotherWriterError: the head is not ``old`` any more. Fatal: another process
                publishes this log.
        """
        with self._writing() as connection:
            moved = connection.execute(
                "UPDATE checkpoint SET size = ?, root = ?, note = ? "
                "WHERE origin = ? AND size = ? AND root = ?",
                (new.size, new.root, new.note, new.origin, old.size, old.root),
            ).rowcount
        if moved != 1:
            raise AnotherWriterError(
                f"the checkpoint of {new.origin} is not at size {old.size} any more: "
                "another process publishes this log"
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file; a driver's error becomes one of ours."""
        try:
            with closing(
                sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            ) as connection:
                yield connection
        except sqlite3.OperationalError as error:
            raise StoreUnavailableError(
                "the checkpoint store does not answer"
            ) from error
        except sqlite3.DatabaseError as error:
            raise DamagedLogError("the checkpoint store cannot be read") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that holds the write lock and is durable at its end."""
        # Made once and never opened by hand again: closing a descriptor of ours would
        # drop the locks that SQLite holds on the file for this process.
        with suppress(FileExistsError):
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
            os.close(os.open(self._path, flags, 0o600))
        with self._open() as connection:
            connection.execute("PRAGMA synchronous=EXTRA")
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute(_SCHEMA)
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
