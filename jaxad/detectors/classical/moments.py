"""Gaussians and kernel principal components of scikit-learn.

No setting is tuned: defaults are those of scikit-learn or rules of thumb that use no labels.

References:
    Ruff et al. 2021, A unifying review of deep and shallow anomaly detection, section 3.
"""

from dataclasses import dataclass

import numpy as np

from jaxad.detector import HostDetector
from jaxad.detectors.classical.base import CheckedConfig, build_unsupervised, sample_rows
from jaxad.detectors.classical.components import Principal
from jaxad.detectors.classical.kernels import KernelConfig, choose_gamma
from jaxad.detectors.classical.scores import Ellipsoid, OffKernelPlane, rbf
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register

__all__ = ["Gaussian", "KernelPrincipal"]


@dataclass(frozen=True, kw_only=True)
class Gaussian(CheckedConfig):
    """Settings of a Gaussian with a plain or robust covariance.

    Attributes:
        support: Fraction of the rows in the search for the smallest determinant, in [0.5, 1]; only
            for `mcd`. Reweighting then takes further rows back.
    """

    support: float = 0.75

    def __post_init__(self):
        self._need(is_number(self.support) and 0.5 <= self.support <= 1, "support", "in [0.5, 1]")


@dataclass(frozen=True, kw_only=True)
class KernelPrincipal(Principal, KernelConfig):
    """Settings of kernel principal component analysis; `variance` is that in feature space.

    Attributes:
        rows: Maximum number of rows for training, >= 2; larger data is sampled at random, without
            use of labels.
        gamma: Factor of squared distances in the Gaussian kernel, > 0; None for 1 / (d var(x)) of
            the training rows x with d columns.
    """

    rows: int = 2000
    gamma: float | None = None

    def __post_init__(self):
        super().__post_init__()
        self._check_gamma()
        self._need(is_count(self.rows, 2), "rows", "a whole number of at least 2")


@register("gaussian", Gaussian, uses_labels=False, host=True)
def build_gaussian(config: Gaussian, spec: Spec) -> HostDetector:
    """Gaussian; the score is the squared Mahalanobis distance.

    The covariance is the shrinkage estimate of Ledoit and Wolf, by scikit-learn.
    """

    def train(config, x, seed):
        from sklearn.covariance import LedoitWolf

        model = LedoitWolf().fit(x)  # shrinkage keeps it invertible with fewer rows than columns
        return Ellipsoid(model)

    return build_unsupervised(train, config, Ellipsoid)


@register("mcd", Gaussian, uses_labels=False, host=True)
def build_mcd(config: Gaussian, spec: Spec) -> HostDetector:
    """Minimum covariance determinant; the score is a squared robust Mahalanobis distance.

    scikit-learn searches for the fraction `support` of the rows whose covariance has the smallest
    determinant, and then takes back all rows whose robust distance is below the 97.5 % quantile of
    the chi-squared distribution. Mean and covariance, shrunk as by Ledoit and Wolf, are those of
    the resulting rows.
    """

    def train(config, x, seed):
        import warnings

        from sklearn.covariance import LedoitWolf, MinCovDet

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a singular covariance, which shrinkage mends below
            model = MinCovDet(support_fraction=config.support, random_state=seed).fit(x)
        return Ellipsoid(LedoitWolf().fit(x[model.support_]))

    return build_unsupervised(train, config, Ellipsoid)


@register("kpca", KernelPrincipal, uses_labels=False, host=True)
def build_kpca(config: KernelPrincipal, spec: Spec) -> HostDetector:
    """Kernel principal component analysis; the score is the reconstruction error in feature space.

    It is `k(x, x) - sum_j z_j^2` with the components z_j and the centred Gaussian kernel k
    (Hoffmann 2007, Kernel PCA for novelty detection). Fitted by scikit-learn.
    """

    def train(config, x, seed):
        from sklearn.decomposition import KernelPCA

        x = sample_rows(x, config.rows, seed)
        gamma = choose_gamma(config.gamma, x)
        model = KernelPCA(kernel="rbf", gamma=gamma, eigen_solver="dense", remove_zero_eig=True)
        model.fit(x)
        shares = np.cumsum(model.eigenvalues_) / np.sum(model.eigenvalues_)
        kept = int(np.searchsorted(shares, config.variance)) + 1
        return OffKernelPlane(model, kept, float(rbf(x, x, gamma).mean()))

    return build_unsupervised(train, config, OffKernelPlane)
