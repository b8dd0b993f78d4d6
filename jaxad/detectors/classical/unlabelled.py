"""Classical detectors of scikit-learn, as baselines on the same data with the same metrics.

All but the random forest train on the rows that are not labelled anomalies. No setting is tuned:
defaults are those of scikit-learn or rules of thumb that use no labels.

References:
    Ruff et al. 2021, A unifying review of deep and shallow anomaly detection, section 3.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from jaxad.detector import HostDetector
from jaxad.detectors.classical.scores import (
    AnomalyProbability,
    Ellipsoid,
    Isolation,
    KernelSum,
    OffKernelPlane,
    OffPlane,
    OutsidePlane,
    rbf,
)
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.errors import ConfigError, DataError

__all__ = [
    "CheckedConfig",
    "Forest",
    "Gaussian",
    "Kernel",
    "KernelPrincipal",
    "Neighbours",
    "OneClassSVM",
    "Principal",
    "sample_rows",
]


class CheckedConfig:
    """Base class of configurations that check their values."""

    def _need(self, ok: bool, name: str, allowed: str) -> None:
        """Raise a `ConfigError` unless the value of a setting is allowed."""
        if not ok:
            raise ConfigError(f"{name} must be {allowed}; given {getattr(self, name)!r}")


@dataclass(frozen=True, kw_only=True)
class Forest(CheckedConfig):
    """Settings of a forest.

    Attributes:
        trees: Number of trees, >= 1.
    """

    trees: int = 100

    def __post_init__(self):
        self._need(is_count(self.trees, 1), "trees", "a whole number of at least 1")


@dataclass(frozen=True, kw_only=True)
class OneClassSVM(CheckedConfig):
    """Settings of the one-class SVM.

    Attributes:
        nu: Upper bound on the fraction of training rows that lie outside, in (0, 1].
        kernel: "gaussian" or "linear". On rows of norm 1 the linear kernel is the cosine
            similarity.
    """

    nu: float = 0.1
    kernel: Literal["gaussian", "linear"] = "gaussian"

    def __post_init__(self):
        self._need(is_number(self.nu) and 0 < self.nu <= 1, "nu", "in (0, 1]")
        self._need(self.kernel in ("gaussian", "linear"), "kernel", "'gaussian' or 'linear'")


@dataclass(frozen=True, kw_only=True)
class Kernel(CheckedConfig):
    """Settings of the kernel density estimate.

    Attributes:
        bandwidth: Width of the Gaussian kernel, > 0; None uses Scott's rule times the mean standard
            deviation of the columns.
    """

    bandwidth: float | None = None

    def __post_init__(self):
        width = self.bandwidth
        self._need(width is None or (is_number(width) and width > 0), "bandwidth", "> 0 or None")


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
class Principal(CheckedConfig):
    """Settings of principal component analysis.

    Attributes:
        variance: Fraction of the variance that the components keep, in (0, 1).
    """

    variance: float = 0.9

    def __post_init__(self):
        self._need(is_number(self.variance) and 0 < self.variance < 1, "variance", "in (0, 1)")


@dataclass(frozen=True, kw_only=True)
class KernelPrincipal(Principal):
    """Settings of kernel principal component analysis; `variance` is that in feature space.

    Attributes:
        rows: Maximum number of rows for training, >= 2; larger data is sampled at random, without
            use of labels.
    """

    rows: int = 2000

    def __post_init__(self):
        super().__post_init__()
        self._need(is_count(self.rows, 2), "rows", "a whole number of at least 2")


def sample_rows(x: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Return at most `most` of the rows, drawn without replacement, in their order in `x`."""
    if len(x) <= most:
        return x
    return x[np.sort(np.random.default_rng(seed).permutation(len(x))[:most])]


def _build_unsupervised(train: Callable[..., Any], config: Any, score_type: type) -> HostDetector:
    """Build a detector that trains on the rows that are not labelled anomalies."""

    def fit(x, label, seed):
        rows = x[label >= 0]
        return train(config, rows, seed)

    return HostDetector(fit, score_type=score_type)


@register("iforest", Forest, uses_labels=False, host=True)
def build_iforest(config: Forest, spec: Spec) -> HostDetector:
    """Isolation forest; the score is high if few random splits isolate a row.

    Fitted by scikit-learn.
    """

    def train(config, x, seed):
        from sklearn.ensemble import IsolationForest

        model = IsolationForest(n_estimators=config.trees, random_state=seed).fit(x)
        return Isolation(model)

    return _build_unsupervised(train, config, Isolation)


