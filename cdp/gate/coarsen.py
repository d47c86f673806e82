"""Coarsening of computed columns: what a release says under ``generalise``.

The steps are the policy's transforms, here over whole Arrow columns of one row per
profile. They never widen, and a value that cannot be transformed becomes unknown.

Refuses ``url`` and ``truncate_ip``: they are for fields, before anything is stored.

Source: house page on the policy, section 3; ``bucket`` gives the lower edge, as it does
for fields (``cdp.policy``).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cdp.policy import HierarchyTable, Step, lift

_DROPS = frozenset({"drop_field", "drop_event"})
_FLOOR_UNITS = {"hour": "hour", "day": "day", "week": "week", "month": "month"}


def can_coarsen(step: Step) -> bool:
    """Whether ``step`` makes sense for a computed column."""
    return step.transform not in ("url", "truncate_ip")


def coarsen(
    column: pa.ChunkedArray, step: Step, hierarchies: Mapping[str, HierarchyTable]
) -> pa.ChunkedArray:
    """Return the column after one transform, with its rows in place.

    Raises:
        ValueError: the transform is for fields alone, or does not fit the column's
        type.
    """
    kind = column.type
    if step.round is not None:
        to = _scalar(step.round, kind)
        return _finite(
            pc.round_to_multiple(column, multiple=to, round_mode="half_to_even")
        )
    if step.top_code is not None:
        return _clamp(column, step.top_code.min, step.top_code.max)
    if step.bucket is not None:
        return _bucket(column, step.bucket)
    if step.year_band is not None:
        band = pa.scalar(step.year_band, kind)
        return pc.multiply(pc.divide(column, band), band).cast(kind)
    if step.map is not None:
        other = None if step.map.other in _DROPS else step.map.other
        return _look_up(column, step.map.values, other)
    if step.hierarchy is not None:
        table = hierarchies[step.hierarchy.name]
        return _look_up(column, lift(table, step.hierarchy.to), None)
    if step.floor is not None:
        return pc.floor_temporal(column, unit=_FLOOR_UNITS[step.floor])
    raise ValueError(f"{step.transform} is for fields alone")


def _scalar(value: Decimal, kind: pa.DataType) -> pa.Scalar:
    if pa.types.is_decimal(kind):
        return pa.scalar(value, kind)
    if pa.types.is_integer(kind):
        return pa.scalar(int(value), kind)
    return pa.scalar(float(value), kind)


def _clamp(
    column: pa.ChunkedArray, low: Decimal | None, high: Decimal | None
) -> pa.ChunkedArray:
    kind = column.type
    # Unknown stays unknown: the comparison must not fill it with an edge.
    if low is not None:
        column = pc.max_element_wise(column, _scalar(low, kind), skip_nulls=False)
    if high is not None:
        column = pc.min_element_wise(column, _scalar(high, kind), skip_nulls=False)
    return _finite(column)


def _bucket(column: pa.ChunkedArray, edges: tuple[Decimal, ...]) -> pa.ChunkedArray:
    """Return the highest edge at or below each value; below the first is unknown."""
    column = _finite(column)
    result: Any = pa.scalar(None, column.type)
    for edge in edges:
        step = _scalar(edge, column.type)
        result = pc.if_else(pc.greater_equal(column, step), step, result)
    return result


def _finite(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))


def _look_up(
    column: pa.ChunkedArray, table: Mapping[str, str], other: str | None
) -> pa.ChunkedArray:
    # The table's own outputs map to themselves, or a second pass would lose them.
    whole = {value: value for value in table.values()} | dict(table)
    keys = pa.array(whole, pa.string())
    values = pa.array([*whole.values()], pa.string())
    found = values.take(pc.index_in(column.combine_chunks(), value_set=keys))
    if other is not None:
        found = pc.if_else(
            pc.and_(pc.is_null(found), pc.is_valid(column.combine_chunks())),
            pa.scalar(other, pa.string()),
            found,
        )
    return pa.chunked_array([found])
