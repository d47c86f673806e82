"""Builders for the tests of the lake: a shape, rows, and what a view shows."""

import itertools
import os
import signal
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from sqlalchemy import event, text

from cdp.kernel import Seq, SystemClock, to_micros
from cdp.lake import Column, ColumnType, Lake, LandedRow, Shape, land, shape_of
from cdp.runtime import Database, current_seq, draw_seq

NOON = to_micros(datetime(2026, 11, 25, 12, tzinfo=UTC))

COLUMNS = {
    "occurred_at": ColumnType.TIMESTAMP,
    "name": ColumnType.TEXT,
    "revenue": ColumnType.DECIMAL,
    "coupon_count": ColumnType.INT,
    "is_member": ColumnType.BOOL,
    "seen_at": ColumnType.TIMESTAMP,
    "joined_on": ColumnType.DATE,
    "birth_band": ColumnType.YEAR,
    "categories": ColumnType.TEXTS,
    "quantities": ColumnType.INTS,
    "prices": ColumnType.DECIMALS,
}


def shape(dataset: str = "events", **columns: str) -> Shape:
    """A dataset of these columns, or of one column of each type."""
    wanted = columns or COLUMNS
    return shape_of(
        dataset, [Column(name, ColumnType(kind)) for name, kind in wanted.items()]
    )


def small(dataset: str = "events") -> Shape:
    return shape(dataset, occurred_at="timestamp", name="text", amount="int")


SMALL = small()


def landed(
    values: Mapping[str, object] | None = None,
    *,
    handle: int | None = 7,
    closed: int = 0,
    occurred_at: int = NOON,
) -> LandedRow:
    return LandedRow(
        handle=handle, closed=closed, occurred_at=occurred_at, values=values or {}
    )


def arrive(
    database: Database, rows: Sequence[LandedRow], dataset: str = "events"
) -> Seq:
    """Land rows as one commit."""
    with database.transaction() as connection:
        seq = draw_seq(connection)
        land(connection, dataset, seq, rows)
    return seq


def shown(
    lake: Lake,
    database: Database,
    wanted: Shape = SMALL,
    columns: Sequence[str] = (),
    *,
    watermark: int | None = None,
) -> list[dict[str, Any]]:
    """What a view shows, ordered by row id."""
    with database.snapshot() as connection:
        at = Seq(current_seq(connection) if watermark is None else watermark)
        with lake.view(connection, wanted, columns, watermark=at) as view:
            rows = view.to_arrow(view.events).to_pylist()
    return sorted(rows, key=lambda row: (row["seq"], row["n"]))


def work_until_killed(url: str, folder: Path, started: Event) -> None:
    """Land, move and compact for ever. Runs in a process of its own."""
    database = Database(url)
    lake = Lake(folder, database, SystemClock())
    for turn in itertools.count():
        arrive(database, [landed({"amount": n}, handle=n or None) for n in range(50)])
        lake.flush(SMALL)
        if turn % 3 == 2:
            lake.compact(SMALL, keep_hours=0)
        started.set()


def die_at_the_removal(url: str, folder: Path) -> None:
    """Move once, and be killed after the table's commit. Runs in its own process."""
    database = Database(url)

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    @event.listens_for(database.engine, "connect")
    def _arm(raw: sqlite3.Connection, _record: object) -> None:
        raw.create_function("die", 0, die)

    with database.transaction() as connection:
        connection.execute(
            text(
                "CREATE TEMP TRIGGER dying BEFORE DELETE ON lake_inbox "
                "BEGIN SELECT die(); END"
            )
        )
    Lake(folder, database, SystemClock()).flush(SMALL)


def ids(rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    return [(row["seq"], row["n"]) for row in rows]
