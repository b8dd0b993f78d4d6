"""Bags of trees on labelled anomalies against few random unlabelled rows.

References:
    Mordelet and Vert 2014, A bagging SVM to learn from positive and unlabeled examples.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int8

from jaxad.detector import HostDetector
from jaxad.detectors.classical.neighbours import NeighbourDistance
from jaxad.detectors.classical.unlabelled import CheckedConfig, sample_rows
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.errors import ConfigError, DataError

__all__ = ["BagScore", "Bags", "OutlierScores", "fit_bags"]

_TINY = 1e-9  # a distance of 0, of a row that training holds too, has a logarithm


@dataclass(frozen=True, kw_only=True)
class Bags(CheckedConfig):
    """Settings of bagging for learning from positive and unlabelled rows.

    Attributes:
        members: Number of bags, each with one tree, >= 1.
        unlabelled: Smallest number of unlabelled rows in a bag, >= 1. All are taken if there are
            fewer.
        ratio: Number of unlabelled rows in a bag for each labelled anomaly, if that is more than
            `unlabelled`, > 0.
        outlier_scores: Whether trees also split by the unsupervised outlier scores of a row.
        neighbours: Number of neighbours of the outlier score by distance, >= 1.
        reference: Maximum number of unlabelled rows that neighbours are searched among, >= 2;
            larger data is sampled at random.
    """

    members: int = 150
    unlabelled: int = 20
    ratio: float = 2.0
    outlier_scores: bool = True
    neighbours: int = 10
    reference: int = 4096

    def __post_init__(self):
        for name in ("members", "unlabelled", "neighbours"):
            self._need(is_count(getattr(self, name), 1), name, "a whole number of at least 1")
        self._need(is_number(self.ratio) and self.ratio > 0, "ratio", "> 0")
        self._need(is_count(self.reference, 2), "reference", "a whole number of at least 2")
        if not isinstance(self.outlier_scores, bool):
            raise ConfigError(
                f"outlier_scores must be True or False; given {self.outlier_scores!r}"
            )


@dataclass(frozen=True)
class OutlierScores:
    """The unsupervised outlier scores of rows.

    Attributes:
        forest: Fitted isolation forest of scikit-learn.
        near: The mean distance to the nearest rows.
        gaussian: Fitted covariance estimator of scikit-learn.
    """

    forest: Any
    near: NeighbourDistance
    gaussian: Any

    def __call__(self, rows: np.ndarray) -> Float[np.ndarray, "m 3"]:
        """Return the score of the forest, and the logarithms of the two distances."""
        distances = [self.near(rows), self.gaussian.mahalanobis(rows)]
        logs = np.log(np.stack(distances, axis=1) + _TINY)
        return np.column_stack([-self.forest.score_samples(rows), logs])


@dataclass(frozen=True)
class BagScore:
    """Mean over bags of the share of labelled anomalies in the leaf of a row.

    Attributes:
        trees: Fitted trees of scikit-learn; the last of their classes is that of anomalies.
        outlier_scores: Further inputs of the trees; None for the rows alone.
    """

    trees: list
    outlier_scores: OutlierScores | None

    def __call__(self, rows: np.ndarray) -> Float[np.ndarray, "m"]:
        """Return the scores of `(m, d)` rows, in [0, 1]."""
        inputs = _join_inputs(rows, self.outlier_scores)
        total = sum(tree.predict_proba(inputs)[:, -1] for tree in self.trees)
        return np.asarray(total / len(self.trees))


@register("pu_bagging", Bags, uses_labels=True, host=True)
def build_pu_bagging(config: Bags, spec: Spec) -> HostDetector:
    """Bagging on positive and unlabelled rows; the score is the mean vote of randomised trees.

    Each tree learns all labelled anomalies against a few unlabelled rows, drawn anew for each bag
    without replacement, and all labelled normal rows. So few of the rows that a tree takes as
    normal are hidden anomalies, and other trees outvote those that drew one. Beside the row, inputs
    are the scores of an isolation forest, of neighbours and of a Gaussian, fitted to the unlabelled
    rows.

    Raises:
        DataError: There are no labelled anomalies.
    """
    if not spec.labelled_anomalies:
        raise DataError(
            "labelled anomalies must be given for pu_bagging, at least 1; given 0. Label some rows "
            "with -1, or choose a detector that needs no labels, such as iforest"
        )

    def train(x, label, seed):
        return fit_bags(x, label, config, seed)

    return HostDetector(train, score_type=BagScore)


def fit_bags(
    x: Float[np.ndarray, "n d"], label: Int8[np.ndarray, "n"], config: Bags, seed: int
) -> BagScore:
    """Fit the trees of all bags.

    Args:
        x: Training rows.
        label: -1 labelled anomaly, 0 unlabelled, 1 labelled normal; some are labelled anomalies.
        config: The settings.
        seed: Seed of all random choices.

    Raises:
        DataError: Fewer than 2 rows are not labelled anomalies.
    """
    anomalies, normals = np.flatnonzero(label < 0), np.flatnonzero(label > 0)
    unlabelled = np.flatnonzero(label == 0)
    if len(unlabelled) + len(normals) < 2:
        raise DataError("label must have at least 2 rows that are not labelled anomalies (-1)")
    scores = fit_outlier_scores(x[label >= 0], config, seed) if config.outlier_scores else None
    inputs = _join_inputs(x, scores)
    rng = np.random.default_rng(seed)
    count = min(len(unlabelled), max(config.unlabelled, round(config.ratio * len(anomalies))))
    trees = []
    for _ in range(config.members):
        drawn = rng.choice(unlabelled, count, replace=False)
        bag = np.concatenate([anomalies, normals, drawn])
        trees.append(_fit_tree(inputs[bag], label[bag] < 0, int(rng.integers(2**31))))
    return BagScore(trees, scores)


def fit_outlier_scores(x: Float[np.ndarray, "n d"], config: Bags, seed: int) -> OutlierScores:
    """Fit the three unsupervised detectors to rows.

    Args:
        x: Rows that are not labelled anomalies.
        config: The number of neighbours, and of the rows that they are searched among.
        seed: Seed of the forest and of the sample.
    """
    from sklearn.covariance import LedoitWolf
    from sklearn.ensemble import IsolationForest

    reference = sample_rows(x, config.reference, seed)
    near = NeighbourDistance(reference, min(config.neighbours, len(reference) - 1), "mean")
    return OutlierScores(IsolationForest(random_state=seed).fit(x), near, LedoitWolf().fit(x))


def _join_inputs(rows: np.ndarray, scores: OutlierScores | None) -> np.ndarray:
    return rows if scores is None else np.column_stack([rows, scores(rows)])


def _fit_tree(inputs: np.ndarray, anomalous: np.ndarray, seed: int) -> Any:
    from sklearn.tree import ExtraTreeClassifier

    return ExtraTreeClassifier(random_state=seed).fit(inputs, anomalous)