@register("ocsvm", OneClassSVM, uses_labels=False, host=True)
def build_ocsvm(config: OneClassSVM, spec: Spec) -> HostDetector:
    """One-class SVM; the score is minus the decision function of a support vector machine.

    Fitted by scikit-learn. The factor of squared distances in the Gaussian kernel is
    1 / (d var(x)).
    """

    def train(config, x, seed):
        from sklearn.svm import OneClassSVM as Model

        kernel = "rbf" if config.kernel == "gaussian" else config.kernel
        model = Model(nu=config.nu, kernel=kernel, gamma="scale").fit(x)
        if kernel == "linear":
            return OutsidePlane(model)
        alpha = np.asarray(model.dual_coef_).ravel()
        height = float(alpha.sum())
        gamma = 1 / (x.shape[1] * x.var()) if x.var() else 1.0  # "scale" of scikit-learn
        constant = float(model.offset_[0])
        return KernelSum(model.support_vectors_, alpha / height, gamma, constant, height)

    score_type = KernelSum if config.kernel == "gaussian" else OutsidePlane
    return _build_unsupervised(train, config, score_type)


@register("kde", Kernel, uses_labels=False, host=True)
def build_kde(config: Kernel, spec: Spec) -> HostDetector:
    """Kernel density estimate; the score is minus the log density.

    The density is summed over all training rows. scikit-learn's approximation by a tree gives wrong
    densities where these are low, and nearly equal densities for all rows in hundreds of dimensions
    (its issues 25799 and 27186).
    """

    def train(config, x, seed):
        n, d = x.shape
        width = config.bandwidth or max(n ** (-1 / (d + 4)) * x.std(axis=0).mean(), 1e-6)
        constant = d / 2 * np.log(2 * np.pi * width**2)
        return KernelSum(x, np.full(n, 1 / n), 1 / (2 * width**2), constant)

    return _build_unsupervised(train, config, KernelSum)


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

    return _build_unsupervised(train, config, Isolation)


@register("gaussian", Gaussian, uses_labels=False, host=True)
def build_gaussian(config: Gaussian, spec: Spec) -> HostDetector:
    """Gaussian; the score is the squared Mahalanobis distance.

    The covariance is the shrinkage estimate of Ledoit and Wolf, by scikit-learn.
    """

    def train(config, x, seed):
        from sklearn.covariance import LedoitWolf

        model = LedoitWolf().fit(x)  # shrinkage keeps it invertible with fewer rows than columns
        return Ellipsoid(model)

    return _build_unsupervised(train, config, Ellipsoid)


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

    return _build_unsupervised(train, config, Ellipsoid)


@register("pca", Principal, uses_labels=False, host=True)
def build_pca(config: Principal, spec: Spec) -> HostDetector:
    """Principal component analysis; the score is the squared reconstruction error.

    Fitted by scikit-learn. At least one component along which the training rows vary is left out:
    with all of them every row would be reconstructed.
    """

    def train(config, x, seed):
        return OffPlane(fit_components(x, config.variance))

    return _build_unsupervised(train, config, OffPlane)


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


@register("kpca", KernelPrincipal, uses_labels=False, host=True)
def build_kpca(config: KernelPrincipal, spec: Spec) -> HostDetector:
    """Kernel principal component analysis; the score is the reconstruction error in feature space.

    It is `k(x, x) - sum_j z_j^2` with the components z_j and the centred Gaussian kernel k, whose
    factor of squared distances is 1 / (d var(x)) (Hoffmann 2007, Kernel PCA for novelty detection).
    Fitted by scikit-learn.
    """

    def train(config, x, seed):
        from sklearn.decomposition import KernelPCA

        x = sample_rows(x, config.rows, seed)
        gamma = 1 / max(x.shape[1] * x.var(), 1e-12)
        model = KernelPCA(kernel="rbf", gamma=gamma, eigen_solver="dense", remove_zero_eig=True)
        model.fit(x)
        shares = np.cumsum(model.eigenvalues_) / np.sum(model.eigenvalues_)
        kept = int(np.searchsorted(shares, config.variance)) + 1
        return OffKernelPlane(model, kept, float(rbf(x, x, gamma).mean()))

    return _build_unsupervised(train, config, OffKernelPlane)


@register("random_forest", Forest, uses_labels=True, host=True)
def build_random_forest(config: Forest, spec: Spec) -> HostDetector:
    """Random forest; the score is the predicted probability that a row is an anomaly.

    Labelled anomalies are classified against all other rows, with the same total weight for both
    classes. Fitted by scikit-learn.

    Raises:
        DataError: There are no labelled anomalies.
    """
    if not spec.labelled_anomalies:
        raise DataError(
            "labelled anomalies must be given for random_forest, at least 1; given 0. Label some "
            "rows with -1, or choose a detector that needs no labels, such as iforest"
        )

    def train(x, label, seed):
        from sklearn.ensemble import RandomForestClassifier

        model = RandomForestClassifier(
            n_estimators=config.trees, class_weight="balanced", random_state=seed
        ).fit(x, label < 0)
        return AnomalyProbability(model)

    return HostDetector(train, score_type=AnomalyProbability)
