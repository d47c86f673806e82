"""Clusters with a number of them that is earned, not guessed.

- ``choose="stability"``: for each k, refit on bootstraps of the rows and compare the
  labels with those of the first fit (adjusted Rand index, ARI). The largest k whose
  mean ARI is at least ``min_ari`` wins; where none is, the most stable one does and
  ``is_stable_`` says what that is worth. The silhouette is reported for every k and not
  used.
- ``choose="silhouette"``: the k with the best silhouette, the smallest among equals.
- Labels are numbered by size, largest first, so that two fits of the same rows agree.
- Threads are pinned while fitting: with more than one, the bytes of the centres depend
  on the machine.

Refuses to draw from the global random state.

Source: Hubert & Arabie (1985), J. Classification 2:193-218 (ARI); Rousseeuw (1987),
J. Comput. Appl. Math. 20:53-65 (silhouette).
"""

from collections.abc import Iterable
from typing import Any, Final, Self

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, clone
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # no types

# Under it a run is called unstable (C117 of the catalogue); a choice of this project.
STABLE_ARI: Final = 0.7
# Above so many rows the silhouette is taken of a sample, for it costs n squared.
SILHOUETTE_ROWS: Final = 10_000
_LARGEST_SEED: Final = 2**31 - 1


class ClusterSegments(
    ClusterMixin,  # type: ignore[misc] # scikit-learn has no types
    BaseEstimator,  # type: ignore[misc] # scikit-learn has no types
):
    """Fits a clusterer for one k or chooses k among several.

    Args:
        clusterer: Any scikit-learn clusterer with ``n_clusters`` and ``predict``; None
            is ``KMeans(n_init=10)``.
        k: The number of clusters, or those to choose from.
        choose: ``stability`` or ``silhouette``.
        n_boot: Bootstrap refits for each k.
        min_ari: What counts as stable enough to be chosen, in [0, 1].
        random_state: Seed, or a numpy RandomState.

    Attributes:
        k_: The number of clusters.
        labels_: (n_rows,) int64, 0 is the largest cluster.
        silhouette_: Of the chosen k; NaN for one cluster or as many as rows.
        silhouettes_, stability_: By k.
        is_stable_: Whether the mean ARI of the chosen k is at least 0.7; None where it
            was not measured.
        clusterer_: The fitted clusterer.
    """

    def __init__(
        self,
        clusterer: Any = None,
        *,
        k: int | Iterable[int] = (2, 3, 4, 5, 6, 7, 8),
        choose: str = "stability",
        n_boot: int = 20,
        min_ari: float = 0.8,
        random_state: Any = None,
    ) -> None:
        self.clusterer = clusterer
        self.k = k
        self.choose = choose
        self.n_boot = n_boot
        self.min_ari = min_ari
        self.random_state = random_state

    def fit(self, X: Any, y: object = None) -> Self:  # noqa: ARG002 - the interface's
        """Choose k and fit; X is (n_rows, n_features), finite."""
        if self.choose not in {"stability", "silhouette"}:
            raise ValueError("choose must be 'stability' or 'silhouette'")
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        random = check_random_state(self.random_state)
        seed = int(random.randint(_LARGEST_SEED))
        with threadpool_limits(1):
            fitted = {k: self._fitted(k, X, seed) for k in self._candidates(len(X))}
            self.silhouettes_ = {
                k: _silhouette(X, each.labels_, seed) for k, each in fitted.items()
            }
            self.stability_ = (
                {k: self._mean_ari(each, X, random) for k, each in fitted.items()}
                if self.choose == "stability" and len(fitted) > 1
                else {}
            )
        self.k_ = self._chosen()
        self.clusterer_ = fitted[self.k_]
        self.silhouette_ = self.silhouettes_[self.k_]
        self.is_stable_ = (
            self.stability_[self.k_] >= STABLE_ARI if self.stability_ else None
        )
        self._rank = _by_size(self.clusterer_.labels_)
        self.labels_ = self._rank[self.clusterer_.labels_]
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return (n_rows,) int64 labels, numbered as ``labels_``."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        with threadpool_limits(1):
            raw = self.clusterer_.predict(X)
        return np.asarray(self._rank[raw])

    @property
    def names_(self) -> np.ndarray:
        """Name of each label: ``cluster 1`` is the largest."""
        check_is_fitted(self)
        return np.asarray(
            [f"cluster {n + 1}" for n in range(len(self._rank))], dtype=object
        )

    def _candidates(self, rows: int) -> list[int]:
        wanted = [self.k] if isinstance(self.k, int | np.integer) else list(self.k)
        if not wanted or min(wanted) < 1:
            raise ValueError("k must be one number, or some, of at least 1")
        # One k that the rows cannot fill is for the clusterer to refuse.
        return [int(k) for k in wanted if len(wanted) == 1 or k < rows] or [
            int(min(wanted))
        ]

    def _fitted(self, k: int, X: np.ndarray, seed: int) -> Any:
        model = KMeans(n_init=10) if self.clusterer is None else clone(self.clusterer)
        model.set_params(n_clusters=k)
        if "random_state" in model.get_params() and (
            self.clusterer is None or model.get_params()["random_state"] is None
        ):
            model.set_params(random_state=seed)
        return model.fit(X)

    def _mean_ari(self, first: Any, X: np.ndarray, random: Any) -> float:
        aris = []
        for _ in range(self.n_boot):
            rows = random.randint(0, len(X), len(X))
            again = clone(first)
            if "random_state" in again.get_params():
                again.set_params(random_state=int(random.randint(_LARGEST_SEED)))
            labels = again.fit(X[rows]).predict(X)
            aris.append(adjusted_rand_score(first.labels_, labels))
        return float(np.mean(aris))

    def _chosen(self) -> int:
        if self.stability_:
            enough = [k for k, ari in self.stability_.items() if ari >= self.min_ari]
            if enough:
                return max(enough)
            return max(self.stability_, key=lambda k: (self.stability_[k], -k))
        return max(
            self.silhouettes_,
            key=lambda k: (np.nan_to_num(self.silhouettes_[k], nan=-2.0), -k),
        )


def _silhouette(X: np.ndarray, labels: np.ndarray, seed: int) -> float:
    found = len(np.unique(labels))
    if not 1 < found < len(X):
        return float("nan")
    sample = SILHOUETTE_ROWS if len(X) > SILHOUETTE_ROWS else None
    return float(silhouette_score(X, labels, sample_size=sample, random_state=seed))


def _by_size(labels: np.ndarray) -> np.ndarray:
    """Return the rank of each raw label: most rows first, then the lower label."""
    sizes = np.bincount(labels)
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return rank
