"""Unsupervised outlier scores, which bags of trees take as inputs and `auto` as parts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float

from jaxad.detectors.classical.base import sample_rows
from jaxad.detectors.classical.neighbours import NeighbourDistance
from jaxad.detectors.classical.scores import Ellipsoid

__all__ = ["OutlierScores", "fit_again", "fit_outlier_scores"]

T = TypeVar("T", bound=Callable[[np.ndarray], np.ndarray])


@dataclass(frozen=True)
class OutlierScores:
    """The unsupervised outlier scores of rows.

    Attributes:
        forest: Fitted isolation forest of scikit-learn.
        near: The mean distance to the nearest rows.
        gaussian: Fitted covariance estimator of scikit-learn; the score is the squared Mahalanobis
            distance.
    """

    forest: Any
    near: NeighbourDistance
    gaussian: Any

    def __call__(self, rows: np.ndarray) -> Float[np.ndarray, "m 3"]:
        """Return the scores of the forest, of neighbours and of the Gaussian, a column each."""
        distances = self.near(rows), self.gaussian.mahalanobis(rows)
        return np.column_stack([-self.forest.score_samples(rows), *distances])


def fit_outlier_scores(
    x: Float[np.ndarray, "n d"],
    seed: int,
    *,
    neighbours: int,
    reference: int,
    trees: int = 100,
    reject: float = 0.0,
    refits: int = 0,
) -> OutlierScores:
    """Fit an isolation forest, nearest neighbours and a Gaussian to rows.

    Args:
        x: Rows that are not labelled anomalies, at least 2.
        seed: Seed of the forest and of the sample.
        neighbours: Number of neighbours, >= 1; reduced where there are fewer rows.
        reference: Maximum number of rows that neighbours are searched among, >= 2; larger data is
            sampled at random.
        trees: Number of trees of the forest, >= 1.
        reject: Fraction of the rows that neighbours and the Gaussian are fitted again without, in
            [0, 1). The forest is fitted once, as its trees take few rows each.
        refits: How often they are fitted again, >= 0.
    """
    from sklearn.covariance import LedoitWolf
    from sklearn.ensemble import IsolationForest

    def fit_near(rows: np.ndarray) -> NeighbourDistance:
        return NeighbourDistance(rows, min(neighbours, len(rows) - 1), "mean")

    def fit_gaussian(rows: np.ndarray) -> Ellipsoid:
        return Ellipsoid(LedoitWolf().fit(rows))

    forest = IsolationForest(n_estimators=trees, random_state=seed).fit(x)
    near = fit_again(fit_near, sample_rows(x, reference, seed), reject, refits)
    return OutlierScores(forest, near, fit_again(fit_gaussian, x, reject, refits).model)


def fit_again(fit: Callable[[np.ndarray], T], x: np.ndarray, reject: float, refits: int) -> T:
    """Fit a detector, and fit it again without the rows that it finds most anomalous.

    Hidden anomalies are then not among the rows that others are compared with.

    Args:
        fit: A function of rows that returns a function from rows to scores.
        x: The rows, at least 2.
        reject: The fraction of all rows that is left out, in [0, 1); 2 rows are always kept.
        refits: How often it is fitted again, >= 0.
    """
    found = fit(x)
    for _ in range(refits):
        order = np.argsort(found(x), kind="stable")
        found = fit(x[order[: max(2, round((1 - reject) * len(x)))]])
    return found
