"""Classical detectors, by scikit-learn, to compare with: the same data, the same metrics.

All but the forest of a few labels train on the rows that are not labelled anomalies. None is
tuned: settings are scikit-learn's own or a rule of thumb that looks at no label.

References:
    Ruff et al. 2021, A unifying review of deep and shallow anomaly detection, section 3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from jaxad.detector import HostDetector
from jaxad.detectors.classical.scores import Ellipsoid, KernelSum, OffPlane
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.errors import ConfigError, DataError

__all__ = [
    "Checked",
    "Forest",
    "Gaussian",
    "Kernel",
    "KernelPrincipal",
    "Neighbours",
    "OneClassSVM",
    "Principal",
    "rbf",
    "some_rows",
]


class Checked:
    """A configuration that raises where a value is not allowed."""

    def _need(self, ok: bool, name: str, allowed: str) -> None:
        if not ok:
            raise ConfigError(f"{name} must be {allowed}; given {getattr(self, name)!r}")


@dataclass(frozen=True, kw_only=True)
class Forest(Checked):
    """Settings of a forest.

    Attributes:
        trees: How many trees, >= 1.
    """

    trees: int = 100

    def __post_init__(self):
        self._need(is_count(self.trees, 1), "trees", "a whole number of at least 1")


@dataclass(frozen=True, kw_only=True)
class OneClassSVM(Checked):
    """Settings of the one-class SVM.

    Attributes:
        nu: Upper bound on the fraction of training rows outside, in (0, 1].
        kernel: "gaussian" or "linear"; the latter on rows of norm 1 is the cosine.
    """

    nu: float = 0.1
    kernel: Literal["gaussian", "linear"] = "gaussian"

    def __post_init__(self):
        self._need(is_number(self.nu) and 0 < self.nu <= 1, "nu", "in (0, 1]")
        self._need(self.kernel in ("gaussian", "linear"), "kernel", "'gaussian' or 'linear'")


@dataclass(frozen=True, kw_only=True)
class Kernel(Checked):
    """Settings of the kernel density estimate.

    Attributes:
        bandwidth: Width of the Gaussian kernel, > 0; None for Scott's rule times the mean
            deviation of a column.
    """

    bandwidth: float | None = None

    def __post_init__(self):
        width = self.bandwidth
        self._need(width is None or (is_number(width) and width > 0), "bandwidth", "> 0 or None")


@dataclass(frozen=True, kw_only=True)
class Neighbours(Checked):
    """Settings of the local outlier factor.

    Attributes:
        neighbours: How many neighbours, >= 1; at most one less than there are rows.
    """

    neighbours: int = 20

    def __post_init__(self):
        self._need(is_count(self.neighbours, 1), "neighbours", "a whole number of at least 1")


@dataclass(frozen=True, kw_only=True)
class Gaussian(Checked):
    """Settings of the Gaussian with a robust or plain covariance.

    Attributes:
        support: For `mcd`, the fraction of rows that the covariance rests on, in [0.5, 1].
    """

    support: float = 0.75

    def __post_init__(self):
        self._need(is_number(self.support) and 0.5 <= self.support <= 1, "support", "in [0.5, 1]")


@dataclass(frozen=True, kw_only=True)
class Principal(Checked):
    """Settings of principal components.

    Attributes:
        variance: The fraction of variance that the components keep, in (0, 1).
    """

    variance: float = 0.9

    def __post_init__(self):
        self._need(is_number(self.variance) and 0 < self.variance < 1, "variance", "in (0, 1)")


@dataclass(frozen=True, kw_only=True)
class KernelPrincipal(Principal):
    """Settings of kernel principal components; the variance is that of the features.

    Attributes:
        rows: The most rows that the components are found from, drawn without labels, >= 2.
    """

    rows: int = 2000

    def __post_init__(self):
        super().__post_init__()
        self._need(is_count(self.rows, 2), "rows", "a whole number of at least 2")


def some_rows(x: np.ndarray, most: int, seed: int) -> np.ndarray:
    """At most so many of the rows, drawn without replacement."""
    if len(x) <= most:
        return x
    return x[np.sort(np.random.default_rng(seed).permutation(len(x))[:most])]


def rbf(a: np.ndarray, b: np.ndarray, gamma: float) -> np.ndarray:
    """`exp(-gamma ||a_i - b_j||^2)`, `(n, m)`."""
    from sklearn.metrics.pairwise import rbf_kernel

    return rbf_kernel(a, b, gamma=gamma)


def _peer(train: Callable[..., Any], config: Any) -> HostDetector:
    def fitted(x, label, seed):
        rows = x[label >= 0]
        return train(config, rows, seed)

    return HostDetector(fitted)


@register("iforest", Forest, uses_labels=False, host=True)
def build_iforest(config: Forest, spec: Spec) -> HostDetector:
    """Isolation forest, by scikit-learn; the score is how soon random cuts isolate a row."""

    def train(config, x, seed):
        from sklearn.ensemble import IsolationForest

        model = IsolationForest(n_estimators=config.trees, random_state=seed).fit(x)
        return lambda rows: -model.score_samples(rows)

    return _peer(train, config)


@register("ocsvm", OneClassSVM, uses_labels=False, host=True)
def build_ocsvm(config: OneClassSVM, spec: Spec) -> HostDetector:
    """One-class SVM, by scikit-learn; the width of a Gaussian kernel is 1 / (d var(x))."""

    def train(config, x, seed):
        from sklearn.svm import OneClassSVM as Model

        kernel = "rbf" if config.kernel == "gaussian" else config.kernel
        model = Model(nu=config.nu, kernel=kernel, gamma="scale").fit(x)
        if kernel == "linear":
            return lambda rows: -model.decision_function(rows)
        alpha = np.asarray(model.dual_coef_).ravel()
        height = float(alpha.sum())
        gamma = 1 / (x.shape[1] * x.var()) if x.var() else 1.0  # "scale" of scikit-learn
        constant = float(model.offset_[0])
        return KernelSum(model.support_vectors_, alpha / height, gamma, constant, height)

    return _peer(train, config)


@register("kde", Kernel, uses_labels=False, host=True)
def build_kde(config: Kernel, spec: Spec) -> HostDetector:
    """Kernel density estimate; the score is minus the log density.

    Summed over all points: scikit-learn's bounds over a tree give wrong densities where these are
    low, and nearly the same ones for all rows in hundreds of dimensions (its issues 25799, 27186).
    """

    def train(config, x, seed):
        n, d = x.shape
        width = config.bandwidth or max(n ** (-1 / (d + 4)) * x.std(axis=0).mean(), 1e-6)
        constant = d / 2 * np.log(2 * np.pi * width**2)
        return KernelSum(x, np.full(n, 1 / n), 1 / (2 * width**2), constant)

    return _peer(train, config)


@register("lof", Neighbours, uses_labels=False, host=True)
def build_lof(config: Neighbours, spec: Spec) -> HostDetector:
    """Local outlier factor, by scikit-learn; the density of a row against its neighbours'."""

    def train(config, x, seed):
        from sklearn.neighbors import LocalOutlierFactor

        neighbours = min(config.neighbours, len(x) - 1)
        model = LocalOutlierFactor(n_neighbors=neighbours, novelty=True).fit(x)
        return lambda rows: -model.score_samples(rows)

    return _peer(train, config)


