"""The estimator: a detector, its scaling and its threshold behind scikit-learn's interface."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.metrics import roc_auc_score
from sklearn.utils.validation import check_is_fitted

from jaxad.data import Scaling, as_train_data, fit_scaling
from jaxad.data.frames import Encoding
from jaxad.data.rng import Stream
from jaxad.detectors import make
from jaxad.errors import ConfigError, DataError
from jaxad.evaluation.scoring import score as score_models
from jaxad.sklearn.labels import LabelKind, convert_labels
from jaxad.sklearn.rows import check_parameters, column_names, encoded, found_encoding
from jaxad.thresholds import Reference, Rule, p_values, parse_rule, threshold, unified
from jaxad.training.fitted import Fit
from jaxad.training.train import fit

__all__ = ["JaxADDetector"]


class JaxADDetector(OutlierMixin, BaseEstimator):
    """Any detector of the library as a scikit-learn estimator, for tables.

    **Directions.** `predict`, `decision_function` and `score_samples` follow scikit-learn's
    outlier detectors: 1 is normal and -1 anomalous, and *low* scores are anomalous.
    `anomaly_score` is what the rest of the library calls a score: high is anomalous, and a row is
    anomalous if it is above `threshold_`.

    **Labels.** `fit(X, y)` takes y of 1 (anomaly), 0 (normal) and -1 (unlabelled); without y all
    rows are unlabelled. Training labels, in which -1 is an anomaly, 1 normal and 0 unlabelled, and
    with them scikit-learn's own marks of outliers, are taken with `labels="training"`.

    **Columns.** Arrays must be finite numbers. In data frames of pandas and polars numbers may be
    missing and columns may be categories; see `jaxad.data.frames`. Everything is then scaled,
    by constants of the training rows alone.

    Args:
        detector: A name that `jaxad list` shows.
        contamination: The fraction of anomalies that is expected among the unlabelled rows, in
            (0, 0.5]; the rule "quantile" calls so many of them anomalous.
        threshold: How the threshold is chosen: "quantile", "sigma(3)", "extreme(0.001)", "f1",
            "conformal(0.05)", or the threshold itself as a number; see `jaxad.thresholds`.
        scaling: "standard", "minmax", "range", "gcn", "none", or "auto": standard.
        labels: What `y` is: "anomaly", "training" as above, or "ignore": `fit` does not read it.
        calibration: The fraction of the normal rows (labelled ones if there are any, else the
            unlabelled) that "conformal" holds out of training, in (0, 1).
        max_categories: How many categories of a column get a column of their own, at most.
        seeds: How many seeds are trained; scores are their mean.
        seed: The root of all randomness, a whole number; the same number gives the same scores.
        settings: Fields of the detector's configuration, such as {"epochs": 50}.

    Attributes:
        threshold_: The anomaly score above which a row is anomalous.
        offset_: Minus `threshold_`: `decision_function` is `score_samples - offset_`.
        fitted_: The `jaxad.Fit`.
        scaling_: The `Scaling` of the encoded columns.
        encoded_names_: The names of the encoded columns.
        reference_: The scores that the threshold was chosen by.
        n_features_in_: How many columns X had.
        feature_names_in_: Their names, where they have any.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(60, 2))
        >>> det = JaxADDetector("autoencoder", settings={"epochs": 1, "widths": (2,)}).fit(x)
        >>> int((det.predict(x) == -1).sum())
        6
    """

    def __init__(
        self,
        detector: str = "deep_sad",
        *,
        contamination: float = 0.1,
        threshold: str | float = "quantile",
        scaling: str = "auto",
        labels: LabelKind = "anomaly",
        calibration: float = 0.25,
        max_categories: int = 32,
        seeds: int = 1,
        seed: int = 0,
        settings: dict[str, Any] | None = None,
    ):
        self.detector = detector
        self.contamination = contamination
        self.threshold = threshold
        self.scaling = scaling
        self.labels = labels
        self.calibration = calibration
        self.max_categories = max_categories
        self.seeds = seeds
        self.seed = seed
        self.settings = settings

    fitted_: Fit
    scaling_: Scaling
    reference_: Reference

    def fit(self, X: Any, y: Any = None) -> "JaxADDetector":  # noqa: N803
        """Train the detector and choose the threshold.

        Args:
            X: `(n, d)` rows, an array of numbers or a data frame; n >= 2.
            y: `(n,)` labels, by default 1 anomaly, 0 normal, -1 unlabelled; None: all unlabelled.

        Returns:
            The estimator itself.

        Raises:
            ConfigError: A parameter is not allowed.
            DataError: Rows or labels cannot be used.
        """
        rule = self._rule()
        rows = self._encoded(X, reset=True)
        label = convert_labels(y, self.labels, len(rows))
        held = self._held_out(label) if rule.name == "conformal" else np.zeros(len(rows), bool)
        kept = rows[~held] if held.any() else rows
        self.scaling_ = fit_scaling(kept, self.scaling)
        train = as_train_data(self._scaled(kept), label[~held])
        detector = make(self.detector, train, **(self.settings or {}))
        self.fitted_ = fit(detector, train, self.seeds, key=self.seed)
        if self.fitted_.interrupted:
            raise KeyboardInterrupt
        of_held = self._scores(self._scaled(rows[held])) if held.any() else np.zeros(0)
        self.reference_ = Reference(self._scores(train.x), train.label, of_held)
        return self._choose(rule)

    def calibrate(self, X: Any, y: Any = None) -> "JaxADDetector":  # noqa: N803
        """Choose the threshold anew by rows that were not trained on.

        Args:
            X: `(n, d)` rows as in `fit`.
            y: `(n,)` their labels as in `fit`. For "conformal" all rows but the labelled anomalies
                are taken for normal.

        Returns:
            The estimator itself.
        """
        score = self.anomaly_score(X)
        label = convert_labels(y, self.labels, len(score))
        self.reference_ = Reference(score, label, score[label >= 0])
        return self._choose(self._rule())

    def anomaly_score(self, X: Any) -> Float[np.ndarray, "n"]:  # noqa: N803
        """`(n,)` anomaly scores, the mean over seeds; higher is more anomalous."""
        check_is_fitted(self)
        return self._scores(self._scaled(self._encoded(X, reset=False)))

    def score_samples(self, X: Any) -> Float[np.ndarray, "n"]:  # noqa: N803
        """`(n,)` minus the anomaly score: *lower* is more anomalous, as in scikit-learn."""
        return -self.anomaly_score(X)

    def decision_function(self, X: Any) -> Float[np.ndarray, "n"]:  # noqa: N803
        """`(n,)` `score_samples - offset_`: below 0 for anomalous rows, as in scikit-learn."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> Int[np.ndarray, "n"]:  # noqa: N803
        """`(n,)` -1 for anomalous rows and 1 for normal ones, as in scikit-learn."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def predict_proba(self, X: Any) -> Float[np.ndarray, "n 2"]:  # noqa: N803
        """`(n, 2)` scores in [0, 1] of normal and anomalous that sum to 1.

        Unified scores by Gaussian scaling of the training scores (`jaxad.thresholds.unified`):
        made to compare and combine detectors. They are *no* calibrated probabilities, and 1/2 is
        not the threshold; `p_values` have a guarantee.
        """
        share = unified(self.anomaly_score(X), self.reference_.not_anomalous)
        return np.stack([1 - share, share], axis=1)

    def p_values(self, X: Any) -> Float[np.ndarray, "n"]:  # noqa: N803
        """`(n,)` conformal p-values: how rare a normal row with such a score is.

        Raises:
            ConfigError: No rows were held out: fit with `threshold="conformal"`, or `calibrate`.
        """
        score = self.anomaly_score(X)
        if not len(self.reference_.held_out):
            raise ConfigError(
                "p-values need normal rows that were not trained on: fit with "
                "threshold='conformal', or give such rows to calibrate"
            )
        return p_values(score, self.reference_.held_out)

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """AUROC of the labelled rows, for `cross_val_score` and `GridSearchCV`.

        Args:
            X: `(n, d)` rows.
            y: `(n,)` labels as in `fit`; with `labels="ignore"` 1 anomaly and 0 normal.

        Raises:
            DataError: The labelled rows are of one kind only.
        """
        kind: Any = "anomaly" if self.labels == "ignore" else self.labels
        score = self.anomaly_score(X)
        label = convert_labels(y, kind, len(score))
        known = label != 0
        if len(set(label[known].tolist())) < 2:
            raise DataError("AUROC needs labelled rows of both kinds, anomalies and normal rows")
        return float(roc_auc_score(label[known] < 0, score[known]))

    def save(self, folder: str | Path) -> Path:
        """Save the fitted estimator as a folder without pickle, for `load` and `jaxad score`.

        Args:
            folder: Where to; must not exist yet.

        Raises:
            ConfigError: The detector is another library's, or the folder can't be written.
        """
        from jaxad.sklearn.saved import save

        check_is_fitted(self)
        return save(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> "JaxADDetector":
        """Load what `save` saved; no code of the folder runs.

        Raises:
            DataError: No saved estimator, or it was changed or does not fit together.
        """
        from jaxad.sklearn.saved import load

        return load(cls, Path(folder))

    def _rule(self) -> Rule:
        """The rule of the threshold, all parameters checked."""
        rule = parse_rule(self.threshold)
        check_parameters(self.get_params(deep=False))
        if rule.name == "quantile" and rule.value is None:
            return rule._replace(value=float(self.contamination))
        return rule

    def _choose(self, rule: Rule) -> "JaxADDetector":
        self.threshold_ = threshold(rule, self.reference_)
        self.offset_ = -self.threshold_
        return self

    def _held_out(self, label: np.ndarray) -> np.ndarray:
        """Which rows calibrate: so many of the normal ones, by the seed."""
        normal = np.flatnonzero(label == 1 if (label == 1).any() else label == 0)
        count = max(1, round(self.calibration * len(normal)))
        order = Stream(int(self.seed)).permutation(0, len(normal))
        return np.isin(np.arange(len(label)), normal[order[:count]])

    def _encoded(self, x: Any, reset: bool) -> Float[np.ndarray, "n d"]:
        """Rows as numbers; `reset` finds how, else it is as found."""
        if not reset:
            return encoded(self, x, self._encoding)
        self._encoding: Encoding | None = found_encoding(self, x, int(self.max_categories))
        rows = encoded(self, x, self._encoding, least=2)
        names = self._encoding.names if self._encoding else column_names(rows.shape[1])
        self.encoded_names_ = names
        return rows

    def _scaled(self, rows: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):  # said by whoever takes the rows
            return self.scaling_.apply(rows)

    def _scores(self, rows: np.ndarray) -> Float[np.ndarray, "n"]:
        scores = score_models(self.fitted_, rows).mean(axis=0, dtype=np.float64)
        if not np.isfinite(scores).all():
            row = int(np.argmin(np.isfinite(scores)))
            raise DataError(
                f"the score of row {row} is not finite: its numbers are too far from those of "
                "training, or training diverged"
            )
        return scores

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and joblib: arrays and descriptions, no functions."""
        state: dict[str, Any] = dict(super().__getstate__())  # pyright: ignore
        if "fitted_" in state:
            from jaxad.sklearn.saved import freeze_fit

            state = state | {"fitted_": freeze_fit(state["fitted_"])}
            if state["_encoding"] is not None:
                state["_encoding"] = state["_encoding"].columns
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The same fitted estimator again."""
        if "fitted_" in state:
            from jaxad.sklearn.saved import restore_fit

            state = state | {"fitted_": restore_fit(state["fitted_"])}
            if state["_encoding"] is not None:
                state["_encoding"] = Encoding.from_columns(state["_encoding"])
        super().__setstate__(state)
