"""The DuckDB engine: one in memory for each view, closed with it.

It reads the table's Parquet files and the columns it is handed, and nothing else: no
other file, no network, no extension that it would have to download, no change of these
settings. Spilling to disk is off unless a folder for it is named, since what spills is
personal data.

- Rows have no order; ``(seq, n)`` tells them apart.
- A file that lacks a column, because it is older than the column, gives NULL.
- Timestamps are naive and mean UTC.

Refuses to print a value: an error of the engine says its kind and no more.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType

import duckdb
import ibis
import msgspec
import pyarrow as pa
from ibis.backends.duckdb import Backend

from cdp.kernel import Seq
from cdp.lake.errors import EngineError, ShapeError
from cdp.lake.shape import ENGINE_COLUMNS, Shape

_EVENTS = "events"
_INBOX = "inbox"
_SPILL = "view-"


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the machine one view may use.

    ``spill`` is a folder for what does not fit: personal data in the clear, in a folder
    of its own (0700) that goes with the view. Without it a query that needs more than
    ``memory_bytes`` fails.
    """

    threads: int = 2
    memory_bytes: int = 2 << 30
    spill: Path | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What a view reads: columns out of the inbox, and files of the table.

    ``inbox`` has the engine's columns and the wanted ones. ``through`` cuts the files'
    rows by ``seq``; None when all of them are wanted.
    """

    folder: Path
    inbox: pa.Table
    files: tuple[str, ...]
    through: Seq | None


class LakeView:
    """Events of one dataset at one watermark, as a plan on an engine of its own.

    A context manager; it owns the engine. ``events`` is an Ibis table that is bound to
    no
    engine: whoever holds it can build on it, and only ``to_arrow`` runs it.

    ``events`` has the columns ``handle``, ``closed``, ``seq``, ``n`` and the wanted
    ones.
    """

    def __init__(
        self,
        source: Source,
        shape: Shape,
        wanted: Sequence[str],
        settings: EngineSettings,
    ) -> None:
        columns = (*ENGINE_COLUMNS, *wanted)
        self._names = {_EVENTS, _INBOX}
        self._spill = _own_folder(settings.spill)
        self.ibis: Backend = _backend(source.folder, settings, self._spill)
        try:
            with _translated():
                self.ibis.con.register(_INBOX, source.inbox)
                self.ibis.raw_sql(_events_sql(source, columns))
        except BaseException:
            self.close()
            raise
        self.events: ibis.Table = ibis.table(
            {name: shape.form(name).plan for name in columns}, name=_EVENTS
        )

    def register(self, name: str, table: pa.Table) -> ibis.Table:
        """Put a table of the caller's beside the events; return its plan.

        Raises:
            ShapeError: the name is taken.
        """
        if name in self._names:
            raise ShapeError(f"a view has a table {name} already")
        self._names.add(name)
        with _translated():
            self.ibis.con.register(name, table)
        return ibis.table(ibis.Schema.from_pyarrow(table.schema), name=name)

    def to_arrow(self, plan: ibis.Table) -> pa.Table:
        """Run a plan over this view's tables.

        Raises:
            EngineError: the engine gave up.
        """
        with _translated():
            return self.ibis.to_pyarrow(plan)

    def close(self) -> None:
        """Give the engine's memory back; again is harmless."""
        self.ibis.disconnect()
        if self._spill is not None:
            shutil.rmtree(self._spill, ignore_errors=True)

    def __enter__(self) -> "LakeView":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def count_between(
    files: Sequence[str], first: int, last: int, settings: EngineSettings
) -> int:
    """Count the rows of Parquet files whose ``seq`` is in [first, last].

    Raises:
        EngineError: a file is missing or cannot be read.
    """
    if not files:
        return 0
    with _translated(), duckdb.connect(config={"threads": settings.threads}) as engine:
        query = "SELECT count(*) FROM read_parquet(?) WHERE seq BETWEEN ? AND ?"
        found = engine.execute(query, [list(files), first, last]).fetchone()
        return int(found[0]) if found else 0


def sweep(spill: Path, *, older_than: datetime) -> int:
    """Remove what views of killed processes left; return how many folders that were."""
    left = [
        folder
        for folder in spill.glob(f"{_SPILL}*")
        if folder.stat().st_mtime < older_than.timestamp()
    ]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return len(left)


def _own_folder(spill: Path | None) -> Path | None:
    if spill is None:
        return None
    spill.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Path(tempfile.mkdtemp(prefix=_SPILL, dir=spill))


def _backend(folder: Path, settings: EngineSettings, spill: Path | None) -> Backend:
    backend: Backend = ibis.duckdb.connect(
        ":memory:",
        threads=settings.threads,
        memory_limit=f"{settings.memory_bytes}B",
        temp_directory=str(spill or ""),
        preserve_insertion_order=False,
        autoinstall_known_extensions=False,
        autoload_known_extensions=False,
    )
    for statement in (
        f"SET allowed_directories=[{_literal(str(folder))}]",
        "SET enable_external_access=false",
        "SET lock_configuration=true",
    ):
        backend.raw_sql(statement)
    return backend


def _events_sql(source: Source, columns: Sequence[str]) -> str:
    """Write the view. ``shape_of`` checked the names; they are quoted all the same."""
    listed = ", ".join(f'"{name}"' for name in columns)
    rows = f'SELECT * FROM "{_INBOX}"'  # noqa: S608 - a constant
    if source.files:
        files = ", ".join(map(_literal, source.files))
        cut = "" if source.through is None else f" WHERE seq <= {int(source.through)}"
        table = f"read_parquet([{files}], union_by_name=true, hive_partitioning=false)"
        rows += f" UNION ALL BY NAME SELECT * FROM {table}{cut}"  # noqa: S608 - quoted
    return f'CREATE TEMP VIEW "{_EVENTS}" AS SELECT {listed} FROM ({rows})'  # noqa: S608 - checked and quoted


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        # The driver's text may quote a value, so it is not kept as the cause either.
        raise EngineError(f"the engine gave up: {type(error).__name__}") from None
