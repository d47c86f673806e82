"""Small groups stay in (k), and groups of one opinion too (l).

A class is the set of profiles that share every *quasi* column; an unknown value is a
value of its own. Over the profiles of one answer:

- k: a class of fewer than k profiles is suppressed.
- l: a class that shows some value of a *sensitive* column, but fewer than l distinct
  ones, is suppressed. A class in which the column is unknown for everybody shows
  nothing.
- Totals by reason leave with the answer. If one class alone were missing, its size
  would follow from them, so the next smallest class goes with it.
- The verdict is a function of the rows as a set: their order does not matter.

Refuses to say more: k protects against singling out by quasi columns, not against a
recipient who keeps every pull.

Source: k-anonymity, Sweeney (2002), IJUFKS 10(5):557-570; distinct l-diversity,
Machanavajjhala et al. (2007), ACM TKDD 1(1):3; complementary suppression, Hundepool et
al. (2012), Statistical Disclosure Control, ch. 4.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Codes: TypeAlias = npt.NDArray[np.int64]
Verdicts: TypeAlias = npt.NDArray[np.int8]

KEPT, TOO_SMALL, TOO_ALIKE = 0, 1, 2


def suppress(
    table: pa.Table,
    quasi: Sequence[str],
    sensitive: Sequence[str],
    k: int,
    distinct: int,
) -> Verdicts:
    """Return the verdict on each row of ``table``: one row is one profile.

    Args:
        table: Holds at least the columns named.
        k: The least size of a class, in profiles; 1 suppresses nothing.
        distinct: The l of l-diversity: the least number of distinct known values of
            each sensitive column in a class; 1 suppresses nothing.

    Returns:
        (n_rows,) int8 in row order: ``KEPT``, ``TOO_SMALL`` or ``TOO_ALIKE``.
    """
    if table.num_rows == 0:
        return np.zeros(0, dtype=np.int8)
    classes = np.zeros(table.num_rows, dtype=np.int64)
    for name in quasi:
        classes = _refine(classes, codes(table.column(name)))
    sizes = np.bincount(classes)
    verdicts = np.full(sizes.size, KEPT, dtype=np.int8)
    for name in sensitive:
        seen = _distinct(classes, codes(table.column(name)), sizes.size)
        verdicts[(seen > 0) & (seen < distinct)] = TOO_ALIKE
    verdicts[sizes < k] = TOO_SMALL
    suppressed = np.flatnonzero(verdicts != KEPT)
    if suppressed.size == 1 and sizes.size > 1:
        kept = np.flatnonzero(verdicts == KEPT)
        # Classes are numbered in the order of their values, so a tie of sizes is broken
        # by the values and not by the order of the rows.
        verdicts[kept[np.argmin(sizes[kept])]] = TOO_SMALL
    return verdicts[classes]


def codes(column: pa.ChunkedArray) -> Codes:
    """Number the column's values 0, 1, ... in ascending order; unknown is -1."""
    plain = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(plain, pa.ChunkedArray):  # an empty column stays chunked
        return np.zeros(0, dtype=np.int64)
    encoded: Any = plain.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(order.size + 1, dtype=np.int64)
    rank[order] = np.arange(order.size)
    rank[-1] = -1
    indices: Codes = encoded.indices.fill_null(order.size).to_numpy()
    numbered: Codes = rank[indices]
    return numbered


def _refine(classes: Codes, within: Codes) -> Codes:
    """Split classes by one more column; numbered densely in the order of the values."""
    width = int(within.max()) + 2
    # Both factors are at most the number of rows plus one, so the product fits.
    _, dense = np.unique(classes * width + within + 1, return_inverse=True)
    refined: Codes = dense.astype(np.int64, copy=False)
    return refined


def _distinct(classes: Codes, values: Codes, count: int) -> Codes:
    """Count the distinct known values of each class."""
    known = values >= 0
    if not known.any():
        return np.zeros(count, dtype=np.int64)
    width = int(values.max()) + 1
    pairs = np.unique(classes[known] * width + values[known])
    return np.bincount(pairs // width, minlength=count)
