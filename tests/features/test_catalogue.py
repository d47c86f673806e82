"""Each feature against counts made by hand."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.features import (
    CATALOGUE,
    FEATURES,
    FeaturePurposeError,
    Kind,
    UnknownFeatureError,
    compute,
)
from tests.features.support import AS_OF, SCHEMA, PlainView, computed, happened

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SHARED = Path(__file__).parents[2].parent / "shared"


def one(*events: dict[str, Any], **options: Any) -> dict[str, Any]:
    return computed(events, **options)[0]


def test_a_window_holds_its_end_and_not_its_beginning() -> None:
    second = timedelta(seconds=1)
    for days in (30, 90, 365):
        edge = AS_OF - days * DAY
        for at, inside in [
            (AS_OF + second, False),
            (AS_OF, True),
            (edge + second, True),
            (edge, False),
        ]:
            found = one(happened(at=at, revenue=10))
            assert found[f"frequency_{days}d"] == int(inside)
            assert found[f"monetary_{days}d"] == 10.0 * inside
            assert (found[f"recency_{days}d"] is not None) == inside


def test_recency_counts_whole_days() -> None:
    for age, days in [(0 * HOUR, 0), (24 * HOUR - HOUR, 0), (24 * HOUR, 1)]:
        assert one(happened(at=AS_OF - age))["recency_30d"] == days
    late = AS_OF + timedelta(microseconds=1)
    assert one(happened(at=AS_OF - DAY), as_of=late)["recency_30d"] == 1


def test_a_person_without_orders_bought_nothing_and_the_rest_is_unknown() -> None:
    found = one(happened(name="view", revenue=5, channel="store", categories=["a"]))
    known = {k: v for k, v in found.items() if v is not None}
    assert known == {
        f"{what}_{days}d": 0
        for what in ("frequency", "monetary")
        for days in (30, 90, 365)
    }


@pytest.mark.parametrize("refunded", [4, -4])
def test_a_refund_lowers_what_was_spent_and_counts_as_no_order(refunded: int) -> None:
    found = one(
        happened(revenue=10, at=AS_OF - DAY), happened(name="refund", revenue=refunded)
    )
    assert (found["monetary_30d"], found["frequency_30d"]) == (6.0, 1)
    assert found["recency_30d"] == 1
    alone = one(happened(name="refund", revenue=refunded))
    assert (alone["monetary_30d"], alone["frequency_30d"]) == (-4.0, 0)


def test_amounts_are_summed_exactly() -> None:
    cents = [happened(revenue="0.1") for _ in range(10)]
    assert one(*cents, happened(), happened(revenue="0.0001"))["monetary_30d"] == 1.0001


def test_the_interval_is_the_span_over_the_gaps() -> None:
    assert one(happened())["purchase_interval_days"] is None
    ages = (0 * DAY, 2 * DAY, 700 * DAY)
    orders = [happened(at=AS_OF - age) for age in ages]
    later = [happened(at=AS_OF + DAY), happened(name="view", at=AS_OF - 900 * DAY)]
    assert one(*orders, *later)["purchase_interval_days"] == 350.0
    assert one(happened(), happened())["purchase_interval_days"] == 0.0


def test_shares_are_of_orders() -> None:
    found = one(
        happened(coupon_count=2, channel="online"),
        happened(coupon_count=0, channel="store"),
        happened(channel="online"),
        happened(),
        happened(name="view", coupon_count=1, channel="store"),
    )
    assert found["coupon_share_365d"] == 0.25
    assert found["online_share_365d"] == 2 / 3
    assert found["main_channel"] == "online"


def test_the_top_category_is_counted_in_lines() -> None:
    found = one(
        happened(categories=["b", "b", "a"]),
        happened(categories=["a", "c"]),
        happened(categories=[]),
        happened(categories=None),
        happened(name="view", categories=["c", "c", "c"]),
    )
    # Two lines each: the first in the order of its bytes.
    assert (found["top_category"], found["top_category_share"]) == ("a", 0.4)


def test_the_weekend_is_the_one_of_the_zone() -> None:
    friday = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)  # Saturday 00:30 in Seoul
    weekend = {
        zone: one(happened(at=friday), zone=zone)["weekend_share_365d"]
        for zone in ("UTC", "Asia/Seoul", "America/Los_Angeles")
    }
    assert weekend == {"UTC": 0.0, "Asia/Seoul": 1.0, "America/Los_Angeles": 0.0}


def test_the_weekend_follows_the_change_of_the_clocks() -> None:
    # Brussels leaves summer time on Sunday 2026-10-25 at 01:00 UTC.
    for at, share in [
        (datetime(2026, 10, 23, 22, tzinfo=UTC), 1.0),  # Saturday 00:00, UTC+2
        (datetime(2026, 10, 25, 22, 30, tzinfo=UTC), 1.0),  # Sunday 23:30, UTC+1
        (datetime(2026, 10, 25, 23, tzinfo=UTC), 0.0),  # Monday 00:00
    ]:
        found = one(happened(at=at), zone="Europe/Brussels")
        assert found["weekend_share_365d"] == share


EVENTS = st.lists(
    st.builds(
        happened,
        st.integers(0, 2),
        at=st.sampled_from([0, 1, 30, 31, 400, -1]).map(lambda d: AS_OF - d * DAY),
        name=st.sampled_from(["order", "order", "refund", "view"]),
        revenue=st.sampled_from([None, "0.1", "7", "1000000.0001"]),
        coupon_count=st.sampled_from([None, 0, 1]),
        channel=st.sampled_from([None, "store", "online"]),
        categories=st.sampled_from([None, [], ["a"], ["b", "a"], ["b", "b", "c"]]),
    ),
    min_size=1,
    max_size=12,
)


# A real engine for each of two runs: some 200 ms.
@settings(max_examples=min(settings().max_examples // 8, 1_000))
@given(st.data(), EVENTS)
def test_the_order_of_events_changes_nothing(
    data: st.DataObject, events: list[dict[str, Any]]
) -> None:
    shuffled = data.draw(st.permutations(events))
    assert computed(shuffled) == computed(events)


def test_what_comes_after_the_instant_changes_nothing() -> None:
    past = [happened(at=AS_OF - DAY, revenue=1, channel="store", categories=["a"])]
    future = [
        happened(at=AS_OF + n * HOUR, revenue=9, channel="online", categories=["z"])
        for n in (1, 2)
    ]
    assert computed([*past, *future]) == computed(past)


def test_every_feature_says_what_it_is() -> None:
    kinds = {Kind.INT: pa.int64(), Kind.FLOAT: pa.float64(), Kind.TEXT: pa.string()}
    engine = ibis.duckdb.connect()
    engine.con.register("events", pa.Table.from_pylist([happened()], SCHEMA))
    for name, feature in FEATURES.items():
        # Its inputs are all that it may see.
        plan = ibis.table(ibis.Schema.from_pyarrow(SCHEMA), name="events")
        view = PlainView(plan.select("profile", *feature.inputs), [name])
        found = engine.to_pyarrow(compute(view))
        assert found.column_names == ["profile", name]
        assert found.schema.field(name).type == kinds[feature.kind]
        assert (feature.name, CATALOGUE[name].inputs) == (name, feature.inputs)
        assert feature.unit
        assert feature.null_meaning
        assert feature.version >= 1
    engine.disconnect()


def test_a_feature_without_a_purpose_cannot_be_made() -> None:
    fields = {name: getattr(FEATURES["recency_30d"], name) for name in _FIELDS}
    with pytest.raises(ValueError, match="no purpose"):
        type(FEATURES["recency_30d"])(**fields | {"purposes": ()})


_FIELDS = type(FEATURES["recency_30d"]).__struct_fields__


def test_unknown_features_and_other_purposes_are_refused() -> None:
    plan = ibis.table(ibis.Schema.from_pyarrow(SCHEMA), name="events")
    with pytest.raises(UnknownFeatureError, match="shoe_size"):
        compute(PlainView(plan, ["shoe_size"]))
    with pytest.raises(FeaturePurposeError, match="recency_30d"):
        compute(PlainView(plan, ["recency_30d"], purpose="advertising.share"))


def test_a_release_without_features_is_a_row_for_each_person() -> None:
    plan = ibis.table(ibis.Schema.from_pyarrow(SCHEMA), name="events")
    assert compute(PlainView(plan, [])).columns == ("profile",)


def test_recency_agrees_with_the_online_retail_data() -> None:
    file = SHARED / "data" / "online_retail" / "online_retail.csv.gz"
    if not file.exists():
        pytest.skip("the shared data set is not beside this checkout")
    options = pyarrow.csv.ConvertOptions(
        include_columns=["InvoiceNo", "InvoiceDate", "CustomerID", "Quantity"],
        column_types={
            "InvoiceNo": pa.string(),
            "InvoiceDate": pa.timestamp("us"),
            "CustomerID": pa.float64(),
            "Quantity": pa.int64(),
        },
    )
    with gzip.open(file) as raw:
        table = pyarrow.csv.read_csv(raw, convert_options=options)
    wanted = pa.array([12346.0, 12347.0, 12348.0])
    table = table.filter(pc.is_in(table["CustomerID"], wanted))
    table = table.filter(pc.greater(table["Quantity"], 0))
    events = [
        happened(int(row["CustomerID"]), at=row["InvoiceDate"].replace(tzinfo=UTC))
        for row in table.to_pylist()
    ]
    found = computed(events, "recency_365d", as_of=datetime(2011, 12, 10, tzinfo=UTC))
    assert {k: v["recency_365d"] for k, v in found.items()} == {
        12346: 325,
        12347: 2,
        12348: 75,
    }
