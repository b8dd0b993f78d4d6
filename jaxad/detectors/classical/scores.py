"""Score functions of classical detectors: dataclasses of numbers, arrays and fitted estimators.

`jaxad.save` keeps their fields. Some have the parts and gradients that explanations need.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxad.data.arrays import MAX_FLOAT32
from jaxad.detectors.classical.boosting import BoostedTrees

__all__ = [
    "AnomalyProbability",
    "BoostedOdds",
    "Ellipsoid",
    "Histograms",
    "Isolation",
    "KernelPlane",
    "KernelSum",
    "OffKernelPlane",
    "OffPlane",
    "OutlierFeatures",
    "OutsidePlane",
]

_ENTRIES = 2**22  # entries of a matrix of distances: 32 MB


@dataclass(frozen=True)
class KernelSum:
    """Score that decreases with `k(x) = sum_j w_j exp(-gamma ||x - u_j||^2)`.

    It is `constant - log k(x)` for a density, or `constant - height k(x)` for a support vector
    machine.

    Attributes:
        points: The points u_j, `(n, d)`.
        weights: The weights w_j, `(n,)`, > 0, with sum 1.
        gamma: Factor of squared distances, > 0.
        constant: Score of a density where k is 1, or of a support vector machine where k is 0.
        height: Factor of k for a support vector machine; None for a density.
    """

    points: Float[np.ndarray, "n d"]
    weights: Float[np.ndarray, "n"]
    gamma: float
    constant: float
    height: float | None = None

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        from scipy.special import logsumexp

        block = max(1, _ENTRIES // len(self.points))
        pieces = (rows[i : i + block] for i in range(0, len(rows), block))
        k = np.concatenate([np.asarray(logsumexp(self.log_parts(p), axis=1)) for p in pieces])
        return self.constant - (k if self.height is None else self.height * np.exp(k))

    def log_parts(self, rows: np.ndarray) -> Float[np.ndarray, "m n"]:
        """Return the logarithms of the terms of `k`, one for each row and point."""
        from scipy.spatial.distance import cdist

        return np.log(self.weights) - self.gamma * cdist(rows, self.points, "sqeuclidean")

    def gradient(self, rows: np.ndarray) -> np.ndarray:
        """Return the gradients of the scores with respect to `(m, d)` rows."""
        from scipy.special import softmax

        parts = self.log_parts(rows)
        part = softmax(parts, axis=1) if self.height is None else self.height * np.exp(parts)
        return 2 * self.gamma * (rows * part.sum(axis=1, keepdims=True) - part @ self.points)


@dataclass(frozen=True)
class Ellipsoid:
    """Squared Mahalanobis distance `(x - mu)^T P (x - mu)` as a score.

    Attributes:
        model: Fitted covariance estimator of scikit-learn.
    """

    model: Any

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        return self.model.mahalanobis(rows)

    def gradient(self, rows: np.ndarray) -> np.ndarray:
        """Return the gradients of the scores with respect to `(m, d)` rows."""
        return 2 * (rows - self.model.location_) @ self.model.get_precision()


@dataclass(frozen=True)
class OffPlane:
    """Squared distance to the subspace of the principal components as a score.

    Attributes:
        model: Fitted principal components of scikit-learn.
    """

    model: Any

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        return np.sum(self.residual(rows) ** 2, axis=1)

    def residual(self, rows: np.ndarray) -> np.ndarray:
        """Return the difference between `(m, d)` rows and their projections onto the subspace."""
        if not len(self.model.components_):
            return rows - self.model.mean_
        return rows - self.model.inverse_transform(self.model.transform(rows))

    def gradient(self, rows: np.ndarray) -> np.ndarray:
        """Return the gradients of the scores with respect to `(m, d)` rows."""
        return 2 * self.residual(rows)


@dataclass(frozen=True)
class Isolation:
    """Minus `score_samples` of an isolation forest or a local outlier factor as a score.

    Attributes:
        model: Fitted estimator of scikit-learn.
    """

    model: Any

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        return -self.model.score_samples(rows)


@dataclass(frozen=True)
class OutsidePlane:
    """Minus the decision function of a support vector machine as a score.

    Attributes:
        model: Fitted one-class SVM of scikit-learn.
    """

    model: Any

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        return -self.model.decision_function(rows)


@dataclass(frozen=True)
class OffKernelPlane:
    """Squared distance in feature space to the subspace of the kernel principal components.

    Attributes:
        model: Fitted kernel principal components of scikit-learn.
        kept: Number of components of the subspace.
        mean: Mean of the kernel matrix of the training rows.
    """

    model: Any
    kept: int
    mean: float

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        to_mean = rbf(rows, self.model.X_fit_, self.model.gamma).mean(axis=1)
        squared_norm = 1 - 2 * to_mean + self.mean
        return squared_norm - np.sum(self.model.transform(rows)[:, : self.kept] ** 2, axis=1)


@dataclass(frozen=True)
class KernelPlane:
    """Distance `rho - w.x` below a hyperplane in the feature space of a Gaussian kernel.

    Attributes:
        points: The points u_j, `(n, d)`.
        weights: The coefficient of each point in w, `(n,)`.
        gamma: Factor of squared distances, > 0.
        rho: The offset of the hyperplane.
    """

    points: Float[np.ndarray, "n d"]
    weights: Float[np.ndarray, "n"]
    gamma: float
    rho: float

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        return self.rho - rbf(rows, self.points, self.gamma) @ self.weights


@dataclass(frozen=True)
class AnomalyProbability:
    """Predicted probability of the class of anomalies as a score.

    Attributes:
        model: Fitted classifier of scikit-learn; its last class is that of anomalies.
    """

    model: Any

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        return self.model.predict_proba(rows)[:, -1]


@dataclass(frozen=True)
class Histograms:
    """Histogram-based outlier score `-sum_j log p_j(x_j)`.

    p_j is a histogram of column j of the training rows. Empty bins and values outside the range of
    the bins count as half a row.

    Attributes:
        counts: Number of rows in each bin, `(d, bins)`.
        edges: Edges of the bins, `(d, bins + 1)`.
        rows: Number of training rows.
    """

    counts: np.ndarray
    edges: np.ndarray
    rows: int

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        total = np.zeros(len(rows))
        for column, count, edges in zip(rows.T, self.counts, self.edges, strict=True):
            bin = np.clip(np.searchsorted(edges, column, side="right") - 1, 0, len(count) - 1)
            inside = (column >= edges[0]) & (column <= edges[-1])
            total -= np.log(np.maximum(np.where(inside, count[bin], 0), 0.5) / self.rows)
        return total


@dataclass(frozen=True)
class OutlierFeatures:
    """The features of XGBOD: the rows and their unsupervised outlier scores.

    Attributes:
        near: Fitted nearest neighbours of scikit-learn.
        factors: Fitted local outlier factors, one for each number of neighbours.
        others: Further fitted detectors of scikit-learn.
        histograms: Histograms of the training rows.
    """

    near: Any
    factors: list
    others: list
    histograms: Histograms

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the `(m, k)` features of `(m, d)` rows."""
        local = [-model.score_samples(rows) for model in self.factors]
        return self.stack(rows, self.near.kneighbors(rows)[0], local)

    def stack(self, rows: np.ndarray, distances: np.ndarray, local: list) -> np.ndarray:
        """Join rows, distances to their neighbours, local outlier factors and other scores."""
        kept = distances[:, [model.n_neighbors - 1 for model in self.factors]]
        scores = [-model.score_samples(rows) for model in self.others]
        features = np.column_stack([rows, kept, *local, *scores, self.histograms(rows)])
        return np.clip(features, -MAX_FLOAT32, MAX_FLOAT32)  # the trees convert to float32


@dataclass(frozen=True)
class BoostedOdds:
    """Log odds of boosted trees on the features of XGBOD as a score.

    Attributes:
        model: The boosted trees.
        features: The features of rows.
    """

    model: BoostedTrees
    features: OutlierFeatures

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        return self.model(self.features(rows))


def rbf(a: np.ndarray, b: np.ndarray, gamma: float) -> np.ndarray:
    """Return the Gaussian kernel `exp(-gamma ||a_i - b_j||^2)`, `(n, m)`."""
    from sklearn.metrics.pairwise import rbf_kernel

    return rbf_kernel(a, b, gamma=gamma)
