"""From values to bytes and back to columns: nothing is lost, nothing slips in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.kernel import to_micros
from cdp.lake.rows import InboxRows, encode, to_columns
from cdp.lake.shape import INSTANTS, ColumnType, Shape
from tests.lake.support import NOON, shape

INTS = st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63)]) | st.integers(-9, 9)
SCALED = st.sampled_from([0, 1, -1, 10**18 - 1, 1 - 10**18]) | st.integers(-9, 9)
TEXTS = st.sampled_from(["", "a", "주문", "\x00", "it's"])
BY_TYPE: dict[ColumnType, st.SearchStrategy[Any]] = {
    ColumnType.TEXT: TEXTS,
    ColumnType.INT: INTS,
    ColumnType.DECIMAL: SCALED,
    ColumnType.BOOL: st.booleans(),
    ColumnType.TIMESTAMP: st.sampled_from([*INSTANTS, 0, NOON]),
    ColumnType.DATE: st.sampled_from([-719_162, 0, 20_000, 2_932_896]),
    ColumnType.YEAR: st.sampled_from([1, 1985, 9999]),
    ColumnType.TEXTS: st.lists(TEXTS, max_size=3),
    ColumnType.INTS: st.lists(INTS, max_size=3),
    ColumnType.DECIMALS: st.lists(SCALED, max_size=3),
}
FULL = shape()
CARRIED = {n: c.type for n, c in FULL.columns.items() if n != "occurred_at"}
VALUES = st.fixed_dictionaries(
    {}, optional={name: BY_TYPE[kind] for name, kind in CARRIED.items()}
)


def inbox(*rows: bytes, occurred_at: int = NOON) -> InboxRows:
    many = range(len(rows))
    return InboxRows(
        seq=[1 for _ in many],
        n=list(many),
        handle=[None if n % 2 else n for n in many],
        closed=[0 for _ in many],
        occurred_at=[occurred_at for _ in many],
        row=rows,
    )


def plain(value: Any, kind: ColumnType) -> Any:
    """What Arrow hands out, back in the inbox's terms."""
    match kind:
        case _ if value is None:
            return None
        case ColumnType.DECIMAL:
            return int(value.scaleb(4))
        case ColumnType.DECIMALS:
            return [int(item.scaleb(4)) for item in value]
        case ColumnType.TIMESTAMP:
            return to_micros(value.astimezone())
        case ColumnType.DATE:
            return value.toordinal() - 719_163
        case _:
            return value


@given(st.lists(VALUES, max_size=4))
def test_columns_say_what_the_values_said(rows: list[dict[str, Any]]) -> None:
    columns = to_columns(inbox(*map(encode, rows)), FULL)
    assert columns.bad == ()
    for name, kind in CARRIED.items():
        found = columns.table[name]
        if kind is ColumnType.TIMESTAMP:
            found = found.cast("int64")
            assert found.to_pylist() == [row.get(name) for row in rows]
        else:
            assert [plain(value, kind) for value in found.to_pylist()] == [
                row.get(name) for row in rows
            ]


WRONG: list[tuple[str, Any]] = [
    ("name", 1),
    ("revenue", 1.5),
    ("revenue", 10**18),
    ("coupon_count", "1"),
    ("coupon_count", True),
    ("coupon_count", 2**63),
    ("is_member", 1),
    ("seen_at", INSTANTS[1] + 1),
    ("joined_on", 2_932_897),
    ("birth_band", 0),
    ("categories", ["a", None]),
    ("categories", "a"),
    ("quantities", [1.0]),
    ("prices", [10**18]),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_value_that_does_not_fit_takes_its_row_out(name: str, value: Any) -> None:
    good = encode({"name": "a"})
    columns = to_columns(inbox(good, encode({name: value}), good), FULL)
    assert columns.bad == (1,)
    assert columns.table["n"].to_pylist() == [0, 2]
    # Bad is a property of the row, not of the columns that somebody asks for.
    assert to_columns(inbox(encode({name: value})), FULL, []).bad == (0,)


def test_an_instant_that_no_calendar_has_takes_its_row_out() -> None:
    for instant in (INSTANTS[0] - 1, INSTANTS[1] + 1):
        assert to_columns(inbox(encode({}), occurred_at=instant), FULL).bad == (0,)


def test_bytes_that_are_no_row_take_themselves_out() -> None:
    assert to_columns(inbox(b"", b"\x93\x01", encode({})), FULL).bad == (0, 1)


def test_a_column_that_the_shape_has_lost_is_skipped() -> None:
    now: Shape = shape(occurred_at="timestamp", name="text")
    columns = to_columns(inbox(encode({"name": "a", "gone": {"x": [1]}})), now)
    assert columns.bad == ()
    assert columns.table["name"].to_pylist() == ["a"]


def test_a_column_may_be_called_like_a_keyword() -> None:
    now = shape(**{"occurred_at": "timestamp", "class": "text", "at": "int"})
    columns = to_columns(inbox(encode({"class": "a", "at": 1})), now)
    assert columns.table.select(["class", "at"]).to_pylist() == [
        {"class": "a", "at": 1}
    ]
