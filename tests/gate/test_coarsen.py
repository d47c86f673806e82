"""Coarsening of computed columns against the transforms of fields."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.gate.coarsen import can_coarsen, coarsen
from cdp.policy import HierarchyTable, Step

REGIONS = HierarchyTable(
    name="region",
    levels=("town", "county", "land"),
    rows=(("a1", "a", "x"), ("a2", "a", "x"), ("b1", "b", "y")),
)


def step(**given_: Any) -> Step:
    return msgspec.convert(given_, Step)


def run(values: list[Any], how: Step, kind: pa.DataType) -> list[Any]:
    column = pa.chunked_array([pa.array(values, kind)])
    once = coarsen(column, how, {"region": REGIONS})
    assert coarsen(once, how, {"region": REGIONS}).equals(once)
    assert once.type == kind
    found: list[Any] = once.to_pylist()
    return found


@given(st.lists(st.none() | st.integers(-1000, 1000)), st.sampled_from([1, 5, 100]))
def test_rounding_is_to_the_nearest_multiple_and_half_to_even(
    values: list[int | None], to: int
) -> None:
    expected = [None if v is None else round(Decimal(v) / to) * to for v in values]
    assert run(values, step(round=Decimal(to)), pa.int64()) == expected


def test_decimals_round_exactly() -> None:
    kind = pa.decimal128(18, 4)
    values = [Decimal("149.9999"), Decimal(150), Decimal(250), None]
    expected = [Decimal(100), Decimal(200), Decimal(200), None]
    assert run(values, step(round=Decimal(100)), kind) == expected


def test_numbers_that_are_none_become_unknown() -> None:
    values = [float("nan"), float("inf"), 1.4, None]
    assert run(values, step(round=Decimal(1)), pa.float64()) == [None, None, 1.0, None]
    top = step(top_code={"max": Decimal(3)})
    assert run(values, top, pa.float64())[2:] == [1.4, None]


def test_edges_clamp_and_unknown_stays_unknown() -> None:
    both = step(top_code={"min": Decimal(0), "max": Decimal(10)})
    assert run([-5, 5, 50, None], both, pa.int64()) == [0, 5, 10, None]


def test_a_bucket_is_named_by_its_lower_edge() -> None:
    how = step(bucket=[Decimal(0), Decimal(10), Decimal(100)])
    assert run([-1, 0, 9, 10, 500, None], how, pa.int64()) == [
        None,
        0,
        0,
        10,
        100,
        None,
    ]


def test_a_year_band_is_named_by_its_first_year() -> None:
    assert run([1984, 1985, None], step(year_band=5), pa.int16()) == [1980, 1985, None]


def test_texts_map_and_climb() -> None:
    table = {"values": {"a": "x"}, "other": "rest"}
    assert run(["a", "b", None], step(map=table), pa.string()) == ["x", "rest", None]
    dropped = {"values": {"a": "x"}, "other": "drop_field"}
    assert run(["a", "b", None], step(map=dropped), pa.string()) == ["x", None, None]
    up = step(hierarchy={"name": "region", "to": "county"})
    assert run(["a2", "b", "zz", None], up, pa.string()) == ["a", "b", None, None]


def test_instants_floor() -> None:
    moment = datetime(2026, 11, 25, 12, 34, 56)  # noqa: DTZ001 - the lake's are naive
    for unit, expected in (
        ("hour", datetime(2026, 11, 25, 12)),  # noqa: DTZ001 - as above
        ("day", datetime(2026, 11, 25)),  # noqa: DTZ001 - as above
        ("week", datetime(2026, 11, 23)),  # noqa: DTZ001 - as above
        ("month", datetime(2026, 11, 1)),  # noqa: DTZ001 - as above
    ):
        how = step(floor=unit)
        assert run([moment, None], how, pa.timestamp("us")) == [expected, None]


def test_steps_of_fields_are_refused() -> None:
    how = step(url={"keep": 1})
    assert not can_coarsen(how)
    with pytest.raises(ValueError, match="fields alone"):
        coarsen(pa.chunked_array([pa.array(["a"])]), how, {})
