"""Principal components: reconstruction errors, a likelihood, and a robust subspace.

References:
    Pearson 1901, On lines and planes of closest fit to systems of points in space; Tipping and
    Bishop 1999, Probabilistic principal component analysis; Candes et al. 2011, Robust principal
    component analysis?
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from jaxad.detector import HostDetector
from jaxad.detectors.classical.base import CheckedConfig, build_unsupervised, sample_rows
from jaxad.detectors.classical.pursuit import pursue_low_rank
from jaxad.detectors.classical.scores import OffPlane
from jaxad.detectors.config import is_number
from jaxad.detectors.registry import Spec, register

__all__ = ["ComponentDensity", "Principal", "PrincipalComponents", "fit_components"]

_ROWS = 2000
_SMALLEST = 1e-12  # variance of noise, so that rows within a plane have a finite density


@dataclass(frozen=True, kw_only=True)
class Principal(CheckedConfig):
    """Settings of a subspace of principal components.

    Attributes:
        variance: Fraction of the variance that the components keep, in (0, 1).
    """

    variance: float = 0.9

    def __post_init__(self):
        self._need(is_number(self.variance) and 0 < self.variance < 1, "variance", "in (0, 1)")


@dataclass(frozen=True, kw_only=True)
class PrincipalComponents(Principal):
    """Settings of principal component analysis; see `Principal`.

    Attributes:
        score: "error" for the squared reconstruction error, or "likelihood" for minus the log
            density of probabilistic principal component analysis.
        robust: Whether the components are those of the low-rank part of the training rows, found by
            principal component pursuit, which separates sparse deviations of any size from it. Of
            more than 2,000 training rows a random sample is used.
    """

    score: Literal["error", "likelihood"] = "error"
    robust: bool = False

    def __post_init__(self):
        super().__post_init__()
        self._need(self.score in ("error", "likelihood"), "score", "'error' or 'likelihood'")
        self._need(isinstance(self.robust, bool), "robust", "true or false")


@dataclass(frozen=True)
class ComponentDensity:
    """Minus the log density `log N(x; m, V diag(l - s) V^T + s I)` as a score.

    It is `(sum_j (log l_j + z_j^2 / l_j) + (d - q) log s + ||r||^2 / s + d log(2 pi)) / 2` with the
    components `z = V^T (x - m)` and the residual `r = x - m - V z`.

    Attributes:
        mean: The mean m, `(d,)`.
        components: The rows of `V^T`, `(q, d)`.
        variances: The variance l_j of each component, `(q,)`, > 0.
        noise: The variance s of every direction outside the subspace, > 0.
    """

    mean: Float[np.ndarray, "d"]
    components: Float[np.ndarray, "q d"]
    variances: Float[np.ndarray, "q"]
    noise: float

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the scores of `(m, d)` rows."""
        z, residual = self._project(rows)
        q, d = self.components.shape
        constant = np.log(self.variances).sum() + (d - q) * np.log(self.noise)
        distance = (z**2 / self.variances).sum(axis=1) + (residual**2).sum(axis=1) / self.noise
        return (distance + constant + d * np.log(2 * np.pi)) / 2

    def gradient(self, rows: np.ndarray) -> np.ndarray:
        """Return the gradients of the scores with respect to `(m, d)` rows."""
        z, residual = self._project(rows)
        return (z / self.variances) @ self.components + residual / self.noise

    def _project(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = (rows - self.mean) @ self.components.T
        return z, rows - self.mean - z @ self.components


@register("pca", PrincipalComponents, uses_labels=False, host=True)
def build_pca(config: PrincipalComponents, spec: Spec) -> HostDetector:
    """Principal component analysis; the score is the squared reconstruction error, or a density.

    Fitted by scikit-learn. At least one component along which the training rows vary is left out:
    with all of them every row would be reconstructed.
    """

    def train(config, x, seed):
        if config.robust:
            x = sample_rows(x, _ROWS, seed)
            centre = np.median(x, axis=0)
            plane = fit_components(centre + pursue_low_rank(x - centre), config.variance)
        else:
            plane = fit_components(x, config.variance)
        return OffPlane(plane) if config.score == "error" else estimate_density(plane, x)

    score_type = OffPlane if config.score == "error" else ComponentDensity
    return build_unsupervised(train, config, score_type)


def estimate_density(plane: Any, x: Float[np.ndarray, "n d"]) -> ComponentDensity:
    """Estimate the density of probabilistic principal components for a fitted subspace.

    The likelihood is largest for the variances of the rows along the components, and for their mean
    variance in all directions outside (Tipping and Bishop 1999, eq. 8 and 15).

    Args:
        plane: Fitted principal components of scikit-learn.
        x: The training rows.
    """
    q, d = plane.components_.shape
    centred = x - plane.mean_
    along = (centred @ plane.components_.T) ** 2
    outside = (centred**2).sum() - along.sum()
    noise = max(outside / (len(x) * (d - q)), _SMALLEST)
    variances = np.maximum(along.mean(axis=0), noise)
    return ComponentDensity(plane.mean_, plane.components_, variances, float(noise))


def fit_components(x: Float[np.ndarray, "n d"], variance: float) -> Any:
    """Fit the fewest principal components that keep a fraction of the variance.

    Returns:
        Fitted estimator of scikit-learn with fewer components than the rank of the centred rows;
        with none, so that the residual is the distance to the mean, if the rank is at most 1.
    """
    from sklearn.decomposition import PCA

    if (x == x[0]).all():
        with np.errstate(invalid="ignore"):  # of shares of no variance
            return PCA(n_components=0, svd_solver="full").fit(x)
    model = PCA(n_components=variance, svd_solver="full").fit(x)
    rounding = np.max(x.shape) * np.finfo(np.float64).eps
    least = model.explained_variance_[0] * rounding**2
    if model.noise_variance_ > least:
        return model
    rank = int(np.sum(model.explained_variance_ > least))
    return PCA(n_components=rank - 1, svd_solver="full").fit(x)
