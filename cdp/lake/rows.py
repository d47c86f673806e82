"""Inbox rows: from values to bytes when an event lands, from bytes to columns in bulk.

A row's bytes are MessagePack of its values, by column name, so that a policy may gain
and lose columns while rows wait. Decoding is typed by the dataset's shape: a column
that the shape no longer names is skipped, one that is missing is NULL, and a row whose
value does not fit is *bad* as a whole. What is bad is decided here once, for flush and
view alike, so that a row shows the same before and after it moves.

Values: text as str; int, bool; decimal as an integer scaled by 10**4; timestamp in
microseconds UTC; date in days; year; lists of those. Missing is absent.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from cdp.lake.shape import (
    BUCKETS,
    ENGINE_COLUMNS,
    FORMS,
    INSTANTS,
    NO_HANDLE,
    OCCURRED_AT,
    Column,
    ColumnType,
    Shape,
)

_encoder = msgspec.msgpack.Encoder()
# The head of a MessagePack array with a 32-bit length (spec: format "array 32").
_ARRAY_32 = b"\xdd"
# Rows decoded in one call, some 10 ms: a decoder holds the interpreter, and requests
# that arrive beside a move must not wait for it.
_AT_ONCE = 2_000


class LandedRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event as the policy left it.

    Args:
        handle: the anchor's handle; None when the event was stripped.
        closed: one bit per purpose ordinal that this event is closed for.
        occurred_at: microseconds UTC, as coarse as the policy made it. Where ``values``
            has the column too, that one counts: the finer never reaches the disk.
        values: by column name.
    """

    handle: int | None
    closed: int
    occurred_at: int
    values: Mapping[str, object]

    @property
    def instant(self) -> int:
        """The instant to keep, in microseconds."""
        coarse = self.values.get(OCCURRED_AT)
        return coarse if isinstance(coarse, int) else self.occurred_at


class QuarantinedRow(LandedRow, frozen=True, kw_only=True, gc=False):
    """One event set aside, with the rule that did it and the path it looked at."""

    rule: str
    path: str
    received_at: int


class InboxRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of the inbox as parallel lists, ordered by (seq, n)."""

    seq: Sequence[int]
    n: Sequence[int]
    handle: Sequence[int | None]
    closed: Sequence[int]
    occurred_at: Sequence[int]
    row: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.seq)


class Columns(msgspec.Struct, frozen=True):
    """The good rows as Arrow columns, and the positions of the bad ones."""

    table: pa.Table
    bad: tuple[int, ...]


def encode(values: Mapping[str, object]) -> bytes:
    """Return the bytes of one row; ``occurred_at`` has a column of its own."""
    if OCCURRED_AT in values:
        values = {k: v for k, v in values.items() if k != OCCURRED_AT}
    return _encoder.encode(values)


def to_columns(
    rows: InboxRows, shape: Shape, wanted: Sequence[str] | None = None
) -> Columns:
    """Turn inbox rows into Arrow columns.

    Args:
        wanted: declared columns to give, in this order; all of them when None. A row is
            bad or not by *all* its columns, whichever are wanted.

    Returns:
        The engine's columns and the wanted ones. Rows keep their order.
    """
    names = list(shape.columns) if wanted is None else list(wanted)
    kept = tuple(dict.fromkeys((*ENGINE_COLUMNS, *names)))
    declared = [c for c in shape.columns.values() if c.name != OCCURRED_AT]
    kind = _row_type(declared)
    parts: list[pa.Table] = []
    bad: list[int] = []
    # One part at least, so that an empty batch has its columns too.
    for start in range(0, max(len(rows), 1), _AT_ONCE):
        part = _sliced(rows, slice(start, start + _AT_ONCE))
        decoded, misfits = _decode(part, kind)
        if misfits:
            part = _without(part, misfits)
            bad += sorted(start + position for position in misfits)
        parts.append(_columns(part, decoded, declared, kept))
    return Columns(pa.concat_tables(parts).combine_chunks(), tuple(bad))


def bucket_of(handle: pa.Array) -> pa.Array:
    """Return the bucket of each handle: its low five bits, -1 where there is none."""
    known = handle.is_valid().to_numpy(zero_copy_only=False)
    numbers = handle.fill_null(0).to_numpy()
    return pa.array(np.where(known, numbers & (BUCKETS - 1), NO_HANDLE), pa.int32())


def _columns(
    rows: InboxRows,
    decoded: Sequence[Any],
    declared: Sequence[Column],
    kept: Sequence[str],
) -> pa.Table:
    by_name: dict[str, pa.Array] = {
        "handle": pa.array(rows.handle, pa.int64()),
        "closed": pa.array(rows.closed, pa.int64()),
        "seq": pa.array(rows.seq, pa.int64()),
        "n": pa.array(rows.n, pa.int32()),
        OCCURRED_AT: pa.array(rows.occurred_at, pa.timestamp("us")),
    }
    for column, values in zip(declared, _transposed(decoded, declared), strict=True):
        if column.name in kept:
            by_name[column.name] = _array(values, column.type)
    return pa.table([by_name[name] for name in kept], names=list(kept))


def _decode(rows: InboxRows, kind: type[Any]) -> tuple[list[Any], set[int]]:
    low, high = INSTANTS
    bad = {
        position
        for position, instant in enumerate(rows.occurred_at)
        if not low <= instant <= high
    }
    if not bad:
        # One call for all; the slow road below only when a row is bad.
        head = _ARRAY_32 + len(rows).to_bytes(4, "big")
        everything = msgspec.msgpack.Decoder(list[kind])  # type: ignore[valid-type]  # made at run time
        try:
            return everything.decode(head + b"".join(rows.row)), bad
        except msgspec.DecodeError:
            pass
    one = msgspec.msgpack.Decoder(kind)
    good: list[Any] = []
    for position, raw in enumerate(rows.row):
        if position in bad:
            continue
        try:
            good.append(one.decode(raw))
        except msgspec.DecodeError:
            bad.add(position)
    return good, bad


def _row_type(declared: Sequence[Column]) -> type[Any]:
    # Field names are made up, since a column may be called ``class``.
    fields = [
        (f"c{i}", FORMS[c.type].inbox | None, None) for i, c in enumerate(declared)
    ]
    return msgspec.defstruct(
        "Row",
        fields,
        rename={f"c{i}": column.name for i, column in enumerate(declared)},
        gc=False,
    )


def _transposed(
    decoded: Sequence[Any], declared: Sequence[Column]
) -> Sequence[Sequence[Any]]:
    if not decoded:
        return [() for _ in declared]
    return list(zip(*map(msgspec.structs.astuple, decoded), strict=True))


def _sliced(rows: InboxRows, part: slice) -> InboxRows:
    return InboxRows(
        **{field: getattr(rows, field)[part] for field in InboxRows.__struct_fields__}
    )


def _without(rows: InboxRows, bad: set[int]) -> InboxRows:
    kept = [position for position in range(len(rows)) if position not in bad]
    return InboxRows(
        **{
            field: [getattr(rows, field)[position] for position in kept]
            for field in InboxRows.__struct_fields__
        }
    )


def _array(values: Sequence[Any], kind: ColumnType) -> pa.Array:
    match kind:
        case ColumnType.DECIMAL:
            return _decimals(pa.array(values, pa.int64()))
        case ColumnType.DECIMALS:
            scaled = pa.array(values, pa.list_(pa.int64()))
            return pa.ListArray.from_arrays(
                scaled.offsets, _decimals(scaled.values), mask=scaled.is_null()
            )
        case ColumnType.DATE:
            return pa.array(values, pa.int32()).cast(pa.date32())
        case _:
            return pa.array(values, FORMS[kind].arrow)


def _decimals(scaled: pa.Array) -> pa.Array:
    """Read integers scaled by 10**4 as DECIMAL(18,4): 128 bits, low word first."""
    low = scaled.fill_null(0).to_numpy()
    words = np.empty((len(low), 2), dtype="<i8")
    words[:, 0] = low
    words[:, 1] = low >> 63
    valid = pa.array(scaled.is_valid()) if scaled.null_count else None
    return pa.Array.from_buffers(
        FORMS[ColumnType.DECIMAL].arrow,
        len(low),
        [valid.buffers()[1] if valid is not None else None, pa.py_buffer(words)],
    )
