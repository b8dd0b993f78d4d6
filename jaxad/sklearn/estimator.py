"""The estimator: a detector, its scaling and its threshold with scikit-learn's interface."""

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
from jaxad.sklearn.rows import check_parameters, encode_rows, find_encoding, make_column_names
from jaxad.thresholds import Reference, Rule, p_values, parse_rule, threshold, unified
from jaxad.training.fitted import Fit
from jaxad.training.train import fit

__all__ = ["JaxADDetector"]


class JaxADDetector(OutlierMixin, BaseEstimator):
    """A scikit-learn estimator for any detector of the library, for tables.

    **Directions.** `predict`, `decision_function` and `score_samples` follow scikit-learn's
    outlier detectors: 1 is normal and -1 anomalous, and *low* scores are anomalous.
    `anomaly_score` follows the rest of the library: high scores are anomalous, and a row is
    anomalous if its score is above `threshold_`.

    **Labels.** `fit(X, y)` takes labels 1 (anomaly), 0 (normal) and -1 (unlabelled); without y all
    rows are unlabelled. With `labels="training"` it takes training labels instead: -1 anomaly, 1
    normal and 0 unlabelled. The outputs of scikit-learn's outlier detectors are of this kind.

    **Columns.** Arrays must hold finite numbers. Data frames of pandas and polars may have missing
    numbers and categorical columns; see `jaxad.data.frames`. All columns are then scaled by
    constants of the training rows.

    Args:
        detector: A name that `jaxad list` shows.
        contamination: The expected share of anomalies among the unlabelled rows, in (0, 0.5]; the
            rule "quantile" marks this share of them as anomalous.
        threshold: The rule for the threshold: "quantile", "sigma(3)", "extreme(0.001)", "f1" or
            "conformal(0.05)"; or the threshold itself as a number. See `jaxad.thresholds`.
        scaling: "standard", "minmax", "range", "gcn", "none", or "auto", which is "standard".
        labels: The kind of `y`: "anomaly" or "training" as above, or "ignore": `fit` does not use
            `y`.
        calibration: The share of the normal rows (labelled ones if there are any, else the
            unlabelled) that "conformal" holds out of training, in (0, 1).
        max_categories: The largest number of categories of a column that are encoded.
        seeds: How many seeds are trained; scores are their mean.
        seed: The root of all randomness, a whole number; the same number gives the same scores.
        settings: Settings of the detector, such as {"epochs": 50}.

    Attributes:
        threshold_: The anomaly score above which a row is anomalous.
        offset_: Minus `threshold_`: `decision_function` is `score_samples - offset_`.
        fitted_: The `jaxad.Fit`.
        scaling_: The `Scaling` of the encoded columns.
        encoded_names_: The names of the encoded columns.
        reference_: The scores that the threshold was computed from.
        n_features_in_: The number of columns of X.
        feature_names_in_: Their names, if they have any.

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
            y: `(n,)` labels, by default 1 anomaly, 0 normal, -1 unlabelled. None: all rows are
                unlabelled.

        Returns:
            The estimator itself.

        Raises:
            ConfigError: The value of a parameter is not allowed.
            DataError: Rows or labels cannot be used.
        """
        rule = self._parse_threshold()
        rows = self._encode(X, reset=True)
        label = convert_labels(y, self.labels, len(rows))
        held = self._draw_held_out(label) if rule.name == "conformal" else np.zeros(len(rows), bool)
        kept = rows[~held] if held.any() else rows
        self.scaling_ = fit_scaling(kept, self.scaling)
        train = as_train_data(self._scale(kept), label[~held])
        detector = make(self.detector, train, **(self.settings or {}))
        self.fitted_ = fit(detector, train, self.seeds, key=self.seed)
        if self.fitted_.interrupted:
            raise KeyboardInterrupt
        of_held = self._score(self._scale(rows[held])) if held.any() else np.zeros(0)
        self.reference_ = Reference(self._score(train.x), train.label, of_held)
        return self._choose(rule)

    def calibrate(self, X: Any, y: Any = None) -> "JaxADDetector":  # noqa: N803
        """Choose the threshold again, by rows that were not trained on.

        Args:
            X: `(n, d)` rows as in `fit`.
            y: `(n,)` labels as in `fit`. The rule "conformal" assumes that all rows but the
                labelled anomalies are normal.

        Returns:
            The estimator itself.
        """
        score = self.anomaly_score(X)
        label = convert_labels(y, self.labels, len(score))
        self.reference_ = Reference(score, label, score[label >= 0])
        return self._choose(self._parse_threshold())

    def anomaly_score(self, X: Any) -> Float[np.ndarray, "n"]:  # noqa: N803
        """Return `(n,)` anomaly scores, the mean over seeds; *higher* is more anomalous."""
        check_is_fitted(self)
        return self._score(self._scale(self._encode(X, reset=False)))

    def score_samples(self, X: Any) -> Float[np.ndarray, "n"]:  # noqa: N803
        """Return `(n,)` negated anomaly scores: *lower* is more anomalous, as in scikit-learn."""
        return -self.anomaly_score(X)

    def decision_function(self, X: Any) -> Float[np.ndarray, "n"]:  # noqa: N803
        """Return `(n,)` `score_samples - offset_`: below 0 for anomalous rows."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> Int[np.ndarray, "n"]:  # noqa: N803
        """Return `(n,)` -1 for anomalous and 1 for normal rows, as in scikit-learn."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def predict_proba(self, X: Any) -> Float[np.ndarray, "n 2"]:  # noqa: N803
        """Return `(n, 2)` unified scores for normal and anomalous in [0, 1], which sum to 1.

        They are scaled by the training scores (`jaxad.thresholds.unified`), to compare and combine
        detectors. They are *not* calibrated probabilities, and the threshold is not at 1/2;
        `p_values` come with a guarantee.
        """
        share = unified(self.anomaly_score(X), self.reference_.not_anomalous)
        return np.stack([1 - share, share], axis=1)

    def p_values(self, X: Any) -> Float[np.ndarray, "n"]:  # noqa: N803
        """Return `(n,)` conformal p-values: how rare such a score is among normal rows.

        Raises:
            ConfigError: No rows were held out: fit with `threshold="conformal"`, or `calibrate`.
        """
        score = self.anomaly_score(X)
        if not len(self.reference_.held_out):
            raise ConfigError(
                "p_values needs scores of normal rows that were not trained on: fit with "
                "threshold='conformal', or pass such rows to calibrate"
            )
        return p_values(score, self.reference_.held_out)

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """Compute the AUROC of the labelled rows, for `cross_val_score` and `GridSearchCV`.

        Args:
            X: `(n, d)` rows.
            y: `(n,)` labels as in `fit`; with `labels="ignore"` 1 anomaly and 0 normal.

        Raises:
            DataError: The labelled rows are of one class only.
        """
        kind: Any = "anomaly" if self.labels == "ignore" else self.labels
        score = self.anomaly_score(X)
        label = convert_labels(y, kind, len(score))
        known = label != 0
        if len(set(label[known].tolist())) < 2:
            raise DataError("y must have labelled anomalies and labelled normal rows for the AUROC")
        return float(roc_auc_score(label[known] < 0, score[known]))

    def save(self, folder: str | Path) -> Path:
        """Save the fitted estimator as a folder without pickle, for `load` and `jaxad score`.

        Args:
            folder: The folder to create; it must not exist yet.

        Raises:
            ConfigError: The detector is one of another library, or the folder cannot be written.
        """
        from jaxad.sklearn.saved import save

        check_is_fitted(self)
        return save(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> "JaxADDetector":
        """Load what `save` saved; no code from the folder runs.

        Raises:
            DataError: The folder is not a saved estimator, or was changed since.
        """
        from jaxad.sklearn.saved import load

        return load(cls, Path(folder))

    def _parse_threshold(self) -> Rule:
        """Check all parameters and return the rule for the threshold."""
        rule = parse_rule(self.threshold)
        check_parameters(self.get_params(deep=False))
        if rule.name == "quantile" and rule.value is None:
            return rule._replace(value=float(self.contamination))
        return rule

    def _choose(self, rule: Rule) -> "JaxADDetector":
        self.threshold_ = threshold(rule, self.reference_)
        self.offset_ = -self.threshold_
        return self

    def _draw_held_out(self, label: np.ndarray) -> np.ndarray:
        """Draw the rows that are held out for calibration, a share of the normal ones."""
        normal = np.flatnonzero(label == 1 if (label == 1).any() else label == 0)
        count = max(1, round(self.calibration * len(normal)))
        order = Stream(int(self.seed)).permutation(0, len(normal))
        return np.isin(np.arange(len(label)), normal[order[:count]])

    def _encode(self, x: Any, reset: bool) -> Float[np.ndarray, "n d"]:
        """Return rows as numbers; with `reset` the encoding is fitted to them."""
        if not reset:
            return encode_rows(self, x, self._encoding)
        self._encoding: Encoding | None = find_encoding(self, x, int(self.max_categories))
        rows = encode_rows(self, x, self._encoding, least=2)
        names = self._encoding.names if self._encoding else make_column_names(rows.shape[1])
        self.encoded_names_ = names
        return rows

    def _scale(self, rows: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):  # whoever takes the rows checks them
            return self.scaling_.apply(rows)

    def _score(self, rows: np.ndarray) -> Float[np.ndarray, "n"]:
        scores = score_models(self.fitted_, rows).mean(axis=0, dtype=np.float64)
        if not np.isfinite(scores).all():
            row = int(np.argmin(np.isfinite(scores)))
            raise DataError(
                f"the score of row {row} of X is not finite: its values are too far from those of "
                "training, or training diverged"
            )
        return scores

    def __getstate__(self) -> dict[str, Any]:
        """Return the state for pickle and joblib: arrays and descriptions, no functions."""
        state: dict[str, Any] = dict(super().__getstate__())  # pyright: ignore
        if "fitted_" in state:
            from jaxad.sklearn.saved import freeze_fit

            state = state | {"fitted_": freeze_fit(state["fitted_"])}
            if state["_encoding"] is not None:
                state["_encoding"] = state["_encoding"].columns
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the fitted estimator."""
        if "fitted_" in state:
            from jaxad.sklearn.saved import restore_fit

            state = state | {"fitted_": restore_fit(state["fitted_"])}
            if state["_encoding"] is not None:
                state["_encoding"] = Encoding.from_columns(state["_encoding"])
        super().__setstate__(state)
