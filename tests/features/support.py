"""A view without a gate: the same shape, over a table of events in memory."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from cdp.features import FEATURES, PROFILE, compute

AS_OF = datetime(2026, 11, 25, 12, tzinfo=UTC)

SCHEMA = pa.schema(
    {
        PROFILE: pa.int64(),
        "occurred_at": pa.timestamp("us"),
        "name": pa.string(),
        "revenue": pa.decimal128(18, 4),
        "coupon_count": pa.int64(),
        "channel": pa.string(),
        "categories": pa.list_(pa.string()),
    }
)


class PlainView:
    """What ``compute`` may know, and nothing behind it."""

    def __init__(
        self,
        events: ir.Table,
        features: Iterable[str],
        *,
        as_of: datetime = AS_OF,
        purpose: str = "segmentation",
    ) -> None:
        self.events = events
        self.features = tuple(features)
        self.as_of = as_of
        self.purpose = purpose

    def per_profile(self, measures: Mapping[str, ir.Value]) -> ir.Table:
        if not measures:
            return self.events.select(PROFILE).distinct()
        return self.events.group_by(PROFILE).aggregate(**measures)


def happened(
    profile: int = 0, *, at: datetime = AS_OF, name: str = "order", **values: Any
) -> dict[str, Any]:
    naive = at.astimezone(UTC).replace(tzinfo=None)
    row = dict.fromkeys(SCHEMA.names) | values
    row |= {PROFILE: profile, "occurred_at": naive, "name": name}
    if row["revenue"] is not None:
        row["revenue"] = Decimal(str(row["revenue"])).quantize(Decimal("0.0001"))
    return row


def computed(
    events: Sequence[Mapping[str, Any]] | pa.Table,
    *features: str,
    as_of: datetime = AS_OF,
    zone: str = "UTC",
) -> dict[int, dict[str, Any]]:
    """Compute features on a real engine; all of them when none is named."""
    if not isinstance(events, pa.Table):
        events = pa.Table.from_pylist(events, SCHEMA)
    engine = ibis.duckdb.connect()
    try:
        engine.con.register("events", events)
        plan = ibis.table(ibis.Schema.from_pyarrow(events.schema), name="events")
        view = PlainView(plan, features or FEATURES, as_of=as_of)
        rows = engine.to_pyarrow(compute(view, zone=zone)).to_pylist()
    finally:
        engine.disconnect()
    found = {row.pop(PROFILE): row for row in rows}
    assert len(found) == len(rows)  # one row for each profile
    return found
