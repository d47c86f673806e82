"""The minimized view: all that features are ever computed from.

- ``events`` is one relational plan that only the gate can run: the usable events of
  profiles with a live grant, and exactly the columns that the release needs. Consent is
  a join in it, not a filter beside it.
- A profile is a number that means nothing outside this view.
- A view lives as long as its ``with`` block, and no rows leave through it: whoever
  wants them hands a plan to ``Gate.release``.

Only ``cdp.gate`` makes a view; a test walks the syntax trees of all rooms for that.

Source: house page on the policy, section 6.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from types import TracebackType
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from cdp.gate.errors import ForeignViewError

PROFILE = "profile"
POSITION = "_position"
# Engine and row-id columns of the lake.
_HANDLE, _CLOSED, _SEQ, _N = "handle", "closed", "seq", "n"
_OCCURRED_AT = "occurred_at"

_HOUR = 3_600_000_000  # microseconds
# Bits of a position: hours since 1970 need 20 until the year 2089; the number of a row
# in its commit gets 16.
_HOUR_BITS, _N_BITS, _INT64_BITS = 20, 16, 63


class MinimizedView:
    """Usable events of one release, for as long as the ``with`` block lasts.

    Args:
        events: Columns ``profile`` (int64), the release's inputs and, where the release
            shows fields of the dataset, ``_position`` (the order of a profile's
            events).
        attributes: Columns of the release that are fields of the dataset.
        close: Called once, at the end.
    """

    __slots__ = (
        "__weakref__",
        "_close",
        "_events",
        "as_of",
        "attributes",
        "features",
        "purpose",
        "release",
    )

    def __init__(
        self,
        *,
        events: ir.Table,
        release: str,
        purpose: str,
        as_of: datetime,
        attributes: tuple[str, ...],
        features: tuple[str, ...],
        close: Callable[[], None],
    ) -> None:
        self._events: ir.Table | None = events
        self._close = close
        self.release = release
        self.purpose = purpose
        self.as_of = as_of
        self.attributes = attributes
        self.features = features

    def __repr__(self) -> str:
        return f"MinimizedView({self.release!r}, as_of={self.as_of.isoformat()})"

    @property
    def is_open(self) -> bool:
        """Whether its engine is still there."""
        return self._events is not None

    @property
    def events(self) -> ir.Table:
        """The plan of the usable events.

        Raises:
            ForeignViewError: the view is closed.
        """
        if self._events is None:
            raise ForeignViewError("the view is closed")
        return self._events

    def per_profile(self, measures: Mapping[str, ir.Value]) -> ir.Table:
        """Return one row per profile: the measures, and the latest known attributes.

        One pass over the events makes both, so a plan should begin here.

        Args:
            measures: Aggregates over ``events``, by column name.
        """
        everything: Any = {**latest(self.events, self.attributes), **measures}
        if not everything:
            return self.events.select(PROFILE).distinct()
        return self.events.group_by(PROFILE).aggregate(**everything)

    def __enter__(self) -> "MinimizedView":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the engine back; again is harmless."""
        if self._events is not None:
            self._events = None
            self._close()


def minimized(
    lake: ir.Table,
    usable: ir.Table,
    *,
    inputs: tuple[str, ...],
    bits: tuple[int, ...],
    as_of: datetime,
    watermark: int,
    with_position: bool,
    some_cover_past: bool,
) -> ir.Table:
    """Join the lake with the live grants and keep what the release needs.

    Args:
        lake: Columns ``handle``, ``closed``, ``seq``, ``n``, ``occurred_at`` and
        inputs.
        usable: Columns ``handle``, ``profile`` and ``covers_past``: the live grants.
        bits: The ordinals of the scopes, their bits in ``closed``; one that is set
            closes the event.
        some_cover_past: Whether any grant opens what was collected under a denial.
    """
    until = ibis.literal(as_of.replace(tzinfo=None), type=dt.Timestamp(scale=6))
    mask = ibis.literal(sum(1 << bit for bit in set(bits)), type=dt.int64)
    is_open = (lake[_CLOSED] & mask) == 0
    events = lake.filter(lake[_OCCURRED_AT] <= until)
    if some_cover_past:
        joined = events.inner_join(usable, _HANDLE)
        joined = joined.filter(((joined[_CLOSED] & mask) == 0) | joined["covers_past"])
    else:
        joined = events.filter(is_open).inner_join(usable, _HANDLE)
    columns: dict[str, ir.Value] = {PROFILE: joined[PROFILE]}
    columns |= {name: joined[name] for name in inputs}
    if with_position:
        columns[POSITION] = _position(joined, watermark)
    return joined.select(**columns)


def latest(events: ir.Table, attributes: tuple[str, ...]) -> dict[str, ir.Value]:
    """Return the latest known value of each attribute, as aggregates."""
    types = events.schema()
    return {
        name: _latest_of(types[name], types[POSITION])(events[name], events[POSITION])
        for name in attributes
    }


def _position(joined: ir.Table, watermark: int) -> ir.Value:
    """Number the events: by hour of occurrence, then in the order they were taken.

    The tie-break makes the answer a function of the watermark. Finer than an hour would
    not fit a 64-bit number, and wider numbers cost a release half its time.
    """
    seq_bits = max(watermark.bit_length(), 1)
    # Before 1970 is before everything; without the edge a broken clock could overflow.
    hour = ibis.greatest(_divide(_epoch_us(joined[_OCCURRED_AT]), _HOUR), 0)
    if _HOUR_BITS + seq_bits + _N_BITS <= _INT64_BITS:
        high = ibis.literal(1 << (seq_bits + _N_BITS), type=dt.int64)
        return hour * high + joined[_SEQ] * (1 << _N_BITS) + joined[_N]
    wide = dt.Decimal(38, 0)
    high = ibis.literal(1 << (seq_bits + _N_BITS), type=dt.Decimal(38, 0))
    low = joined[_SEQ].cast(wide) * (1 << _N_BITS) + joined[_N].cast(wide)
    return hour.cast(wide) * high + low


@cache
def _latest_of(kind: dt.DataType, position: dt.DataType) -> Callable[..., ir.Value]:
    # Ibis spells argmax as an ordered FIRST, which sorts; the engine's own function
    # does not, and it skips unknown values.
    def arg_max(value: Any, position: Any) -> Any:
        raise NotImplementedError

    made: Callable[..., ir.Value] = ibis.udf.agg.builtin(
        arg_max, name="arg_max", signature=((kind, position), kind)
    )
    return made


def _epoch_us_declared(instant: Any) -> Any:
    """Microseconds since 1970 of a naive UTC timestamp; the engine's own function."""
    raise NotImplementedError


def _divide_declared(number: Any, by: Any) -> Any:
    """Divide whole numbers; the operator of Ibis goes through doubles."""
    raise NotImplementedError


_epoch_us = ibis.udf.scalar.builtin(
    _epoch_us_declared,
    name="epoch_us",
    signature=((dt.Timestamp(scale=6),), dt.int64),
)
_divide = ibis.udf.scalar.builtin(
    _divide_declared, name="divide", signature=((dt.int64, dt.int64), dt.int64)
)
