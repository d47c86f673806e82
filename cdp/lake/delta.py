"""The Delta table of one dataset: the only code that writes the lake's files.

- An append carries the position it reaches in its own commit (Delta's application
  transaction): both are there or neither is.
- Files are partitioned by bucket, so that one person's rows are in one 32nd of the
  table.
- The table's log keeps smallest and largest values of ``handle``, ``seq`` and
  ``occurred_at`` alone: no other value of a person is copied out of the data files.
- ``sync`` MUST run before anything that the table took over is removed elsewhere: the
  writer leaves its files to the page cache.

Refuses to append a column under another type than the table has.

Source: Delta Lake protocol, "Transaction Identifiers", "Per-file Statistics".
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import (
    CommitProperties,
    DeltaTable,
    Transaction,
    WriterProperties,
    write_deltalake,
)

from cdp.kernel import Seq
from cdp.lake.errors import SchemaConflictError
from cdp.lake.rows import bucket_of
from cdp.lake.shape import Shape

_APPLICATION = "inbox"
_CONFIGURATION = {"delta.dataSkippingStatsColumns": "handle,seq,occurred_at"}
_LOG = "_delta_log"


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What one version holds: its files, and how far the inbox has come."""

    version: int
    through: Seq
    files: tuple[str, ...]


class Compacted(msgspec.Struct, frozen=True, kw_only=True):
    """What a compaction did, in files: written, replaced, gone from the disk."""

    files_added: int = 0
    files_replaced: int = 0
    files_destroyed: int = 0


class EventTable:
    """The table in one folder. It exists from its first append on.

    Args:
        folder: the table's own folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def contents(self) -> Contents:
        """Read the newest version."""
        table = self._open()
        if table is None:
            return Contents(version=-1, through=Seq(0), files=())
        return Contents(
            version=table.version(),
            through=Seq(table.transaction_version(_APPLICATION) or 0),
            files=tuple(table.file_uris()),
        )

    def append(self, rows: pa.Table, shape: Shape, *, through: Seq) -> Contents:
        """Add rows, and the position they reach, in one commit; return what is new.

        Args:
            rows: the engine's columns and all declared ones; any order.

        Returns:
            The new version, with only the files that this call added.

        Raises:
            SchemaConflictError: the table has a column under another type.
        """
        before = self._open()
        if before is not None:
            _refuse_conflict(before, shape)
        # Asked now, since the writer moves ``before`` on to the version it makes.
        known = set() if before is None else set(before.file_uris())
        rows = rows.append_column("bucket", bucket_of(rows["handle"].combine_chunks()))
        # Rows of one person side by side: smaller files, warmer group-by.
        order = [("bucket", "ascending"), ("handle", "ascending"), ("seq", "ascending")]
        write_deltalake(
            self.folder if before is None else before,
            rows.take(pc.sort_indices(rows, sort_keys=order)),
            mode="append",
            partition_by=["bucket"],
            configuration=_CONFIGURATION if before is None else None,
            schema_mode="merge",
            writer_properties=_writing(),
            commit_properties=CommitProperties(
                app_transactions=[Transaction(_APPLICATION, through)]
            ),
        )
        after = self.contents()
        return msgspec.structs.replace(
            after, files=tuple(file for file in after.files if file not in known)
        )

    def sync(self, contents: Contents) -> None:
        """Force files, their folders and the log of one version down to the disk."""
        log = self.folder / _LOG
        files = [Path(file) for file in contents.files]
        commit = log / f"{contents.version:020}.json"
        _fsync(files)
        _fsync({file.parent for file in files} | {self.folder})
        _fsync([commit, log] if commit.exists() else [log])

    def compact(self, *, keep_hours: int) -> Compacted:
        """Write the small files of each bucket as one; destroy files no version needs.

        Args:
            keep_hours: how long a replaced file stays for views that still read it.
        """
        table = self._open()
        if table is None:
            return Compacted()
        done = table.optimize.compact(writer_properties=_writing())
        destroyed = table.vacuum(
            retention_hours=keep_hours,
            enforce_retention_duration=False,
            dry_run=False,
            full=True,  # also what a crashed write left behind
        )
        return Compacted(
            files_added=done["numFilesAdded"],
            files_replaced=done["numFilesRemoved"],
            files_destroyed=len(destroyed),
        )

    def _open(self) -> DeltaTable | None:
        if not DeltaTable.is_deltatable(str(self.folder)):
            return None
        return DeltaTable(self.folder)


def _writing() -> WriterProperties:
    return WriterProperties(compression="ZSTD", compression_level=1)


def _refuse_conflict(table: DeltaTable, shape: Shape) -> None:
    stored = {
        field["name"]: field["type"]
        for field in json.loads(table.schema().to_json())["fields"]
    }
    for name in shape.columns:
        wanted = shape.form(name).delta
        if name in stored and stored[name] != wanted:
            raise SchemaConflictError(
                f"{shape.dataset}.{name} is {stored[name]} in the table and {wanted} "
                "in the policy; a changed type is a new field"
            )


def _fsync(paths: Iterable[Path]) -> None:
    for path in paths:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
