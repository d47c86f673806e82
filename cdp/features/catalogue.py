"""The features there are, by name: one dictionary for policies, jobs and reports.

What they count is an *order*: an event called ``order``, as the policy of the dataset
names it. A ``refund`` lowers what was spent and counts as no order.

- Shares are of orders, or of lines of orders; without any the share is unknown, not
  zero.
- The most frequent of several equals is the first in the order of its bytes.
- Amounts are summed as decimals and become a double at the very end.

Source: capabilities C72, C73, C74, C75, C77 and C78.
"""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from cdp.features.feature import (
    PROFILE,
    Aggregate,
    Feature,
    FeatureInfo,
    Kind,
    Ranking,
)
from cdp.features.moment import Moment, epoch_seconds

ORDER = "order"
REFUND = "refund"
ONLINE = "online"
WINDOWS_DAYS = (30, 90, 365)
YEAR_DAYS = 365

_CLOCK = ("occurred_at", "name")
_PURPOSES = ("analytics", "segmentation")
# What was bought is kept for segmentation alone.
_SEGMENTATION = ("segmentation",)
_SATURDAY = 5  # Monday is 0


def recency(days: int) -> Aggregate:
    """Days since the last order of the window."""

    def build(events: ir.Table, moment: Moment) -> ir.Value:
        last = events.occurred_at.max(where=_ordered(events, moment, None))
        return ibis.ifelse(last > moment.begins(days), moment.days_since(last), None)

    return build


def frequency(days: int) -> Aggregate:
    """Orders in the window."""

    def build(events: ir.Table, moment: Moment) -> ir.Value:
        return events.count(where=_ordered(events, moment, days))

    return build


def monetary(days: int) -> Aggregate:
    """Spent in the window: orders less refunds."""

    def build(events: ir.Table, moment: Moment) -> ir.Value:
        # One signed amount and one sum: a sum of decimals is the dearest aggregate.
        # A refund arrives with either sign; it always lowers.
        spent = ibis.cases(
            (events.name == ORDER, events.revenue),
            (events.name == REFUND, -events.revenue.abs()),
        )
        total = spent.sum(where=moment.within(events.occurred_at, days))
        return total.fill_null(0).cast("float64")

    return build


def purchase_interval(events: ir.Table, moment: Moment) -> ir.Value:
    """Mean days between orders: (last - first) / (n - 1)."""
    ordered = _ordered(events, moment, None)
    first = epoch_seconds(events.occurred_at.min(where=ordered))
    last = epoch_seconds(events.occurred_at.max(where=ordered))
    gaps = events.count(where=ordered) - 1
    days = (last - first).cast("float64") / 86_400
    return ibis.ifelse(gaps > 0, days / gaps.cast("float64"), None)


def coupon_share(events: ir.Table, moment: Moment) -> ir.Value:
    """Share of the year's orders with a coupon."""
    ordered = _ordered(events, moment, YEAR_DAYS)
    return _share(events, ordered, events.coupon_count.fill_null(0) > 0)


def online_share(events: ir.Table, moment: Moment) -> ir.Value:
    """Share of online orders among the year's orders whose channel is known."""
    ordered = _ordered(events, moment, YEAR_DAYS)
    return _share(events, ordered & events.channel.notnull(), events.channel == ONLINE)


def weekend_share(events: ir.Table, moment: Moment) -> ir.Value:
    """Share of the year's orders on a Saturday or a Sunday of the moment's zone."""
    ordered = _ordered(events, moment, YEAR_DAYS)
    day = moment.local(events.occurred_at, YEAR_DAYS).day_of_week.index()
    return _share(events, ordered, day >= _SATURDAY)


def main_channel(events: ir.Table, moment: Moment) -> ir.Table:
    """Rank channels by the year's orders."""
    orders = events.filter(_ordered(events, moment, YEAR_DAYS))
    return _most_frequent(orders.select(PROFILE, value=orders.channel)).select(
        PROFILE, main_channel="value"
    )


def top_category(events: ir.Table, moment: Moment) -> ir.Table:
    """Rank categories by the lines of the year's orders."""
    orders = events.filter(_ordered(events, moment, YEAR_DAYS))
    lines = orders.select(PROFILE, value=orders.categories.unnest())
    return _most_frequent(lines).select(
        PROFILE, top_category="value", top_category_share="share"
    )


