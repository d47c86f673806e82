"""A segment model: an estimator, the columns it needs, and the purpose it may serve.

    rfm = SegmentModel(
        make_pipeline(RFMScorer(), RFMSegments("classic10")),
        name="rfm",
        columns=("recency_365d", "frequency_365d", "monetary_365d"),
        purpose="segmentation",
        clock=clock,
    ).fit(frame)
    rfm.predict(frame)

- Every use goes through ``admit``: a grant is checked at fitting and at predicting, at
  the instant that the clock says.
- A model speaks the language it was fitted in: tokens of another domain are refused.
- A row of which a value was withheld is ``unassigned``; so is one with an unknown
  value, unless the estimator itself takes unknowns.
- Clusters of too few rows are refused unless forced.

Refuses to keep rows or tokens: what is learnt stands in the estimator.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pyarrow as pa
from sklearn.base import clone
from sklearn.utils import get_tags

from cdp.kernel import Clock
from cdp.segments.clusters import ClusterSegments
from cdp.segments.contract import TOKEN, Admitted, admit, matrix
from cdp.segments.errors import TooLittleDataError
from cdp.segments.rfm import UNASSIGNED
from cdp.segments.summary import UNASSIGNED_NAME, Segment, summarize

# Choices of this project (C116 of the catalogue): the least rows for clustering, and
# the least per cluster and feature.
MIN_ROWS = 500
MIN_ROWS_PER_CELL = 50


class SegmentModel:
    """Fits and applies one estimator to frames, under their grants.

    Args:
        estimator: A scikit-learn estimator or pipeline with ``predict``; its last step
            has ``names_``.
        name: What reports call the model.
        columns: The features it needs; for RFM recency comes first.
        purpose: The purpose that a grant must name.
        clock: Says when a grant is used.
        force: Cluster even with too few rows.

    Attributes:
        estimator_: The fitted estimator.
        domain_: The domain whose tokens it speaks.
    """

    estimator_: Any
    domain_: str

    def __init__(
        self,
        estimator: Any,
        *,
        name: str,
        columns: Sequence[str],
        purpose: str,
        clock: Clock,
        force: bool = False,
    ) -> None:
        self.estimator = estimator
        self.name = name
        self.columns = tuple(columns)
        self.purpose = purpose
        self.clock = clock
        self.force = force

    def fit(self, frame: object) -> Self:
        """Learn from the rows whose values are all known and given.

        Raises:
            GrantError: the grant does not cover this use.
            TooLittleDataError: too few rows for clusters.
        """
        admitted = self._admit(frame, domain=None)
        rows = self._usable(admitted)
        self._check_size(int(rows.sum()))
        self.estimator_ = clone(self.estimator).fit(admitted.X[rows])
        self.domain_ = admitted.grant.domain
        return self

    def predict(self, frame: object) -> pa.Table:
        """Return (token, segment) for every row of the frame, in its order.

        Raises:
            GrantError: the grant does not cover this use.
        """
        admitted = self._admit(frame, domain=self.domain_)
        names = np.append(self.names, UNASSIGNED_NAME)
        segments = pa.array(names[self._labels(admitted)], pa.string())
        return pa.table({TOKEN: admitted.tokens, "segment": segments})

    def summary(self, frame: object, *, spend: str, k_report: int = 0) -> list[Segment]:
        """Return the sizes of the segments and the sum of column ``spend`` in each.

        Raises:
            GrantError: the grant does not cover this use.
        """
        admitted = self._admit(frame, domain=self.domain_)
        amount = matrix(pa.table(frame), (spend,))[:, 0]
        return summarize(self._labels(admitted), amount, self.names, k_report=k_report)

    @property
    def last_step(self) -> Any:
        """The fitted estimator, or the last step of a pipeline."""
        steps = getattr(self.estimator_, "steps", None)
        return steps[-1][1] if steps else self.estimator_

    @property
    def names(self) -> np.ndarray:
        """The name of each label."""
        return np.asarray(self.last_step.names_, dtype=object)

    def _admit(self, frame: object, *, domain: str | None) -> Admitted:
        return admit(
            frame,
            columns=self.columns,
            purpose=self.purpose,
            now=self.clock.now(),
            domain=domain,
        )

    def _labels(self, admitted: Admitted) -> np.ndarray:
        labels = np.full(len(admitted.X), UNASSIGNED, dtype=np.int64)
        rows = self._usable(admitted)
        if rows.any():
            labels[rows] = self.estimator_.predict(admitted.X[rows])
        return labels

    def _usable(self, admitted: Admitted) -> np.ndarray:
        usable = ~admitted.refused
        if not get_tags(self.estimator).input_tags.allow_nan:
            usable &= ~np.isnan(admitted.X).any(axis=1)
        return np.asarray(usable)

    def _check_size(self, rows: int) -> None:
        steps = getattr(self.estimator, "steps", None)
        last = steps[-1][1] if steps else self.estimator
        if self.force or not isinstance(last, ClusterSegments):
            return
        most = last.k if isinstance(last.k, int) else max(last.k)
        least = max(MIN_ROWS, MIN_ROWS_PER_CELL * most * len(self.columns))
        if rows < least:
            raise TooLittleDataError(
                f"{rows} rows; {most} clusters over {len(self.columns)} features "
                f"need {least}: use the RFM preset, fewer clusters, or force"
            )
