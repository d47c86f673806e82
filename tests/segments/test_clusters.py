"""Clusters: published numbers, the choice of k, and the same answer twice."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.datasets import load_iris, make_blobs
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
)

from cdp.segments import ClusterSegments


def test_iris_with_one_start_meets_the_user_guide() -> None:
    """K-means with ``n_init=1, random_state=1``, as in scikit-learn's user guide."""
    points, species = load_iris(return_X_y=True)
    model = ClusterSegments(KMeans(n_init=1, random_state=1), k=3).fit(points)
    assert round(calinski_harabasz_score(points, model.labels_), 4) == 561.5937
    assert round(davies_bouldin_score(points, model.labels_), 5) == 0.66604
    assert round(model.silhouette_, 4) == 0.5512
    assert round(adjusted_rand_score(species, model.labels_), 4) == 0.7163


def test_iris_with_ten_starts_finds_the_better_optimum() -> None:
    points, species = load_iris(return_X_y=True)
    model = ClusterSegments(KMeans(n_init=10), k=3, random_state=0).fit(points)
    assert round(calinski_harabasz_score(points, model.labels_), 4) == 561.6278
    assert round(davies_bouldin_score(points, model.labels_), 5) == 0.66197
    assert round(model.silhouette_, 4) == 0.5528
    assert round(adjusted_rand_score(species, model.labels_), 4) == 0.7302


def test_the_silhouettes_of_the_blobs_of_the_example() -> None:
    """The blobs and the seed of scikit-learn's silhouette example."""
    points, _ = make_blobs(
        n_samples=500,
        centers=4,
        cluster_std=1,
        center_box=(-10.0, 10.0),
        shuffle=True,
        random_state=1,
    )
    model = ClusterSegments(
        KMeans(random_state=10), k=(2, 3, 4), choose="silhouette"
    ).fit(points)
    rounded = {k: round(s, 4) for k, s in model.silhouettes_.items()}
    assert rounded == {2: 0.7050, 3: 0.5882, 4: 0.6505}
    assert model.k_ == 2


def three_blobs() -> np.ndarray:
    points, _ = make_blobs(
        n_samples=150,
        centers=[[0, 0], [20, 0], [0, 20]],
        cluster_std=1.0,
        random_state=0,
    )
    return np.asarray(points)


def test_stability_finds_the_number_of_clear_groups() -> None:
    model = ClusterSegments(k=range(2, 7), n_boot=8, random_state=0).fit(three_blobs())
    assert model.k_ == 3
    assert model.stability_[3] == pytest.approx(1.0)
    assert model.is_stable_
    assert list(model.names_) == ["cluster 1", "cluster 2", "cluster 3"]


def test_where_nothing_is_stable_enough_the_most_stable_one_is_called_so() -> None:
    noise = np.random.default_rng(0).uniform(size=(60, 5))
    model = ClusterSegments(k=(5, 6, 7), n_boot=5, random_state=0).fit(noise)
    assert model.stability_[model.k_] == max(model.stability_.values())
    assert model.is_stable_ is False


def test_one_given_k_is_not_measured_for_stability() -> None:
    model = ClusterSegments(k=3, random_state=0).fit(three_blobs())
    assert model.stability_ == {}
    assert model.is_stable_ is None


@settings(max_examples=20)  # each example fits a model five times
@given(st.integers(0, 3), st.integers(2, 4))
def test_a_seed_gives_the_same_labels_twice(seed: int, k: int) -> None:
    points = three_blobs()
    models = [ClusterSegments(k=k, random_state=seed).fit(points) for _ in range(2)]
    assert (models[0].labels_ == models[1].labels_).all()
    assert models[0].silhouette_ == models[1].silhouette_
    assert (
        models[0].clusterer_.cluster_centers_.tobytes()
        == models[1].clusterer_.cluster_centers_.tobytes()
    )
    assert (models[0].predict(points) == models[0].labels_).all()
    sizes = np.bincount(models[0].labels_)
    assert (np.diff(sizes) <= 0).all()


def test_a_clusterer_without_predict_may_not_be_asked_about_new_rows() -> None:
    model = ClusterSegments(AgglomerativeClustering(), k=3).fit(three_blobs())
    with pytest.raises(AttributeError):
        model.predict(three_blobs())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"choose": "elbow"}, "choose"),
        ({"k": ()}, "k must be"),
        ({"k": 0}, "k must be"),
    ],
)
def test_a_parameter_without_meaning_is_refused(
    parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ClusterSegments(**parameters).fit(three_blobs())
