"""Densities and boundaries of scikit-learn: kernels and local outlier factors.

No setting is tuned: defaults are those of scikit-learn or rules of thumb that use no labels.

References:
    Ruff et al. 2021, A unifying review of deep and shallow anomaly detection, section 3.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from jaxad.detector import HostDetector
from jaxad.detectors.classical.base import CheckedConfig, build_unsupervised
from jaxad.detectors.classical.kernels import (
    Bandwidth,
    KernelConfig,
    choose_bandwidth,
    choose_gamma,
)
from jaxad.detectors.classical.on_components import (
    ComponentsConfig,
    KernelOnComponents,
    build_on_components,
)
from jaxad.detectors.classical.scores import Isolation, KernelSum, OutsidePlane
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register

__all__ = ["Kernel", "Neighbours", "OneClassSVM"]


@dataclass(frozen=True, kw_only=True)
class OneClassSVM(ComponentsConfig, KernelConfig):
    """Settings of the one-class SVM.

    Attributes:
        nu: Upper bound on the fraction of training rows that lie outside, in (0, 1].
        kernel: "gaussian" or "linear". On rows of norm 1 the linear kernel is the cosine
            similarity.
        gamma: Factor of squared distances in the Gaussian kernel, > 0; None for 1 / (d var(x)) of
            the training rows x with d columns.
        variance: Fraction of the variance of the training rows that is kept by the principal
            components to which the Gaussian kernel is applied, in (0, 1), such as 0.95; None for
            the columns themselves.
    """

    nu: float = 0.1
    kernel: Literal["gaussian", "linear"] = "gaussian"
    gamma: float | None = None
    variance: float | None = None

    def __post_init__(self):
        self._check_gamma()
        self._need(is_number(self.nu) and 0 < self.nu <= 1, "nu", "in (0, 1]")
        self._need(self.kernel in ("gaussian", "linear"), "kernel", "'gaussian' or 'linear'")
        self._check_variance()
        self._need(
            self.variance is None or self.kernel == "gaussian",
            "variance",
            "None with kernel='linear'",
        )


@dataclass(frozen=True, kw_only=True)
class Kernel(ComponentsConfig):
    """Settings of the kernel density estimate.

    Attributes:
        bandwidth: Standard deviation of the Gaussian kernel, > 0; None uses Scott's rule times the
            mean standard deviation of the columns, and "likelihood" takes that, of 13 between 1/16
            and 4 times it, under which held-out training rows have the highest likelihood.
        variance: Fraction of the variance of the training rows that is kept by the principal
            components whose density is estimated, in (0, 1), such as 0.95; None for the columns
            themselves.
    """

    bandwidth: Bandwidth = None
    variance: float | None = None

    def __post_init__(self):
        width = self.bandwidth
        ok = width is None or width == "likelihood" or (is_number(width) and width > 0)
        self._need(ok, "bandwidth", "> 0, 'likelihood' or None")
        self._check_variance()


@dataclass(frozen=True, kw_only=True)
class Neighbours(CheckedConfig):
    """Settings of the local outlier factor.

    Attributes:
        neighbours: Number of neighbours, >= 1; reduced to the number of training rows minus 1 if
            there are fewer rows.
    """

    neighbours: int = 20

    def __post_init__(self):
        self._need(is_count(self.neighbours, 1), "neighbours", "a whole number of at least 1")


@register("ocsvm", OneClassSVM, uses_labels=False, host=True)
def build_ocsvm(config: OneClassSVM, spec: Spec) -> HostDetector:
    """One-class SVM; the score is minus the decision function of a support vector machine.

    Fitted by scikit-learn.
    """

    def train(config, x, seed):
        from sklearn.svm import OneClassSVM as Model

        kernel = "rbf" if config.kernel == "gaussian" else config.kernel
        gamma = choose_gamma(config.gamma, x)
        model = Model(nu=config.nu, kernel=kernel, gamma=gamma)  # pyright: ignore[reportArgumentType]
        model.fit(x)
        if kernel == "linear":
            return OutsidePlane(model)
        alpha = np.asarray(model.dual_coef_).ravel()
        height = float(alpha.sum())
        constant = float(model.offset_[0])
        return KernelSum(model.support_vectors_, alpha / height, gamma, constant, height)

    score_type = KernelSum if config.kernel == "gaussian" else OutsidePlane
    return build_on_components(train, config, score_type, KernelOnComponents, config.variance)


@register("kde", Kernel, uses_labels=False, host=True)
def build_kde(config: Kernel, spec: Spec) -> HostDetector:
    """Kernel density estimate; the score is minus the log density.

    The density is summed over all training rows. scikit-learn's approximation by a tree gives wrong
    densities where these are low, and nearly equal densities for all rows in hundreds of dimensions
    (its issues 25799 and 27186).
    """

    def train(config, x, seed):
        n, d = x.shape
        width = choose_bandwidth(config.bandwidth, x, seed)
        constant = d / 2 * np.log(2 * np.pi * width**2)
        return KernelSum(x, np.full(n, 1 / n), 1 / (2 * width**2), constant)

    return build_on_components(train, config, KernelSum, KernelOnComponents, config.variance)


@register("lof", Neighbours, uses_labels=False, host=True)
def build_lof(config: Neighbours, spec: Spec) -> HostDetector:
    """Local outlier factor; the score is the density at a row's neighbours relative to its own.

    Fitted by scikit-learn.
    """

    def train(config, x, seed):
        from sklearn.neighbors import LocalOutlierFactor

        neighbours = min(config.neighbours, len(x) - 1)
        model = LocalOutlierFactor(n_neighbors=neighbours, novelty=True).fit(x)
        return Isolation(model)

    return build_unsupervised(train, config, Isolation)
