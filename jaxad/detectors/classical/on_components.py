"""Scores of the principal components of rows instead of the rows themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxad.detector import HostDetector
from jaxad.detectors.classical.base import CheckedConfig, build_unsupervised
from jaxad.detectors.classical.scores import Isolation, KernelSum
from jaxad.detectors.config import is_number

__all__ = [
    "ComponentsConfig",
    "IsolationOnComponents",
    "KernelOnComponents",
    "OnComponents",
    "build_on_components",
]


class ComponentsConfig(CheckedConfig):
    """Base class of configurations with the setting `variance`."""

    variance: float | None

    def _check_variance(self) -> None:
        """Raise a `ConfigError` unless `variance` is in (0, 1) or None."""
        variance = self.variance
        ok = variance is None or (is_number(variance) and 0 < variance < 1)
        self._need(ok, "variance", "in (0, 1) or None")


@dataclass(frozen=True)
class OnComponents:
    """Score of the principal components of rows.

    Attributes:
        score: The score of the components, `(m, k)`.
        components: The orthonormal directions, `(k, d)`.
    """

    score: Any
    components: Float[np.ndarray, "k d"]

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        return self.score(rows @ self.components.T)


@dataclass(frozen=True)
class IsolationOnComponents(OnComponents):
    """Score of an isolation forest of components.

    Attributes:
        score: The score of the components, `(m, k)`.
        components: The orthonormal directions, `(k, d)`.
    """

    score: Isolation


@dataclass(frozen=True)
class KernelOnComponents(OnComponents):
    """Sum of kernels of components, which has gradients.

    Attributes:
        score: The score of the components, `(m, k)`.
        components: The orthonormal directions, `(k, d)`.
    """

    score: KernelSum

    def gradient(self, rows: np.ndarray) -> np.ndarray:
        """Return the gradients of the scores with respect to `(m, d)` rows."""
        return self.score.gradient(rows @ self.components.T) @ self.components


def build_on_components(
    train: Callable[..., Any],
    config: Any,
    score_type: type,
    on_components: type[OnComponents],
    variance: float | None,
) -> HostDetector:
    """Build a detector that trains on the principal components of the rows.

    Labelled anomalies are left out. Components are not centred: kernels depend on differences of
    rows only, and the splits of a forest are relative to the range of the rows.

    Args:
        train: `(config, rows, seed) -> score`.
        config: The settings.
        score_type: The class of the scores of rows.
        on_components: The class of the scores of components.
        variance: Fraction of the variance that the components keep, in (0, 1); None for the rows
            themselves.
    """
    if variance is None:
        return build_unsupervised(train, config, score_type)

    def train_on_components(config, x, seed):
        from sklearn.decomposition import PCA

        constant = (x == x[0]).all()
        with np.errstate(invalid="ignore"):  # of shares of no variance
            plane = PCA(n_components=1 if constant else variance, svd_solver="full").fit(x)
        components = np.asarray(plane.components_)
        return on_components(train(config, x @ components.T, seed), components)

    return build_unsupervised(train_on_components, config, on_components)
