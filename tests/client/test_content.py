"""The content hash: what it ignores, what it notices, what it refuses."""

import decimal
import io
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.client import ContentError, content_hash

few_texts = st.sampled_from(["", "a", "한국", "a" * 40])
few_times = st.sampled_from(
    [datetime(2026, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, tzinfo=UTC)]
)
KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "boolean": (pa.bool_(), st.booleans()),
    "cents": (
        pa.decimal128(18, 4),
        st.sampled_from([decimal.Decimal("0.1000"), decimal.Decimal(-7)]),
    ),
    "count": (pa.int64(), st.sampled_from([0, 1, -1, 2**62])),
    "seen_at": (pa.timestamp("us"), few_times.map(lambda t: t.replace(tzinfo=None))),
    "share": (pa.float64(), st.sampled_from([0.0, -1.5, float("inf")])),
    "tags": (pa.list_(pa.string()), st.lists(st.none() | few_texts, max_size=3)),
    "text": (pa.string(), few_texts),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(0, 12))
    columns = {"token": pa.array([bytes([7, i]) for i in range(rows)], pa.binary())}
    for name in draw(st.sets(st.sampled_from(sorted(KINDS)))):
        kind, values = KINDS[name]
        held = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        columns[name] = pa.array(held, kind)
    return pa.table(columns)


@given(st.data(), tables())
def test_order_chunks_and_slices_change_nothing(
    data: st.DataObject, table: pa.Table
) -> None:
    order = data.draw(st.permutations(range(table.num_rows)))
    cut = data.draw(st.integers(0, table.num_rows))
    moved = table.take(pa.array(order, pa.int64()))
    chunked = pa.concat_tables([moved.slice(0, cut), moved.slice(cut)])
    names = data.draw(st.permutations(table.column_names))
    assert content_hash(chunked.select(names)) == content_hash(table)


@given(tables())
def test_a_way_through_parquet_changes_nothing(table: pa.Table) -> None:
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=5)
    file.seek(0)
    assert content_hash(pq.read_table(file)) == content_hash(table)


@given(tables())
def test_a_wider_text_or_list_type_changes_nothing(table: pa.Table) -> None:
    wide = {pa.string(): pa.large_string(), pa.binary(): pa.large_binary()}
    columns = {
        name: table[name].cast(wide.get(table[name].type, table[name].type))
        for name in table.column_names
    }
    if "text" in columns:
        columns["text"] = columns["text"].dictionary_encode()
    if "tags" in columns:
        columns["tags"] = columns["tags"].cast(pa.large_list(pa.string()))
    assert content_hash(pa.table(columns)) == content_hash(table)


@given(st.data(), tables().filter(lambda t: t.num_rows > 0))
def test_one_changed_cell_changes_the_hash(
    data: st.DataObject, table: pa.Table
) -> None:
    name = data.draw(st.sampled_from(table.column_names))
    row = data.draw(st.integers(0, table.num_rows - 1))
    held = table[name].to_pylist()
    other = KINDS[name][1] | st.none() if name in KINDS else st.just(b"another")
    held[row] = data.draw(other.filter(lambda value: value != held[row]))
    changed = table.set_column(
        table.column_names.index(name), name, pa.array(held, table[name].type)
    )
    assert content_hash(changed) != content_hash(table)


def test_bytes_under_a_null_change_nothing() -> None:
    tokens = pa.array([b"a", b"b"])
    bitmap = pa.py_buffer(bytes([0b01]))
    hashes = {
        content_hash(
            pa.table(
                {
                    "token": tokens,
                    "x": pa.Array.from_buffers(
                        pa.int64(),
                        2,
                        [bitmap, pa.py_buffer(np.array([1, under], np.int64))],
                    ),
                    "s": pa.Array.from_buffers(
                        pa.string(),
                        2,
                        [
                            bitmap,
                            pa.py_buffer(np.array([0, 1, under], np.int32)),
                            pa.py_buffer(b"abcdefgh"),
                        ],
                    ),
                }
            )
        )
        for under in (1, 5, 8)
    }
    assert len(hashes) == 1


def test_metadata_changes_nothing() -> None:
    table = pa.table({"token": [b"a"], "x": [1]})
    assert content_hash(table.replace_schema_metadata({"k": "v"})) == content_hash(
        table
    )


def test_a_name_and_a_type_are_content() -> None:
    hashes = {
        content_hash(pa.table({"token": pa.array([b"a"]), name: pa.array([1], kind)}))
        for name in ("x", "y")
        for kind in (pa.int64(), pa.int32(), pa.float64())
    }
    assert len(hashes) == 6


def test_the_hash_of_known_rows_stays_what_it_is() -> None:
    """A released grant names it, so a new version of Arrow must not change it."""
    table = pa.table(
        {
            "token": pa.array([b"\x02b", b"\x01a"]),
            "recency_365d": pa.array([3, None], pa.int64()),
            "top_category": pa.array(["BAG SNACKS", None]),
        }
    )
    assert content_hash(table) == KNOWN


KNOWN = "7edd8e5dadb80bbfcecb7eec970fb941dfed439531d6957568a83c466904aa38"


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"x": [1]}),
        pa.table({"token": [1, 2]}),
        pa.table({"token": [b"a", b"a"]}),
        pa.table({"token": pa.array([b"a", None])}),
        pa.table({"token": [b"a"], "x": [{"nested": 1}]}),
        pa.Table.from_arrays(
            [pa.array([b"a"]), pa.array([1])] * 1 + [pa.array([2])],
            names=["token", "x", "x"],
        ),
    ],
    ids=["no token", "numbers", "twice", "null", "struct", "two of one name"],
)
def test_a_table_without_canonical_content_is_refused(table: pa.Table) -> None:
    with pytest.raises(ContentError):
        content_hash(table)
