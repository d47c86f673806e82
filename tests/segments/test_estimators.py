"""Every estimator keeps scikit-learn's contract."""

from collections.abc import Callable
from typing import Any

import pandas as pd  # type: ignore[import-untyped] # no stubs
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from cdp.segments import ClusterSegments, RFMScorer, RFMSegments


@pytest.mark.filterwarnings("ignore")  # the checks try what warns on purpose
@parametrize_with_checks(  # type: ignore[untyped-decorator] # scikit-learn has no types
    [
        RFMScorer(),
        RFMScorer(bins=3, reverse=()),
        RFMSegments(),
        ClusterSegments(n_boot=3),
        ClusterSegments(k=3),
        ClusterSegments(choose="silhouette"),
    ]
)
def test_an_estimator_keeps_the_contract_of_scikit_learn(
    estimator: Any, check: Callable[[Any], None]
) -> None:
    check(estimator)


def test_scores_are_named_after_their_columns() -> None:
    frame = pd.DataFrame({"recency": [1.0, 2, 3], "frequency": [3.0, 2, 1]})
    scorer = RFMScorer(bins=2).set_output(transform="pandas").fit(frame)
    scores = scorer.transform(frame)
    assert list(scores.columns) == ["recency_score", "frequency_score"]
    assert scores.to_numpy().tolist() == [[2, 2], [2, 1], [1, 1]]


def test_a_pipeline_of_both_gives_labels() -> None:
    frame = pd.DataFrame({c: [1.0, 2, 3, 4, 5] for c in "RFM"})
    labels = make_pipeline(RFMScorer(), RFMSegments()).fit_predict(frame)
    assert len(labels) == 5
