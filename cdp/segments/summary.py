"""How many are in a segment, and what they spend.

Sizes and sums only: no row of a person. Refuses to show a small segment as it is: with
``k_report``, a segment under it keeps its name and loses its numbers, so that a report
names no few people (``None`` reads as "fewer than k").
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from cdp.segments.rfm import UNASSIGNED

UNASSIGNED_NAME = "unassigned"


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a report; ``spend`` is in the currency of the feature."""

    name: str
    size: int | None
    spend: float | None


def summarize(
    labels: np.ndarray,
    spend: np.ndarray,
    names: Sequence[str] | np.ndarray,
    *,
    k_report: int = 0,
) -> list[Segment]:
    """Return the segments that have rows, in the order of ``names``, unassigned last.

    Args:
        labels: (n_rows,) int, -1 for unassigned.
        spend: (n_rows,) float64, NaN counts as nothing spent that is known.
        names: Name of each label.
        k_report: The least size that is shown; 0 shows all.
    """
    shown = np.where(labels == UNASSIGNED, len(names), labels)
    sizes = np.bincount(shown, minlength=len(names) + 1)
    sums = np.bincount(shown, weights=np.nan_to_num(spend), minlength=len(names) + 1)
    return [
        Segment(name=str(name), size=int(size), spend=round(float(total), 2))
        if size >= k_report
        else Segment(name=str(name), size=None, spend=None)
        for name, size, total in zip(
            [*names, UNASSIGNED_NAME], sizes, sums, strict=True
        )
        if size
    ]
