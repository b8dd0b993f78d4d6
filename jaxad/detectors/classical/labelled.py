"""Classical detectors that learn from a few labels beside the unlabelled rows.

References:
    Goernitz et al. 2013, Toward supervised anomaly detection; Zhao and Hryniewicki 2018, XGBOD.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxad.detector import HostDetector
from jaxad.detectors.classical.unlabelled import Checked, rbf, some_rows
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.errors import ConfigError, DataError

__all__ = ["SSAD", "XGBOD"]

_NEIGHBOURS = (1, 3, 5, 10, 20, 30, 40, 50)
_BINS = 10


@dataclass(frozen=True, kw_only=True)
class SSAD(Checked):
    """Settings of semi-supervised anomaly detection by a hyperplane in the space of a kernel.

    Attributes:
        kappa: Weight of the margin between labelled rows and the hyperplane, > 0.
        nu: Upper bound on the fraction of unlabelled rows outside, in (0, 1]: the cost of one that
            is outside is 1 / (nu n).
        labelled_cost: Cost of a labelled row within the margin, > 0; so many labelled rows times
            this are at least kappa.
        rows: The most unlabelled rows that are trained on, drawn at random, >= 2.
    """

    kappa: float = 1.0
    nu: float = 0.1
    labelled_cost: float = 1.0
    rows: int = 2000

    def __post_init__(self):
        self._need(is_number(self.kappa) and self.kappa > 0, "kappa", "> 0")
        self._need(is_number(self.nu) and 0 < self.nu <= 1, "nu", "in (0, 1]")
        cost = self.labelled_cost
        self._need(is_number(cost) and cost > 0, "labelled_cost", "> 0")
        self._need(is_count(self.rows, 2), "rows", "a whole number of at least 2")


@dataclass(frozen=True, kw_only=True)
class XGBOD(Checked):
    """Settings of boosted trees on rows and the scores of detectors without labels.

    Attributes:
        trees: How many trees, >= 1.
        depth: Their depth, >= 1.
        rate: The shrinkage of each tree, in (0, 1].
    """

    trees: int = 100
    depth: int = 3
    rate: float = 0.1

    def __post_init__(self):
        self._need(is_count(self.trees, 1), "trees", "a whole number of at least 1")
        self._need(is_count(self.depth, 1), "depth", "a whole number of at least 1")
        self._need(is_number(self.rate) and 0 < self.rate <= 1, "rate", "in (0, 1]")


@register("ssad", SSAD, uses_labels=True, host=True)
def build_ssad(config: SSAD, spec: Spec) -> HostDetector:
    """SSAD, by a convex solver; how far a row is behind a hyperplane in a Gaussian kernel's space.

    Minimises `||w||^2 / 2 - rho - kappa gamma + sum_i xi_i / (nu n) + C sum_j xi_j` with
    `w.x_i >= rho - xi_i` for unlabelled rows, `y_j (w.x_j - rho) >= gamma - xi_j` for labelled ones
    (y = -1 for anomalies), all of `xi` and `gamma` at least 0; the score is `rho - w.x`. The width
    of the kernel is 1 / (d var(x)). Without labels it is the one-class SVM.

    Raises:
        ConfigError: Its solver is not installed, or the costs of all labelled rows are below kappa.
    """
    _solver()
    few = sum(spec.labelled)
    if few and few * config.labelled_cost < config.kappa:
        raise ConfigError(
            f"labelled_cost={config.labelled_cost} of {few} labelled rows must be at least "
            f"kappa={config.kappa} together: the margin would have no bound"
        )

    def train(x, label, seed):
        unlabelled = some_rows(x[label == 0], config.rows, seed)
        rows = np.concatenate([unlabelled, x[label != 0]])
        sign = np.concatenate([np.ones(len(unlabelled)), label[label != 0]])
        gamma = 1 / max(rows.shape[1] * unlabelled.var(), 1e-12)
        weights, rho = hyperplane(rbf(rows, rows, gamma), sign, len(unlabelled), config)
        kept = np.abs(weights) > 1e-9
        weights, rows = weights[kept], rows[kept]
        return lambda new: rho - rbf(new, rows, gamma) @ weights

    return HostDetector(train)


def hyperplane(
    kernel: Float[np.ndarray, "n n"], sign: Float[np.ndarray, "n"], unlabelled: int, config: SSAD
) -> tuple[Float[np.ndarray, "n"], float]:
    """The hyperplane of SSAD, from its dual.

    Args:
        kernel: Of all rows with each other, the unlabelled ones first.
        sign: 1 for unlabelled and labelled normal rows, -1 for labelled anomalies.
        unlabelled: How many rows are unlabelled.
        config: The settings.

    Returns:
        The weight of each row in w, and rho.

    Raises:
        DataError: The solver found no solution.
    """
    from scipy import sparse

    clarabel = _solver()
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
        raise DataError(f"ssad: the solver ended with {found.status}")
    return sign * np.asarray(found.x), -float(found.z[0])


def _solver() -> Any:
    try:
        import clarabel
    except ImportError as error:
        raise ConfigError("ssad needs a solver: pip install 'jaxad[ssad]'") from error
    return clarabel


@register("xgbod", XGBOD, uses_labels=True, host=True)
def build_xgbod(config: XGBOD, spec: Spec) -> HostDetector:
    """XGBOD; boosted trees that tell labelled anomalies from the rest, by rows and their scores.

    A row's features are its own and its scores by nearest neighbours and local outlier factors of
    1 to 50 neighbours, histograms, a one-class SVM and an isolation forest, trained on all rows; a
    training row is no neighbour of its own. The trees are scikit-learn's, not XGBoost's.
    """
    if not spec.labelled_anomalies:
        raise DataError("xgbod learns from labelled anomalies; the data has none")

    def train(x, label, seed):
        from sklearn.ensemble import GradientBoostingClassifier

        of_training, features = features_of(x, seed)
        model = GradientBoostingClassifier(
            n_estimators=config.trees,
            max_depth=config.depth,
            learning_rate=config.rate,
            random_state=seed,
        ).fit(of_training, label < 0)
        return lambda rows: model.decision_function(features(rows))

    return HostDetector(train)


def features_of(x: np.ndarray, seed: int):
    """Features of training rows, `(n, d + 19)`, fewer where there are few rows; and of others."""
    from sklearn.ensemble import IsolationForest
    from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
    from sklearn.svm import OneClassSVM

    counts = [k for k in _NEIGHBOURS if k < len(x)]
    near = NearestNeighbors(n_neighbors=max(counts)).fit(x)
    factors = [LocalOutlierFactor(n_neighbors=k, novelty=True).fit(x) for k in counts]
    others = [OneClassSVM().fit(x), IsolationForest(random_state=seed).fit(x)]
    bins = histograms(x)

    def together(rows, distances, local):
        kept = distances[:, [k - 1 for k in counts]]
        scores = [-model.score_samples(rows) for model in others]
        return np.column_stack([rows, kept, *local, *scores, bins(rows)])

    def features(rows):
        local = [-model.score_samples(rows) for model in factors]
        return together(rows, near.kneighbors(rows)[0], local)

    local = [-model.negative_outlier_factor_ for model in factors]
    return together(x, near.kneighbors()[0], local), features


def histograms(x: Float[np.ndarray, "n d"]):
    """The histogram-based outlier score: `-sum_j log p_j(x_j)`, p_j a histogram of 10 bins.

    Values beyond the bins, and empty bins, count as half a row.

    References:
        Goldstein and Dengel 2012, Histogram-based outlier score.
    """
    found = [np.histogram(column, _BINS) for column in x.T]

    def score(rows: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "m"]:
        total = np.zeros(len(rows))
        for column, (count, edges) in zip(rows.T, found, strict=True):
            bin = np.clip(np.searchsorted(edges, column, side="right") - 1, 0, _BINS - 1)
            inside = (column >= edges[0]) & (column <= edges[-1])
            total -= np.log(np.maximum(np.where(inside, count[bin], 0), 0.5) / len(x))
        return total

    return score
