"""The real part of the demo: the data set as published, unchanged but for the week."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.cli.demo import retail

instants = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - the zone is given below
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001 - the zone is given below
    timezones=st.just(UTC),
)


@pytest.fixture(scope="module")
def year() -> retail.Retail:
    return retail.read(retail.data_folder())


def test_the_year_has_the_published_size(year: retail.Retail) -> None:
    assert len(year.households) == 2_469
    assert len(year.baskets) == 155_848
    assert len(year.baskets.product) == 1_469_307
    assert year.baskets.revenue_cents.sum() == 459_603_958
    assert len(year.redemptions) == 2_102
    assert len(np.unique(year.redemptions.household)) == 410
    assert len(year.demographics) == 801


def test_lines_stay_with_their_basket(year: retail.Retail) -> None:
    """Compared with the plain group-by of Arrow, basket by basket."""
    lines = pq.read_table(
        retail.data_folder() / "transactions.parquet",
        columns=["basket_id", "sales_value", "quantity", "coupon_disc"],
    )
    lines = lines.append_column("line", pa.array(np.ones(lines.num_rows, np.int64)))
    lines = lines.append_column(
        "coupon", pa.array((lines["coupon_disc"].to_numpy() > 0).astype(np.int64))
    )
    expected = (
        lines.group_by("basket_id")
        .aggregate([(n, "sum") for n in ("sales_value", "quantity", "line", "coupon")])
        .sort_by("basket_id")
    )
    ours = year.baskets
    order = np.argsort(ours.basket)
    assert (ours.basket[order] == expected["basket_id"].to_numpy()).all()
    assert np.allclose(
        ours.revenue_cents[order] / 100, expected["sales_value_sum"].to_numpy()
    )
    assert (ours.coupon_count[order] == expected["coupon_sum"].to_numpy()).all()
    sizes = np.diff(ours.first_line)
    assert (sizes[order] == expected["line_sum"].to_numpy()).all()
    assert sizes.max() == 161
    pieces = np.add.reduceat(ours.quantity, ours.first_line[:-1])
    assert (pieces[order] == expected["quantity_sum"].to_numpy()).all()


def test_baskets_are_in_the_order_of_their_time(year: retail.Retail) -> None:
    assert (np.diff(year.baskets.at) >= np.timedelta64(0)).all()


def test_some_households_are_whole_households(year: retail.Retail) -> None:
    some = retail.read(retail.data_folder(), households=5)
    assert some.households == year.households[:5]
    mine = np.isin(year.baskets.household, some.households)
    assert len(some.baskets) == mine.sum()
    assert some.baskets.revenue_cents.sum() == year.baskets.revenue_cents[mine].sum()


@given(instants, st.timedeltas(timedelta(0), timedelta(days=9000)))
def test_the_shift_is_whole_weeks_and_ends_in_the_past_week(
    last: datetime, since: timedelta
) -> None:
    now = last + since
    shift = retail.shift_to_past_week(last, now)
    assert shift % timedelta(weeks=1) == timedelta(0)
    assert timedelta(0) <= now - (last + shift) < timedelta(weeks=1)


def test_a_folder_without_the_data_is_named_so(tmp_path: Path) -> None:
    with pytest.raises(retail.NoRetailDataError):
        retail.read(tmp_path)
