"""The lake: rows move from the inbox to the table, and a view shows each exactly once.

The move, under one lock for each dataset:

1. What the table has taken over already, a crashed move left in the inbox: finish it
   (4).
2. Read the next rows, ordered by (seq, n), whole positions only. A row that does not
   fit its column goes to the quarantine; no view showed it either.
3. Append them to the table. The commit carries the last position S.
4. Force the files to the disk, count the rows back out of them, and only then remove
   what is at or below S from the inbox, a few thousand at a time so that nobody waits
   long.

A crash after any step is the start of another move: before 3 nothing happened, after it
the table says S, and step 1 goes on where it stopped.

A view reads the inbox first and the table second: whatever a move between the two took
over is then in both, and the table's S tells which copy to skip. The other way round it
could be in neither.

Refuses to move when the table is ahead of the store: the rows would count as taken
over.

Source: docs/decisions/0030-counted-back-before-removal.md.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
import pyarrow.compute as pc

from cdp.kernel import Clock, Seq, to_micros
from cdp.lake import repository
from cdp.lake.delta import Compacted, Contents, EventTable
from cdp.lake.engine import EngineSettings, LakeView, Source, count_between, sweep
from cdp.lake.errors import EngineError, LakeAheadError, LakeDamagedError
from cdp.lake.rows import to_columns
from cdp.lake.shape import Shape
from cdp.runtime import Connection, Database, FolderLock, current_seq

RULE_TYPE = "lake.type"
# Rows removed in one transaction: on SQLite every writer waits for it. Some 10 ms.
_REMOVED_AT_ONCE = 5_000


class FlushReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a move did.

    ``moved`` rows were appended now, ``finished`` were left over from a crash,
    ``set_aside`` went to the quarantine. The inbox is empty up to ``through``.
    """

    moved: int
    finished: int
    set_aside: int
    through: Seq


class Lake:
    """The events of every dataset, in one folder and one store.

    Args:
        folder: holds one folder for each dataset. MUST NOT be shared by two stores.
        engine: what one view may use of the machine.
    """

    def __init__(
        self,
        folder: Path,
        database: Database,
        clock: Clock,
        *,
        engine: EngineSettings | None = None,
    ) -> None:
        self._folder = folder
        self._database = database
        self._clock = clock
        self._engine = engine or EngineSettings()

    def flush(self, shape: Shape, *, limit: int = 100_000) -> FlushReport:
        """Move ``limit`` rows, and the rest of the last seq, from inbox to table.

        Raises:
            FolderBusyError: another process moves or compacts this dataset.
            LakeAheadError: the table knows positions that the store does not.
            LakeDamagedError: the table does not show what it took over.
            SchemaConflictError: a column changed its type.
        """
        with self._lock(shape.dataset):
            table = self._table(shape.dataset)
            contents = table.contents()
            with self._database.snapshot() as connection:
                current = current_seq(connection)
                if contents.through > current:
                    raise LakeAheadError(
                        f"{shape.dataset}: the table is at {contents.through}, "
                        f"the store at {current}"
                    )
                leftover = repository.positions(
                    connection, shape.dataset, through=contents.through
                )
                rows = repository.next_batch(
                    connection, shape.dataset, after=contents.through, limit=limit
                )
            self._finish(shape, table, contents, leftover)
            columns = to_columns(rows, shape)
            if columns.bad:
                with self._database.transaction() as connection:
                    repository.set_aside(
                        connection,
                        shape.dataset,
                        rows,
                        columns.bad,
                        rule=RULE_TYPE,
                        received_at=to_micros(self._clock.now()),
                    )
            moved = columns.table.num_rows
            if moved:
                through = Seq(rows.seq[-1])
                positions = columns.table["seq"].to_pylist()
                contents = table.append(columns.table, shape, through=through)
                self._finish(shape, table, contents, positions)
            return FlushReport(
                moved=moved,
                finished=len(leftover),
                set_aside=len(columns.bad),
                through=contents.through,
            )

    def compact(self, shape: Shape, *, keep_hours: int = 1) -> Compacted:
        """Gather the small files of each bucket; destroy what nobody needs any more.

        Args:
            keep_hours: the longest that a view may stay open.

        Raises:
            FolderBusyError: another process moves or compacts this dataset.
        """
        with self._lock(shape.dataset):
            done = self._table(shape.dataset).compact(keep_hours=keep_hours)
        if self._engine.spill is not None:
            age = timedelta(hours=keep_hours)
            sweep(self._engine.spill, older_than=self._clock.now() - age)
        return done

    def view(
        self,
        connection: Connection,
        shape: Shape,
        columns: Sequence[str],
        *,
        watermark: Seq,
    ) -> LakeView:
        """Open the rows at or below a watermark: inbox and table, each row once.

        Args:
            connection: a snapshot. The consent that judges the rows MUST come from it
                too.
            columns: declared columns wanted beside the engine's own.

        Raises:
            UnknownColumnError: the dataset does not declare one of them.
        """
        for name in columns:
            shape.form(name)
        rows = repository.waiting(connection, shape.dataset, through=watermark)
        table = self._table(shape.dataset)
        contents = table.contents()
        inbox = to_columns(rows, shape, columns).table
        source = Source(
            folder=table.folder,
            inbox=inbox.filter(pc.greater(inbox["seq"], contents.through)),
            files=contents.files,
            through=watermark if watermark < contents.through else None,
        )
        return LakeView(source, shape, columns, self._engine)

    def _finish(
        self, shape: Shape, table: EventTable, contents: Contents, positions: list[int]
    ) -> None:
        """Remove from the inbox what the table shows; ``positions`` are in order."""
        if not positions:
            return
        table.sync(contents)
        first, last = positions[0], positions[-1]
        try:
            shown = count_between(contents.files, first, last, self._engine)
        except EngineError as error:
            raise LakeDamagedError(f"{shape.dataset}: a file cannot be read") from error
        if shown != len(positions):
            raise LakeDamagedError(
                f"{shape.dataset}: {len(positions)} rows were taken over from "
                f"{first} to {last}, the table shows {shown}"
            )
        steps = [*positions[_REMOVED_AT_ONCE - 1 :: _REMOVED_AT_ONCE], last]
        for step in steps:
            with self._database.transaction() as connection:
                repository.remove(connection, shape.dataset, through=Seq(step))

    def _lock(self, dataset: str) -> FolderLock:
        self._folder.mkdir(parents=True, exist_ok=True)
        return FolderLock(self._folder / f"{dataset}.lock")

    def _table(self, dataset: str) -> EventTable:
        return EventTable(self._folder / dataset)
