"""Score functions of classical detectors with the parts and gradients that explanations need."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

__all__ = ["Ellipsoid", "KernelSum", "OffPlane"]

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
        k = np.concatenate([logsumexp(self.log_parts(piece), axis=1) for piece in pieces])
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
        return rows - self.model.inverse_transform(self.model.transform(rows))

    def gradient(self, rows: np.ndarray) -> np.ndarray:
        """Return the gradients of the scores with respect to `(m, d)` rows."""
        return 2 * self.residual(rows)
