"""Score functions of classical detectors that say what they are made of, for explanations."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

__all__ = ["Ellipsoid", "KernelSum", "OffPlane"]


@dataclass(frozen=True)
class KernelSum:
    """A score that falls with `k(x) = sum_j w_j exp(-gamma ||x - u_j||^2)`.

    It is `-log k(x)` of a density, or `-height k(x)` of a support vector machine, but for a
    constant.

    Attributes:
        model: Scikit-learn's own, which gives the scores.
        points: `(n, d)` the u_j.
        weights: `(n,)` the w_j, above 0, with sum 1.
        gamma: What squared distances are multiplied by, > 0.
        height: What k is multiplied by; None for a density.
    """

    model: Any
    points: Float[np.ndarray, "n d"]
    weights: Float[np.ndarray, "n"]
    gamma: float
    height: float | None = None

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """The scores of `(m, d)` rows."""
        if self.height is None:
            return -self.model.score_samples(rows)
        return -self.model.decision_function(rows)

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
