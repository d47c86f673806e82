"""Which of two transforms tells less.

A release may generalise what its dataset keeps, never ask for more than is there. Two
transforms of different names cannot be compared: the second then works on what the
first left, and that is never finer.
"""

from collections.abc import Mapping
from decimal import Decimal

from cdp.policy.documents import HierarchyTable, Step, TopCode

_UNITS = ("hour", "day", "week", "month")


def is_at_least_as_coarse(
    step: Step, kept: Step, hierarchies: Mapping[str, HierarchyTable]
) -> bool:
    """Whether ``step`` on top of ``kept`` is no attempt at more detail.

    Args:
        step: what a release asks for.
        kept: what the dataset did.
        hierarchies: known tables; both steps name existing levels.
    """
    if step.transform != kept.transform:
        return True
    if step.floor is not None and kept.floor is not None:
        return _UNITS.index(step.floor) >= _UNITS.index(kept.floor)
    if step.year_band is not None and kept.year_band is not None:
        return step.year_band % kept.year_band == 0
    if step.round is not None and kept.round is not None:
        return step.round % kept.round == 0
    if step.bucket is not None and kept.bucket is not None:
        return set(step.bucket) <= set(kept.bucket)
    if step.top_code is not None and kept.top_code is not None:
        return _is_inside(step.top_code, kept.top_code)
    if step.truncate_ip is not None and kept.truncate_ip is not None:
        return (
            step.truncate_ip.v4 <= kept.truncate_ip.v4
            and step.truncate_ip.v6 <= kept.truncate_ip.v6
        )
    if step.hierarchy is not None and kept.hierarchy is not None:
        levels = hierarchies[kept.hierarchy.name].levels
        return step.hierarchy.name == kept.hierarchy.name and levels.index(
            step.hierarchy.to
        ) >= levels.index(kept.hierarchy.to)
    if step.url is not None and kept.url is not None:
        return step.url.keep <= kept.url.keep
    return True  # two maps: the second reads what the first wrote


def _is_inside(asked: TopCode, kept: TopCode) -> bool:
    low = kept.min if kept.min is not None else Decimal("-Infinity")
    high = kept.max if kept.max is not None else Decimal("Infinity")
    asked_low = asked.min if asked.min is not None else low
    asked_high = asked.max if asked.max is not None else high
    return low <= asked_low and asked_high <= high
