"""Classical detectors that learn from a few labelled rows in addition to the unlabelled ones.

References:
    Goernitz et al. 2013, Toward supervised anomaly detection; Zhao and Hryniewicki 2018, XGBOD.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxad.detector import HostDetector
from jaxad.detectors.classical.base import CheckedConfig, sample_rows
from jaxad.detectors.classical.boosting import boost
from jaxad.detectors.classical.kernels import KernelConfig, choose_gamma
from jaxad.detectors.classical.scores import (
    BoostedOdds,
    Histograms,
    KernelPlane,
    OutlierFeatures,
    rbf,
)
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.errors import ConfigError, DataError

__all__ = ["SSAD", "XGBOD"]

_NEIGHBOURS = (1, 3, 5, 10, 20, 30, 40, 50)
_BINS = 10


@dataclass(frozen=True, kw_only=True)
class SSAD(KernelConfig):
    """Settings of semi-supervised anomaly detection (SSAD).

    Attributes:
        kappa: Weight of the margin between labelled rows and the hyperplane, > 0.
        nu: Upper bound on the fraction of unlabelled rows that lie outside, in (0, 1]; the cost of
            such a row is 1 / (nu n) for n unlabelled rows.
        labelled_cost: Cost of a labelled row within the margin, > 0. Multiplied by the number of
            labelled rows it must be at least kappa.
        rows: Maximum number of unlabelled rows for training, >= 2; larger data is sampled at
            random.
        gamma: Factor of squared distances in the Gaussian kernel, > 0; None for 1 / (d var(x)) of
            the unlabelled rows x with d columns.
    """

    kappa: float = 1.0
    nu: float = 0.1
    labelled_cost: float = 1.0
    rows: int = 2000
    gamma: float | None = None

    def __post_init__(self):
        self._check_gamma()
        self._need(is_number(self.kappa) and self.kappa > 0, "kappa", "> 0")
        self._need(is_number(self.nu) and 0 < self.nu <= 1, "nu", "in (0, 1]")
        cost = self.labelled_cost
        self._need(is_number(cost) and cost > 0, "labelled_cost", "> 0")
        self._need(is_count(self.rows, 2), "rows", "a whole number of at least 2")


@dataclass(frozen=True, kw_only=True)
class XGBOD(CheckedConfig):
    """Settings of XGBOD, boosted trees on the rows and their unsupervised outlier scores.

    Attributes:
        trees: Number of trees, >= 1.
        depth: Maximum depth of a tree, >= 1.
        rate: Learning rate of boosting, the factor of each tree, in (0, 1].
        penalty: Penalty of squared leaf values, >= 0.
        min_weight: Minimum sum of p (1 - p) over the rows of a leaf, with the probability p that
            the trees before assign to a row; >= 0. The first trees have p = 1/2.
    """

    trees: int = 100
    depth: int = 3
    rate: float = 0.1
    penalty: float = 1.0
    min_weight: float = 1.0

    def __post_init__(self):
        self._need(is_count(self.trees, 1), "trees", "a whole number of at least 1")
        self._need(is_count(self.depth, 1), "depth", "a whole number of at least 1")
        self._need(is_number(self.rate) and 0 < self.rate <= 1, "rate", "in (0, 1]")
        for name in ("penalty", "min_weight"):
            value = getattr(self, name)
            self._need(is_number(value) and value >= 0, name, "at least 0")


@register("ssad", SSAD, uses_labels=True, host=True)
def build_ssad(config: SSAD, spec: Spec) -> HostDetector:
    """SSAD; the score is how far a row lies outside a hyperplane in a kernel's feature space.

    Minimises `||w||^2 / 2 - rho - kappa gamma + sum_i xi_i / (nu n) + C sum_j xi_j` subject to
    `w.x_i >= rho - xi_i` for unlabelled rows, `y_j (w.x_j - rho) >= gamma - xi_j` for labelled rows
    (y = -1 for anomalies), `xi >= 0` and `gamma >= 0`, with a convex solver; the score is
    `rho - w.x`. Without labels this is the one-class SVM.

    Raises:
        ConfigError: The solver is not installed, or the total cost of the labelled rows is below
            kappa.
    """
    _import_solver()
    few = sum(spec.labelled)
    if few and few * config.labelled_cost < config.kappa:
        raise ConfigError(
            f"labelled_cost times the number of labelled rows must be at least kappa={config.kappa}"
            f", or the margin is unbounded; given {config.labelled_cost} times {few}. Raise "
            "labelled_cost or lower kappa"
        )

    def train(x, label, seed):
        unlabelled = sample_rows(x[label == 0], config.rows, seed)
        rows = np.concatenate([unlabelled, x[label != 0]])
        sign = np.concatenate([np.ones(len(unlabelled)), label[label != 0]])
        gamma = choose_gamma(config.gamma, unlabelled)
        weights, rho = solve_hyperplane(rbf(rows, rows, gamma), sign, len(unlabelled), config)
        kept = np.abs(weights) > 1e-9
        return KernelPlane(rows[kept], weights[kept], gamma, rho)

    return HostDetector(train, score_type=KernelPlane)


def solve_hyperplane(
    kernel: Float[np.ndarray, "n n"], sign: Float[np.ndarray, "n"], unlabelled: int, config: SSAD
) -> tuple[Float[np.ndarray, "n"], float]:
    """Solve the dual problem of SSAD for its hyperplane.

    Args:
        kernel: Kernel matrix of all rows, the unlabelled rows first.
        sign: 1 for unlabelled and labelled normal rows, -1 for labelled anomalies.
        unlabelled: Number of unlabelled rows.
        config: Settings of SSAD.

    Returns:
        The coefficient of each row in w, and rho.

    Raises:
        DataError: The solver found no solution.
    """
    from scipy import sparse

    clarabel = _import_solver()
    n = len(sign)
    labelled = (np.arange(n) >= unlabelled).astype(float)
    most = np.where(labelled > 0, config.labelled_cost, 1 / (config.nu * max(unlabelled, 1)))
    quadratic = sparse.csc_matrix(np.triu(kernel * np.outer(sign, sign)))
    margin = [-labelled[None]] if labelled.any() else []
    lines = [sign[None], *margin, np.eye(n), -np.eye(n)]
    bounds = np.concatenate([[1.0], [-config.kappa] * len(margin), most, np.zeros(n)])
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(len(margin) + 2 * n)]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    constraints = sparse.csc_matrix(np.concatenate(lines))
    solver = clarabel.DefaultSolver(quadratic, np.zeros(n), constraints, bounds, cones, settings)
    found = solver.solve()
    if "Solved" not in str(found.status):
        raise DataError(
            f"ssad found no hyperplane: the solver ended with status {found.status}. Scale the "
            "features, or change kappa, nu or labelled_cost"
        )
    return sign * np.asarray(found.x), -float(found.z[0])


def _import_solver() -> Any:
    try:
        import clarabel
    except ImportError as error:
        raise ConfigError(
            "ssad needs the solver clarabel, which is not installed: pip install 'jaxad[ssad]'"
        ) from error
    return clarabel


@register("xgbod", XGBOD, uses_labels=True, host=True)
def build_xgbod(config: XGBOD, spec: Spec) -> HostDetector:
    """XGBOD; the score is the log odds of boosted trees on a row and its outlier scores.

    Second-order boosting with XGBoost's regularisation, of scikit-learn's trees, separates labelled
    anomalies from all other rows. Outlier scores are the distances to nearest neighbours and local
    outlier factors, each for 1 to 50 neighbours, and those of histograms, a one-class SVM and an
    isolation forest, fitted to all training rows. A training row is not counted among its own
    neighbours.

    Raises:
        DataError: There are no labelled anomalies.
    """
    spec.need_labelled_anomaly("xgbod", "iforest")

    def train(x, label, seed):
        train_features, features = compute_features(x, seed)
        return BoostedOdds(boost(train_features, label < 0, **vars(config), seed=seed), features)

    return HostDetector(train, score_type=BoostedOdds)


def compute_features(x: np.ndarray, seed: int) -> tuple[np.ndarray, OutlierFeatures]:
    """Compute the features of XGBOD.

    Args:
        x: Training rows, `(n, d)`.
        seed: Seed of the isolation forest.

    Returns:
        The features of the training rows, `(n, d + 19)` or fewer columns for few rows; and a
        function from other rows to their features.
    """
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
    from sklearn.svm import OneClassSVM

    counts = [k for k in _NEIGHBOURS if k < len(x)]
    near = NearestNeighbors(n_neighbors=max(counts)).fit(x)
    factors = [LocalOutlierFactor(n_neighbors=k, novelty=True).fit(x) for k in counts]
    others = [OneClassSVM().fit(x), IsolationForest(random_state=seed).fit(x)]
    features = OutlierFeatures(near, factors, others, fit_histograms(x))
    local = [-model.negative_outlier_factor_ for model in factors]
    return features.stack(x, near.kneighbors()[0], local), features


def fit_histograms(x: Float[np.ndarray, "n d"]) -> Histograms:
    """Fit a histogram with 10 bins to each column of the training rows.

    References:
        Goldstein and Dengel 2012, Histogram-based outlier score.
    """
    found = [np.histogram(column, _BINS) for column in x.T]
    counts, edges = (np.stack(arrays) for arrays in zip(*found, strict=True))
    return Histograms(counts, edges, len(x))
