"""Late, shuffled and half-moved events give the features of the ordered ones."""

from collections.abc import Sequence
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from cdp.features import FEATURES, PROFILE, compute
from cdp.kernel import FixedClock, Handle, Seq, to_micros
from cdp.lake import Column, ColumnType, EngineSettings, Lake, LandedRow, land, shape_of
from cdp.runtime import Database, current_seq, draw_seq
from tests.features.support import AS_OF, PlainView

HOUR = timedelta(hours=1)
COLUMNS = {
    "occurred_at": ColumnType.TIMESTAMP,
    "name": ColumnType.TEXT,
    "revenue": ColumnType.DECIMAL,
    "coupon_count": ColumnType.INT,
    "channel": ColumnType.TEXT,
    "categories": ColumnType.TEXTS,
}
EVENTS = [
    LandedRow(
        handle=Handle(handle),
        closed=0,
        occurred_at=to_micros(AS_OF.astimezone(UTC) - n * 7 * HOUR),
        values={
            "name": ("order", "order", "refund", "view")[n % 4],
            "revenue": 1_111 * n,
            "coupon_count": n % 3,
            "channel": ("store", "online")[n % 2],
            "categories": ["a", "b", "c"][: n % 4],
        },
    )
    for n in range(40)
    for handle in (1, 2, 33)
]


def features_of(
    folder: Path, database: Database, dataset: str, batches: Sequence[list[LandedRow]]
) -> list[dict[str, Any]]:
    """Land each batch, move all but the last, and compute over what a view shows."""
    shape = shape_of(dataset, [Column(n, kind) for n, kind in COLUMNS.items()])
    lake = Lake(folder, database, FixedClock(AS_OF), engine=EngineSettings(threads=2))
    for batch in batches:
        lake.flush(shape)
        with database.transaction() as connection:
            land(connection, dataset, draw_seq(connection), batch)
    with database.snapshot() as connection:
        at: Seq = current_seq(connection)
        opened = lake.view(connection, shape, list(COLUMNS), watermark=at)
    with opened as view:
        people = pa.table({"handle": [1, 2, 33], PROFILE: [0, 1, 1]})
        joined = view.events.inner_join(view.register("people", people), "handle")
        events = joined.select(PROFILE, *COLUMNS)
        rows = view.to_arrow(compute(PlainView(events, FEATURES))).to_pylist()
    return sorted(rows, key=lambda row: int(row[PROFILE]))


def test_the_way_events_arrive_changes_nothing(
    database: Database, tmp_path: Path
) -> None:
    ordered = features_of(tmp_path, database, "ordered", [EVENTS])
    late = [EVENTS[::2][::-1], EVENTS[1::4], EVENTS[3::4][::-1]]
    assert features_of(tmp_path, database, "late", late) == ordered
    assert [row["frequency_30d"] for row in ordered] == [20, 40]