def _ordered(events: ir.Table, moment: Moment, days: int | None) -> ir.BooleanValue:
    return moment.within(events.occurred_at, days) & (events.name == ORDER)


def _share(events: ir.Table, of: ir.BooleanValue, are: ir.BooleanValue) -> ir.Value:
    """Count both sides and divide; NULL where there is nothing to take a share of."""
    all_of_them = events.count(where=of)
    some = events.count(where=of & are).cast("float64")
    return ibis.ifelse(all_of_them > 0, some / all_of_them.cast("float64"), None)


def _most_frequent(values: ir.Table) -> ir.Table:
    """Return for each profile its most frequent value and that value's share."""
    known = values.filter(values.value.notnull())
    counted = known.group_by(PROFILE, "value").aggregate(count=known.count())
    # The least of (-count, value) is the most frequent, the first among equals.
    rank = ibis.struct({"less": -counted["count"], "value": counted.value})
    ranked = counted.group_by(PROFILE).aggregate(
        best=rank.min(), total=counted["count"].sum()
    )
    share = (-ranked.best["less"]).cast("float64") / ranked.total.cast("float64")
    return ranked.select(PROFILE, value=ranked.best["value"], share=share)


def _feature(
    name: str,
    inputs: tuple[str, ...],
    kind: Kind,
    build: Aggregate | Ranking,
    *,
    unit: str,
    null: str,
    days: int | None = YEAR_DAYS,
    purposes: tuple[str, ...] = _PURPOSES,
    is_ranking: bool = False,
) -> Feature:
    return Feature(
        name=name,
        inputs=(*_CLOCK, *inputs),
        kind=kind,
        window_days=days,
        unit=unit,
        null_meaning=null,
        version=1,
        purposes=purposes,
        build=build,
        is_ranking=is_ranking,
    )


_NO_ORDER = "no order in the window"
_NEVER = "never missing"

_ALL = (
    *(
        _feature(
            f"recency_{days}d",
            (),
            Kind.INT,
            recency(days),
            unit="days",
            null=_NO_ORDER,
            days=days,
        )
        for days in WINDOWS_DAYS
    ),
    *(
        _feature(
            f"frequency_{days}d",
            (),
            Kind.INT,
            frequency(days),
            unit="orders",
            null=_NEVER,
            days=days,
        )
        for days in WINDOWS_DAYS
    ),
    *(
        _feature(
            f"monetary_{days}d",
            ("revenue",),
            Kind.FLOAT,
            monetary(days),
            unit="currency of the dataset",
            null=_NEVER,
            days=days,
        )
        for days in WINDOWS_DAYS
    ),
    _feature(
        "purchase_interval_days",
        (),
        Kind.FLOAT,
        purchase_interval,
        unit="days",
        null="fewer than two orders",
        days=None,
    ),
    _feature(
        "coupon_share_365d",
        ("coupon_count",),
        Kind.FLOAT,
        coupon_share,
        unit="share of orders, in [0, 1]",
        null=_NO_ORDER,
    ),
    _feature(
        "online_share_365d",
        ("channel",),
        Kind.FLOAT,
        online_share,
        unit="share of orders, in [0, 1]",
        null="no order with a known channel in the window",
    ),
    _feature(
        "weekend_share_365d",
        (),
        Kind.FLOAT,
        weekend_share,
        unit="share of orders, in [0, 1]",
        null=_NO_ORDER,
    ),
    _feature(
        "main_channel",
        ("channel",),
        Kind.TEXT,
        main_channel,
        unit="channel",
        null="no order with a known channel in the window",
        is_ranking=True,
    ),
    _feature(
        "top_category",
        ("categories",),
        Kind.TEXT,
        top_category,
        unit="category",
        null="no order line with a category in the window",
        purposes=_SEGMENTATION,
        is_ranking=True,
    ),
    _feature(
        "top_category_share",
        ("categories",),
        Kind.FLOAT,
        top_category,
        unit="share of order lines, in [0, 1]",
        null="no order line with a category in the window",
        purposes=_SEGMENTATION,
        is_ranking=True,
    ),
)

FEATURES: Mapping[str, Feature] = {feature.name: feature for feature in _ALL}
"""Every feature there is, by name."""

CATALOGUE: Mapping[str, FeatureInfo] = {
    name: feature.info for name, feature in FEATURES.items()
}
"""The same for the policy's lint: ``app`` hands it to the compiler."""
