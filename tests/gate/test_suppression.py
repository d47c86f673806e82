"""k and l over the rows of one answer, against a count by hand."""

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from cdp.gate.suppression import KEPT, TOO_ALIKE, TOO_SMALL, codes, suppress

Row: TypeAlias = tuple[str | None, int | None, str | None]

ages = st.sampled_from(["20s", "30s", None])
sizes = st.sampled_from([1, 2, None])
incomes = st.sampled_from(["low", "high", None])
people = st.lists(st.tuples(ages, sizes, incomes), max_size=24)


def table(rows: Sequence[Row]) -> pa.Table:
    return pa.table(
        {
            "age": pa.array([row[0] for row in rows], pa.string()),
            "size": pa.array([row[1] for row in rows], pa.int64()),
            "income": pa.array([row[2] for row in rows], pa.string()),
        }
    )


@given(people, st.integers(1, 5), st.integers(1, 3))
def test_no_class_below_k_or_l_is_kept(rows: list[Row], k: int, distinct: int) -> None:
    verdicts = suppress(table(rows), ["age", "size"], ["income"], k, distinct)
    kept = [row for row, verdict in zip(rows, verdicts, strict=True) if verdict == KEPT]
    for age, size in {row[:2] for row in kept}:
        members = [row for row in rows if row[:2] == (age, size)]
        shown = {row[2] for row in members} - {None}
        assert len(members) >= k
        assert not shown or len(shown) >= distinct
        # A class leaves as a whole or not at all.
        assert Counter(members) == Counter(
            row for row in kept if row[:2] == (age, size)
        )


@given(people, st.integers(1, 5), st.integers(1, 3))
def test_one_class_is_never_missing_alone(
    rows: list[Row], k: int, distinct: int
) -> None:
    verdicts = suppress(table(rows), ["age", "size"], ["income"], k, distinct)
    classes = {row[:2] for row in rows}
    missing = {
        row[:2] for row, verdict in zip(rows, verdicts, strict=True) if verdict != KEPT
    }
    assert len(missing) != 1 or len(classes) == 1


@given(st.data(), people, st.integers(1, 5), st.integers(1, 3))
def test_the_order_of_the_rows_does_not_matter(
    data: st.DataObject,
    rows: list[Row],
    k: int,
    distinct: int,
) -> None:
    shuffled = data.draw(st.permutations(rows))

    def verdict_by_row(some: list[Row]) -> object:
        verdicts = suppress(table(some), ["age", "size"], ["income"], k, distinct)
        return {row: int(v) for row, v in zip(some, verdicts, strict=True)}

    assert verdict_by_row(rows) == verdict_by_row(shuffled)


def test_a_class_below_k_takes_the_next_smallest_with_it() -> None:
    rows = [("20s", 1, None)] * 5 + [("30s", 1, None)] * 3 + [(None, 1, None)]
    verdicts = suppress(table(rows), ["age", "size"], [], 2, 1)
    assert verdicts.tolist() == [KEPT] * 5 + [TOO_SMALL] * 4


def test_a_class_of_one_known_value_is_too_alike() -> None:
    rows = [("20s", 1, "low"), ("20s", 1, None), ("30s", 1, "low"), ("30s", 1, "high")]
    rows += [("30s", 2, "low"), ("30s", 2, "low")]
    verdicts = suppress(table(rows), ["age", "size"], ["income"], 2, 2)
    assert verdicts.tolist() == [TOO_ALIKE] * 2 + [KEPT] * 2 + [TOO_ALIKE] * 2


def test_a_class_that_shows_nothing_gives_nothing_away() -> None:
    rows = [("20s", 1, None), ("20s", 1, None)]
    assert suppress(table(rows), ["age"], ["income"], 2, 2).tolist() == [KEPT, KEPT]


def test_without_quasi_columns_everybody_is_one_class() -> None:
    rows = [("20s", 1, None), ("30s", 1, None)]
    assert set(suppress(table(rows), [], [], 2, 1)) == {KEPT}
    assert set(suppress(table(rows), [], [], 3, 1)) == {TOO_SMALL}


def test_nobody_is_no_class() -> None:
    assert suppress(table([]), ["age"], ["income"], 2, 2).size == 0


def test_values_are_numbered_in_their_order_whatever_their_type() -> None:
    for values, expected in (
        (["b", None, "a"], [1, -1, 0]),
        ([True, False, None], [1, 0, -1]),
        ([2.5, 1.5, None], [1, 0, -1]),
        ([None, None, None], [-1, -1, -1]),
    ):
        column = pa.chunked_array([pa.array(values)])
        assert codes(column).tolist() == expected
    chunked = pa.chunked_array([pa.array([2]), pa.array([1, 2])])
    assert codes(chunked).tolist() == [1, 0, 1]
    assert codes(pa.chunked_array([], pa.int64())).dtype == np.int64
