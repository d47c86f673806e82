"""Two models ready to use: RFM segments, and clusters of the same kind of columns.

Amounts and counts are skewed: a few spend a hundred times what most do. So clusters are
found on signed logarithms, each column scaled to unit variance.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from cdp.kernel import Clock
from cdp.segments.clusters import ClusterSegments
from cdp.segments.model import SegmentModel
from cdp.segments.rfm import RFMScorer, RFMSegments


def signed_log(X: np.ndarray) -> np.ndarray:
    """Return sign(x) * log(1 + |x|): 0 stays 0, and a refund is not lost."""
    return np.asarray(np.sign(X) * np.log1p(np.abs(X)))


def rfm_model(
    columns: Sequence[str], *, purpose: str, clock: Clock, preset: str = "classic10"
) -> SegmentModel:
    """Return scores of 1 to 5 and the segments of a preset.

    Args:
        columns: Recency, frequency and monetary value, in this order.
        purpose: What the grant must name.
        clock: Says when the grant is used.
        preset: Name of the table of segments.
    """
    return SegmentModel(
        make_pipeline(RFMScorer(bins=5), RFMSegments(preset)),
        name="rfm",
        columns=columns,
        purpose=purpose,
        clock=clock,
    )


def cluster_model(
    columns: Sequence[str],
    *,
    purpose: str,
    clock: Clock,
    k: Iterable[int] = (2, 3, 4, 5, 6),
    n_boot: int = 10,
    random_state: int = 0,
    force: bool = False,
) -> SegmentModel:
    """Return k-means over signed logarithms, with the largest stable k of ``k``.

    Args:
        columns: Amounts, counts or days.
        purpose: What the grant must name.
        clock: Says when the grant is used.
        k: To choose from.
        n_boot: Bootstrap refits for each k.
        random_state: Seed.
        force: Cluster even with too few rows.
    """
    return SegmentModel(
        make_pipeline(
            FunctionTransformer(signed_log, feature_names_out="one-to-one"),
            StandardScaler(),
            ClusterSegments(k=k, n_boot=n_boot, random_state=random_state),
        ),
        name="clusters",
        columns=columns,
        purpose=purpose,
        clock=clock,
        force=force,
    )
