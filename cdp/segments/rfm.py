"""Recency, frequency and monetary value: scores, and the segments that they name.

- A score is 1 to ``bins``: one plus the number of cut points strictly below the value.
  Cut points are the inner quantiles of the rows that it was fitted on, by linear
  interpolation (type 7). Recency is reversed, because a small one is good.
- A segment is a range of recency scores and a range that every other score must lie in.
  The first that matches wins.
- An unknown value has no score, and a row with one no segment: ``UNASSIGNED``.

Refuses to place a row by a value that nobody knows.

Source: Hyndman & Fan (1996), The American Statistician 50(4):361-365, for quantiles of
type 7; the table ``classic10`` is the common one of RFM notebooks, read from the top.
"""

import itertools
import warnings
from collections.abc import Sequence
from typing import Any, Final, Self

import msgspec
import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

UNASSIGNED: Final = -1
OTHERS: Final = "Others"


class Band(msgspec.Struct, frozen=True):
    """One segment: a closed range of the recency score and one of all the others."""

    name: str
    recency: tuple[int, int]
    others: tuple[int, int]


CLASSIC_10: Final = (
    Band("Champions", (4, 5), (4, 5)),
    Band("Loyal Customers", (2, 5), (3, 5)),
    Band("Potential Loyalist", (3, 5), (1, 3)),
    Band("New Customers", (4, 5), (1, 1)),
    Band("Promising", (3, 4), (1, 1)),
    Band("Need Attention", (2, 3), (2, 3)),
    Band("About To Sleep", (2, 3), (1, 2)),
    Band("At Risk", (1, 2), (2, 5)),
    Band("Can't Lose Them", (1, 1), (4, 5)),
    Band("Lost", (1, 2), (1, 2)),
)
PRESETS: Final = {"classic10": CLASSIC_10}


class RFMScorer(
    OneToOneFeatureMixin,  # type: ignore[misc] # scikit-learn has no types
    TransformerMixin,  # type: ignore[misc] # scikit-learn has no types
    BaseEstimator,  # type: ignore[misc] # scikit-learn has no types
):
    """Turns each column into scores of 1 to ``bins``, NaN where a value is unknown.

    Args:
        bins: How many scores there are, at least 2.
        reverse: Places of the columns where less is better; the first, recency, unless
            said otherwise.

    Attributes:
        cut_points_: (n_features, bins - 1) float64, rising in each row.
    """

    def __init__(self, bins: int = 5, reverse: tuple[int, ...] = (0,)) -> None:
        self.bins = bins
        self.reverse = reverse

    def fit(self, X: Any, y: object = None) -> Self:  # noqa: ARG002 - the interface's
        """Learn the cut points of each column from the values that are known."""
        if self.bins < 2:  # noqa: PLR2004 - one score says nothing
            raise ValueError("bins must be at least 2")
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        if np.isnan(X).all(axis=0).any():
            raise ValueError("a column holds no known value")
        steps = np.arange(1, self.bins) / self.bins
        self.cut_points_ = np.nanquantile(X, steps, axis=0).T
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return (n_rows, n_features) float64 scores."""
        check_is_fitted(self)
        X = validate_data(
            self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False
        )
        scores = np.empty(X.shape, dtype=np.float64)
        for place, cuts in enumerate(self.cut_points_):
            below = np.searchsorted(cuts, X[:, place], side="left")
            scores[:, place] = self.bins - below if place in self.reverse else 1 + below
        scores[np.isnan(X)] = np.nan
        return scores

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the name of each column with ``_score`` behind it."""
        names = super().get_feature_names_out(input_features)
        return np.asarray([f"{name}_score" for name in names], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class RFMSegments(BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Names rows by their scores; the first column is recency.

    Args:
        preset: Name of a table in ``PRESETS``, or bands of your own.

    Attributes:
        names_: Name of each label, ``Others`` last.
        unreachable_: Segments that no row can get, because an earlier band covers them.
    """

    def __init__(self, preset: str | Sequence[Band] = "classic10") -> None:
        self.preset = preset

    def fit(self, X: Any, y: object = None) -> Self:  # noqa: ARG002 - the interface's
        """Check the table and say which segments it can never give.

        Warns:
            UserWarning: a segment of one's own bands cannot be reached. A preset is as
                published, so it only fills ``unreachable_``.
        """
        self._scores(X, reset=True)
        bands = self._bands()
        self.names_ = np.asarray([*(band.name for band in bands), OTHERS], dtype=object)
        self.unreachable_ = unreachable(bands)
        if self.unreachable_ and not isinstance(self.preset, str):
            named = ", ".join(self.unreachable_)
            warnings.warn(f"no row can be in: {named}", UserWarning, stacklevel=2)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return (n_rows,) int64 labels into ``names_``, -1 for an unknown score."""
        check_is_fitted(self)
        X = self._scores(X, reset=False)
        bands = self._bands()
        labels = np.full(len(X), len(bands), dtype=np.int64)
        for label, band in reversed(list(enumerate(bands))):
            labels[_inside(X, band)] = label
        labels[np.isnan(X).any(axis=1)] = UNASSIGNED
        return labels

    def fit_predict(self, X: Any, y: object = None) -> np.ndarray:
        """Fit, and return the labels of the same rows."""
        return self.fit(X, y).predict(X)

    def _bands(self) -> tuple[Band, ...]:
        if not isinstance(self.preset, str):
            return tuple(self.preset)
        if self.preset not in PRESETS:
            raise ValueError(f"no preset {self.preset!r}; there is {list(PRESETS)}")
        return PRESETS[self.preset]

    def _scores(self, X: Any, *, reset: bool) -> np.ndarray:
        scores: np.ndarray = validate_data(
            self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=reset
        )
        return scores

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def unreachable(bands: Sequence[Band]) -> tuple[str, ...]:
    """Return the names of bands that earlier ones cover for every triple of scores."""
    highest = max(max(band.recency[1], band.others[1]) for band in bands)
    scores = range(1, highest + 1)
    every = np.asarray(list(itertools.product(scores, repeat=3)), dtype=np.float64)
    free = np.ones(len(every), dtype=bool)
    hidden = []
    for band in bands:
        mine = _inside(every, band) & free
        if not mine.any():
            hidden.append(band.name)
        free &= ~mine
    return tuple(hidden)


def _inside(X: np.ndarray, band: Band) -> np.ndarray:
    (r_low, r_high), (low, high) = band.recency, band.others
    recency, others = X[:, 0], X[:, 1:]
    return np.asarray(
        (recency >= r_low)
        & (recency <= r_high)
        & ((others >= low) & (others <= high)).all(axis=1)
    )
