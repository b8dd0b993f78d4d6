"""Classifiers of other libraries, of labelled anomalies against all other rows.

References:
    Chen and Guestrin 2016, XGBoost; Ke et al. 2017, LightGBM; Prokhorenkova et al. 2018, CatBoost;
    Liu et al. 2003, Building text classifiers using positive and unlabeled examples (two steps).
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Int8

from jaxad.detector import HostDetector, HostScore
from jaxad.detectors.config import is_count, is_number
from jaxad.detectors.registry import Spec, register
from jaxad.errors import ConfigError, unknown_name

__all__ = ["LogOdds", "TabularClassifier"]

Kind = Literal["logistic", "xgboost", "lightgbm", "catboost"]


@dataclass(frozen=True, kw_only=True)
class TabularClassifier:
    """Settings of a classifier of another library.

    Attributes:
        model: "logistic" (logistic regression of scikit-learn), or boosted trees of "xgboost",
            "lightgbm" or "catboost", which `pip install 'jaxad[peers]'` installs.
        reliable: Fraction of the unlabelled rows that the classifier learns as normal, in (0, 1].
            Below 1, these are the rows with the lowest scores of a first classifier that learns
            all of them as normal: learning from positive and unlabelled rows in two steps.
        trees: Number of boosted trees, >= 1.
        depth: Maximum depth of a tree, >= 1.
        rate: Learning rate of boosting, in (0, 1].
        penalty: Weight of the squared coefficients of logistic regression, > 0.
    """

    model: Kind = "logistic"
    reliable: float = 1.0
    trees: int = 100
    depth: int = 6
    rate: float = 0.1
    penalty: float = 1.0

    def __post_init__(self):
        if self.model not in get_args(Kind):
            raise unknown_name("model", str(self.model), get_args(Kind))
        numbers = {"reliable": (0, 1), "rate": (0, 1), "penalty": (0, float("inf"))}
        for name, (low, high) in numbers.items():
            value = getattr(self, name)
            if not (is_number(value) and low < value <= high):
                allowed = "positive" if high > 1 else "in (0, 1]"
                raise ConfigError(f"{name} must be {allowed}; given {value!r}")
        for name in ("trees", "depth"):
            if not is_count(getattr(self, name), 1):
                raise ConfigError(
                    f"{name} must be a whole number of at least 1; given {getattr(self, name)!r}"
                )


@dataclass(frozen=True)
class LogOdds:
    """Log odds that are linear in the row.

    Attributes:
        slope: `(d,)` coefficients.
        offset: The log odds of a row of zeros.
    """

    slope: Float[np.ndarray, "d"]
    offset: float

    def __call__(self, rows: np.ndarray) -> Float[np.ndarray, "m"]:
        """Return the scores of `(m, d)` rows."""
        return rows @ self.slope + self.offset


Fit = Callable[[np.ndarray, np.ndarray, np.ndarray, int], HostScore]


@register("tabular_classifier", TabularClassifier, uses_labels=True, host=True)
def build_tabular_classifier(config: TabularClassifier, spec: Spec) -> HostDetector:
    """Classifier of another library; the score is the log odds of a labelled anomaly.

    Labelled anomalies are classified against all other rows, with the same total weight for both
    classes. Boosted trees cannot be saved, since their files are not checked when they are read.

    Raises:
        ConfigError: The library is not installed.
        DataError: There are no labelled anomalies.
    """
    spec.need_labelled_anomaly("tabular_classifier", "iforest")
    fit = _choose_fit(config)

    def train(x, label, seed):
        rows = np.ones(len(x), bool)
        if config.reliable < 1:
            rows = find_reliable(_fit_balanced(fit, x, label, seed)(x), label, config.reliable)
        return _fit_balanced(fit, x[rows], label[rows], seed)

    return HostDetector(train, score_type=LogOdds if config.model == "logistic" else None)


def find_reliable(
    score: Float[np.ndarray, "n"], label: Int8[np.ndarray, "n"], share: float
) -> np.ndarray:
    """Return a mask of the labelled rows and of the unlabelled rows with the lowest scores.

    Args:
        score: Scores of a first classifier.
        label: -1 labelled anomaly, 0 unlabelled, 1 labelled normal.
        share: The fraction of the unlabelled rows, in (0, 1]; rounded, at least one row.
    """
    unlabelled = np.flatnonzero(label == 0)
    order = unlabelled[np.argsort(score[unlabelled], kind="stable")]
    kept = label != 0
    kept[order[: max(round(share * len(order)), 1)]] = True
    return kept


def _fit_balanced(fit: Fit, x: np.ndarray, label: np.ndarray, seed: int) -> HostScore:
    """Fit labelled anomalies against the other rows, with equal total weights."""
    anomalous = label < 0
    weight = len(x) / (2 * np.where(anomalous, anomalous.sum(), (~anomalous).sum()))
    return fit(x, anomalous, weight, seed)


def _choose_fit(config: TabularClassifier) -> Fit:
    """Return the function that fits a classifier and returns its score function."""
    if config.model == "logistic":
        return _fit_logistic(config)
    module = _import_library(config.model)
    trees, depth, rate = config.trees, config.depth, config.rate
    if config.model == "xgboost":

        def fit_xgboost(x, y, weight, seed):
            model = module.XGBClassifier(
                n_estimators=trees, max_depth=depth, learning_rate=rate, random_state=seed, n_jobs=1
            ).fit(x, y, sample_weight=weight)
            return lambda rows: model.predict(rows, output_margin=True).astype(float)

        return fit_xgboost
    if config.model == "lightgbm":

        def fit_lightgbm(x, y, weight, seed):
            booster = module.train(
                {
                    "objective": "binary",
                    "max_depth": depth,
                    "num_leaves": min(2**depth, 256),
                    "learning_rate": rate,
                    # There can be fewer labelled anomalies than the default of 20 rows.
                    "min_data_in_leaf": 1,
                    "seed": seed,
                    "num_threads": 1,
                    "verbosity": -1,
                },
                module.Dataset(x, y.astype(float), weight=weight),
                num_boost_round=trees,
            )
            return lambda rows: np.asarray(booster.predict(rows, raw_score=True))

        return fit_lightgbm

    def fit_catboost(x, y, weight, seed):
        model = module.CatBoostClassifier(
            iterations=trees,
            depth=depth,
            learning_rate=rate,
            random_seed=seed,
            thread_count=1,
            verbose=False,
            allow_writing_files=False,
        ).fit(x, y.astype(int), sample_weight=weight)
        return lambda rows: model.predict(rows, prediction_type="RawFormulaVal")

    return fit_catboost


def _fit_logistic(config: TabularClassifier) -> Fit:
    def fit(x, y, weight, seed):
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=1 / config.penalty, max_iter=1000, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of columns without scaling, which converge slowly
            model.fit(x, y, sample_weight=weight)
        weights, bias = np.asarray(model.coef_), np.asarray(model.intercept_)
        return LogOdds(weights[0], float(bias[0]))

    return fit


def _import_library(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"model={name!r} needs the library {name}, which is not installed: "
            "pip install 'jaxad[peers]'"
        ) from error
