"""Score functions of classical detectors that say what they are made of, for explanations."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

__all__ = ["Ellipsoid", "KernelSum", "OffPlane"]

_ENTRIES = 2**22  # of a matrix of distances: 32 MB


@dataclass(frozen=True)
class KernelSum:
    """A score that falls with `k(x) = sum_j w_j exp(-gamma ||x - u_j||^2)`.

    It is `constant - log k(x)` of a density, or `constant - height k(x)` of a support vector
    machine.

    Attributes:
        points: `(n, d)` the u_j.
        weights: `(n,)` the w_j, above 0, with sum 1.
        gamma: What squared distances are multiplied by, > 0.
        constant: The score that a density has where k is 1, or a machine where it is 0.
        height: What k is multiplied by; None for a density.
    """

    points: Float[np.ndarray, "n d"]
    weights: Float[np.ndarray, "n"]
    gamma: float
    constant: float
    height: float | None = None

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """The scores of `(m, d)` rows."""
        from scipy.special import logsumexp

        block = max(1, _ENTRIES // len(self.points))
        pieces = (rows[i : i + block] for i in range(0, len(rows), block))
        k = np.concatenate([logsumexp(self.log_parts(piece), axis=1) for piece in pieces])
        return self.constant - (k if self.height is None else self.height * np.exp(k))

    def log_parts(self, rows: np.ndarray) -> Float[np.ndarray, "m n"]:
        """The logarithms of the parts of `k` that come from each point."""
        from scipy.spatial.distance import cdist

        return np.log(self.weights) - self.gamma * cdist(rows, self.points, "sqeuclidean")

    def gradient(self, rows: np.ndarray) -> np.ndarray:
        """The derivatives of the scores by the entries of `(m, d)` rows."""
        from scipy.special import softmax

        parts = self.log_parts(rows)
        part = softmax(parts, axis=1) if self.height is None else self.height * np.exp(parts)
        return 2 * self.gamma * (rows * part.sum(axis=1, keepdims=True) - part @ self.points)


@dataclass(frozen=True)
class Ellipsoid:
    """The squared Mahalanobis distance `(x - mu)^T P (x - mu)`.

    Attributes:
        model: A covariance of scikit-learn.
    """

    model: Any

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """The scores of `(m, d)` rows."""
        return self.model.mahalanobis(rows)

    def gradient(self, rows: np.ndarray) -> np.ndarray:
        """The derivatives of the scores by the entries of `(m, d)` rows."""
        return 2 * (rows - self.model.location_) @ self.model.get_precision()


@dataclass(frozen=True)
class OffPlane:
    """The squared distance to the plane of the principal components.

    Attributes:
        model: Principal components of scikit-learn.
    """

    model: Any

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """The scores of `(m, d)` rows."""
        return np.sum(self.residual(rows) ** 2, axis=1)

    def residual(self, rows: np.ndarray) -> np.ndarray:
        """What of `(m, d)` rows is off the plane."""
        return rows - self.model.inverse_transform(self.model.transform(rows))

    def gradient(self, rows: np.ndarray) -> np.ndarray:
        """The derivatives of the scores by the entries of `(m, d)` rows."""
        return 2 * self.residual(rows)
