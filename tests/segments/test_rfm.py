"""Scores and segments of RFM: laws, edges, and the published numbers."""

import csv
import gzip
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cdp.segments import (
    CLASSIC_10,
    UNASSIGNED,
    Band,
    RFMScorer,
    RFMSegments,
    summarize,
)

ONLINE_RETAIL = (
    Path(__file__).parents[2].parent / "shared/data/online_retail/online_retail.csv.gz"
)
few_values = st.sampled_from([0.0, 1.0, 2.0, 2.5, 7.0, float("nan")])
matrices = arrays(
    np.float64, st.tuples(st.integers(1, 30), st.just(3)), elements=few_values
)


def known(rows: np.ndarray) -> bool:
    return not np.isnan(rows).all(axis=0).any()


@given(matrices.filter(known))
def test_a_score_is_one_plus_the_cut_points_strictly_below(rows: np.ndarray) -> None:
    scores = RFMScorer().fit_transform(rows)
    for column in range(3):
        values = rows[:, column]
        cuts = np.quantile(values[~np.isnan(values)], [0.2, 0.4, 0.6, 0.8])
        for value, score in zip(values, scores[:, column], strict=True):
            if np.isnan(value):
                assert np.isnan(score)
                continue
            below = sum(1 for cut in cuts if cut < value)
            assert score == (5 - below if column == 0 else 1 + below)


@given(matrices.filter(known))
def test_a_better_value_never_scores_less(rows: np.ndarray) -> None:
    scores = RFMScorer(reverse=()).fit_transform(rows)
    for column in range(3):
        keep = ~np.isnan(rows[:, column])
        order = np.argsort(rows[keep, column], kind="stable")
        assert (np.diff(scores[keep, column][order]) >= 0).all()


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 20), st.just(3)),
        elements=st.sampled_from([1.0, 2, 3, 4, 5, float("nan")]),
    )
)
def test_the_first_band_that_matches_wins(scores: np.ndarray) -> None:
    segments = RFMSegments().fit(scores)
    for row, label in zip(scores, segments.predict(scores), strict=True):
        if np.isnan(row).any():
            assert label == UNASSIGNED
            continue
        expected = "Others"
        for band in CLASSIC_10:
            (r_low, r_high), (low, high) = band.recency, band.others
            if r_low <= row[0] <= r_high and all(low <= v <= high for v in row[1:]):
                expected = band.name
                break
        assert segments.names_[label] == expected


def test_three_segments_of_the_classic_table_stay_empty() -> None:
    segments = RFMSegments().fit([[1.0, 1, 1]])
    assert segments.unreachable_ == ("New Customers", "Promising", "Can't Lose Them")


def test_a_table_of_ones_own_warns_about_a_segment_nobody_can_be_in() -> None:
    bands = (Band("all", (1, 5), (1, 5)), Band("none", (2, 2), (2, 2)))
    with pytest.warns(UserWarning, match="no row can be in: none"):
        RFMSegments(bands).fit([[1.0, 1, 1]])


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ValueError, match="no preset"):
        RFMSegments("classic11").fit([[1.0, 1, 1]])


def test_a_column_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="no known value"):
        RFMScorer().fit([[1.0, np.nan], [2.0, np.nan]])


def test_one_score_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        RFMScorer(bins=1).fit([[1.0], [2.0]])


@pytest.fixture(scope="module")
def retail() -> tuple[list[str], np.ndarray]:
    """Customers and their R, F, M; whole days from the last purchase to 2011-12-10."""
    if not ONLINE_RETAIL.exists():
        pytest.skip("../shared/data/online_retail is not here")
    last: dict[str, str] = {}
    invoices: dict[str, set[str]] = defaultdict(set)
    spent: dict[str, Decimal] = defaultdict(Decimal)
    with gzip.open(ONLINE_RETAIL, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            who, invoice = row["CustomerID"], row["InvoiceNo"]
            quantity, price = int(row["Quantity"]), Decimal(row["UnitPrice"])
            if not who or invoice.startswith("C") or quantity <= 0 or price <= 0:
                continue
            who = who.removesuffix(".0")
            last[who] = max(last.get(who, ""), row["InvoiceDate"])
            invoices[who].add(invoice)
            spent[who] += quantity * price
    end = datetime(2011, 12, 10, tzinfo=UTC)
    customers = sorted(last)
    rows = np.array(
        [
            [
                (end - datetime.fromisoformat(last[who] + "Z")).days,
                len(invoices[who]),
                float(spent[who]),
            ]
            for who in customers
        ]
    )
    return customers, rows


def test_known_customers_of_online_retail_have_the_published_values(
    retail: tuple[list[str], np.ndarray],
) -> None:
    customers, rows = retail
    assert len(customers) == 4_338
    assert rows[:, 1].sum() == 18_532
    assert round(rows[:, 2].sum(), 2) == 8_911_407.90
    scores = RFMScorer().fit_transform(rows)
    for who, values, given_scores in (
        ("12346", [325, 1, 77183.60], [1, 1, 5]),
        ("12347", [2, 7, 4310.00], [5, 5, 5]),
        ("12348", [75, 4, 1797.24], [2, 4, 4]),
    ):
        place = customers.index(who)
        assert rows[place].round(2).tolist() == values
        assert scores[place].tolist() == given_scores


def test_the_cut_points_of_online_retail(
    retail: tuple[list[str], np.ndarray],
) -> None:
    cuts = RFMScorer().fit(retail[1]).cut_points_
    assert cuts[0].round(1).tolist() == [12.8, 32, 71, 179]
    assert cuts[1].tolist() == [1, 2, 3, 6]
    assert cuts[2].round(3).tolist() == [250.194, 490.096, 942.276, 2058.426]


def test_the_classic_segments_of_online_retail(
    retail: tuple[list[str], np.ndarray],
) -> None:
    rows = retail[1]
    scores = RFMScorer().fit_transform(rows)
    segments = RFMSegments("classic10").fit(scores)
    labels = segments.predict(scores)
    orders = summarize(labels, rows[:, 1], segments.names_)
    assert [
        (s.name, s.size, o.spend, s.spend)
        for s, o in zip(
            summarize(labels, rows[:, 2], segments.names_), orders, strict=True
        )
    ] == [
        ("Champions", 911, 10_475, 5_688_406.20),
        ("Loyal Customers", 902, 4_152, 1_648_931.86),
        ("Potential Loyalist", 932, 1_412, 346_230.96),
        ("Need Attention", 173, 371, 92_646.80),
        ("About To Sleep", 281, 308, 63_152.83),
        ("At Risk", 263, 736, 352_935.32),
        ("Lost", 564, 590, 125_391.99),
        ("Others", 312, 488, 593_711.94),
    ]