@register("gaussian", Gaussian, uses_labels=False, host=True)
def build_gaussian(config: Gaussian, spec: Spec) -> HostDetector:
    """One Gaussian, by scikit-learn; the score is the squared Mahalanobis distance."""

    def train(config, x, seed):
        from sklearn.covariance import LedoitWolf

        model = LedoitWolf().fit(x)  # shrunk, so that few rows of many columns have an inverse
        return Ellipsoid(model)

    return _peer(train, config)


@register("mcd", Gaussian, uses_labels=False, host=True)
def build_mcd(config: Gaussian, spec: Spec) -> HostDetector:
    """Minimum covariance determinant, by scikit-learn: a Gaussian of the rows that agree best."""

    def train(config, x, seed):
        import warnings

        from sklearn.covariance import LedoitWolf, MinCovDet

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a singular covariance: shrunk below
            model = MinCovDet(support_fraction=config.support, random_state=seed).fit(x)
        return Ellipsoid(LedoitWolf().fit(x[model.support_]))

    return _peer(train, config)


@register("pca", Principal, uses_labels=False, host=True)
def build_pca(config: Principal, spec: Spec) -> HostDetector:
    """Principal components, by scikit-learn; the score is the squared error of reconstruction."""

    def train(config, x, seed):
        from sklearn.decomposition import PCA

        model = PCA(n_components=config.variance, svd_solver="full").fit(x)
        return OffPlane(model)

    return _peer(train, config)


@register("kpca", KernelPrincipal, uses_labels=False, host=True)
def build_kpca(config: KernelPrincipal, spec: Spec) -> HostDetector:
    """Kernel principal components, by scikit-learn; the error of reconstruction among features.

    With the Gaussian kernel of width 1 / (d var(x)), centred: `k(x, x) - sum_j z_j^2` (Hoffmann
    2007, Kernel PCA for novelty detection).
    """

    def train(config, x, seed):
        from sklearn.decomposition import KernelPCA

        x = some_rows(x, config.rows, seed)
        gamma = 1 / max(x.shape[1] * x.var(), 1e-12)
        model = KernelPCA(kernel="rbf", gamma=gamma, eigen_solver="dense", remove_zero_eig=True)
        model.fit(x)
        shares = np.cumsum(model.eigenvalues_) / np.sum(model.eigenvalues_)
        kept = int(np.searchsorted(shares, config.variance)) + 1
        kernel = rbf(x, x, gamma)

        def score(rows):
            to_mean = rbf(rows, x, gamma).mean(axis=1)
            squared_norm = 1 - 2 * to_mean + kernel.mean()
            return squared_norm - np.sum(model.transform(rows)[:, :kept] ** 2, axis=1)

        return score

    return _peer(train, config)


@register("random_forest", Forest, uses_labels=True, host=True)
def build_random_forest(config: Forest, spec: Spec) -> HostDetector:
    """Random forest, by scikit-learn: labelled anomalies against all other rows, weighted alike."""
    if not spec.labelled_anomalies:
        raise DataError("random_forest learns from labelled anomalies; the data has none")

    def train(x, label, seed):
        from sklearn.ensemble import RandomForestClassifier

        model = RandomForestClassifier(
            n_estimators=config.trees, class_weight="balanced", random_state=seed
        ).fit(x, label < 0)
        return lambda rows: model.predict_proba(rows)[:, -1]

    return HostDetector(train)
