"""The content hash of an answer: the same rows, however they are carried.

A grant names the rows that it was given for by one SHA-256, so that whoever holds both
can tell later whether they still belong together. The hash is of the table's canonical
form:

- columns sorted by name, rows by ``token``, one record batch;
- dictionaries decoded, and one width for each kind of text, bytes, list and decimal;
- metadata dropped, every column nullable;
- a byte that no value owns (under a null, behind the last row) is zero;
- written as an Arrow IPC stream, and hashed.

So row order, chunks, slices, and a way through Parquet or another data frame change
nothing; one changed cell, name or type does.

Refuses a table without unique tokens, for its rows have no order, and nested types
beyond lists, which no release has.

Source: Arrow columnar format 1.5, "IPC Streaming Format".
"""

import hashlib
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cdp.client.errors import ContentError

TOKEN = "token"  # noqa: S105 - a column's name, not a secret


def content_hash(table: pa.Table) -> str:
    """Return the SHA-256 of the table's canonical form, in lower-case hex.

    Args:
        table: Rows of an answer; column ``token`` (text or bytes) is unique and has no
            null. Rows that come in token order already are not sorted again.

    Raises:
        ContentError: no such token column, two columns of one name, or a type that has
            no canonical form here.
    """
    names = sorted(table.column_names)
    if len(set(names)) != len(names):
        raise ContentError("two columns have one name")
    table = _in_token_order(table)
    columns = [_canonical(_one_array(table.column(name))) for name in names]
    schema = pa.schema(
        [pa.field(n, c.type) for n, c in zip(names, columns, strict=True)]
    )
    batch = pa.RecordBatch.from_arrays(columns, schema=schema)
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(
        metadata_version=pa.ipc.MetadataVersion.V5, compression=None
    )
    with pa.ipc.new_stream(sink, schema, options=options) as stream:
        stream.write_batch(batch)
    return hashlib.sha256(sink.getvalue()).hexdigest()


def _in_token_order(table: pa.Table) -> pa.Table:
    if TOKEN not in table.column_names:
        raise ContentError("the table has no column token")
    tokens = _one_array(table.column(TOKEN))
    kind = tokens.type
    if pa.types.is_dictionary(kind):
        tokens, kind = tokens.dictionary_decode(), kind.value_type
    if not (_is_bytes(kind) or _is_text(kind)):
        raise ContentError("the column token is neither text nor bytes")
    # Text and bytes sort alike: UTF-8 keeps the order of code points.
    tokens = tokens.cast(pa.large_binary())
    if tokens.null_count:
        raise ContentError("a token is null")
    if _is_rising(tokens):
        return table
    order = pc.sort_indices(tokens)
    if not _is_rising(tokens.take(order)):
        raise ContentError("two rows have one token")
    return table.take(order)


def _is_rising(tokens: pa.Array) -> bool:
    # Of no or one row nothing is compared, and all() of nothing is null without this.
    rising = pc.all(pc.less(tokens[:-1], tokens[1:]), min_count=0)
    return bool(rising.as_py())


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    whole = column.combine_chunks()
    # An empty column combines into an empty chunked array in some releases of Arrow.
    return whole if isinstance(whole, pa.Array) else pa.array([], type=column.type)


def _is_text(kind: pa.DataType) -> bool:
    t = pa.types
    return bool(t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    t = pa.types
    return bool(
        t.is_binary(kind)
        or t.is_large_binary(kind)
        or t.is_binary_view(kind)
        or t.is_fixed_size_binary(kind)
    )


def _canonical(array: pa.Array) -> pa.Array:
    """Return the same values in buffers that hold nothing else."""
    kind = array.type
    t = pa.types
    if t.is_dictionary(kind):
        return _canonical(array.dictionary_decode())
    if t.is_null(kind):
        return pa.nulls(len(array))
    if _is_text(kind):
        return _variable(array.cast(pa.large_string()))
    if _is_bytes(kind):
        return _variable(array.cast(pa.large_binary()))
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind):
        return _list(array)
    if t.is_boolean(kind):
        return _boolean(array)
    if t.is_decimal(kind) and not t.is_decimal128(kind):
        return _fixed(array.cast(pa.decimal128(kind.precision, kind.scale)))
    if t.is_decimal128(kind) or t.is_primitive(kind):
        return _fixed(array)
    raise ContentError(f"a column of type {kind} has no canonical form")


def _validity(array: pa.Array) -> tuple[np.ndarray | None, pa.Buffer | None]:
    """Return (rows that are null, bitmap), or twice nothing where none is."""
    if array.null_count == 0:
        return None, None
    null = array.is_null().to_numpy(zero_copy_only=False)
    return null, _bitmap(~null)


def _bitmap(bits: np.ndarray) -> pa.Buffer:
    return _buffer(np.packbits(bits, bitorder="little"))


def _buffer(values: np.ndarray) -> pa.Buffer:
    """Return the values padded with zeros to 64 bytes, which the writer may include."""
    raw = np.ascontiguousarray(values).view(np.uint8).reshape(-1)
    padded = np.zeros(-(-raw.size // 64) * 64, dtype=np.uint8)
    padded[: raw.size] = raw
    return pa.py_buffer(padded).slice(0, raw.size)


def _fixed(array: pa.Array) -> pa.Array:
    width = array.type.bit_width // 8
    null, bitmap = _validity(array)
    start, size = array.offset * width, len(array) * width
    data = array.buffers()[1]
    held = np.frombuffer(data or b"", dtype=np.uint8)[start : start + size]
    if null is not None:
        held = held.reshape(-1, width).copy()
        held[null] = 0
    return pa.Array.from_buffers(array.type, len(array), [bitmap, _buffer(held)])


def _boolean(array: pa.Array) -> pa.Array:
    _, bitmap = _validity(array)
    held = array.fill_null(False).to_numpy(zero_copy_only=False)
    return pa.Array.from_buffers(array.type, len(array), [bitmap, _bitmap(held)])


def _variable(array: pa.Array) -> pa.Array:
    _, bitmap = _validity(array)
    kind, rows = array.type, len(array)
    if bitmap is not None:
        array = array.fill_null("" if _is_text(kind) else b"")
    _, offsets, data = array.buffers()
    ends = _offsets(offsets, array.offset, rows)
    held = np.frombuffer(data or b"", dtype=np.uint8)[ends[0] : ends[-1]]
    return pa.Array.from_buffers(
        kind, rows, [bitmap, _buffer(ends - ends[0]), _buffer(held)]
    )


def _offsets(buffer: pa.Buffer | None, start: int, rows: int) -> np.ndarray:
    if buffer is None or rows == 0:
        return np.zeros(rows + 1, dtype=np.int64)
    return np.frombuffer(buffer, dtype=np.int64)[start : start + rows + 1]


def _list(array: pa.Array) -> pa.Array:
    _, bitmap = _validity(array)
    sizes = cast("Any", pc.list_value_length(array)).fill_null(0)
    ends = np.zeros(len(array) + 1, dtype=np.int64)
    np.cumsum(sizes.to_numpy(zero_copy_only=False), out=ends[1:])
    # Unlike .values, flatten() leaves out what lies under a null.
    inner = _canonical(array.flatten())
    return pa.Array.from_buffers(
        pa.large_list(inner.type),
        len(array),
        [bitmap, _buffer(ends)],
        children=[inner],
    )
