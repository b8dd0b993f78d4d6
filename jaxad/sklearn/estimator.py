"""The estimator with the interface of scikit-learn's outlier detectors."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.base import OutlierMixin

from jaxad.sklearn.base import TableEstimator
from jaxad.sklearn.labels import convert_labels, find_compared
from jaxad.thresholds import unified

__all__ = ["JaxADDetector"]


class JaxADDetector(OutlierMixin, TableEstimator):
    """A scikit-learn outlier detector for any detector of the library, for tables.

    **Directions.** `predict`, `decision_function` and `score_samples` follow scikit-learn's
    outlier detectors: 1 is normal and -1 anomalous, and *low* scores are anomalous.
    `anomaly_score` follows the rest of the library: high scores are anomalous, and a row is
    anomalous if its score is above `threshold_`. `JaxADClassifier` is the same with the interface
    of a binary classifier, for scikit-learn's own scorers; `jaxad.sklearn.scorers` has scorers for
    this one.

    **Labels.** In `fit(X, y)`, 1 and True mark labelled anomalies; 0, False, -1 and missing values
    mark unlabelled rows. `positive` and `normal` name other values. Without y all rows are
    unlabelled.

    **Columns.** Arrays must hold finite numbers. Data frames of pandas and polars may have missing
    values, strings, categoricals and dates; see `jaxad.data.tables.encoding`. Values that training
    hardly saw, such as an unseen category, raise the score of a row. All columns are then scaled
    by constants of the training rows.

    Args:
        detector: A name that `jaxad list` shows. "auto" is the composite for tables, whose parts
            follow from the labels.
        contamination: The expected share of anomalies among the unlabelled rows, in (0, 0.5]; the
            rule "quantile" marks this share of them as anomalous.
        threshold: The rule for the threshold: "quantile", "sigma(3)", "extreme(0.001)", "f1" or
            "conformal(0.05)"; or the threshold itself as a number. See `jaxad.thresholds`.
        scaling: "standard", "minmax", "range", "gcn", "whiten", "none", or "auto", which is
            "standard".
        positive: The value or values of `y` that mark labelled anomalies, such as "fraud".
            None: 1 and True.
        normal: The value or values of `y` that mark verified normal rows. None: none; `normal=0`
            if each 0 was verified.
        labels: "use"; or "ignore": `fit` does not use `y`.
        label: The column of X that holds the labels, instead of `y`. "none": no column of X holds
            labels, also where one appears to.
        id: A column of X that is not trained on and is the index of outputs.
        strict: Whether columns of X that training did not have are an error, and in training
            columns and entries that would be left out. False: they are ignored with a warning.
        calibration: The share of the normal rows (labelled ones if there are any, else the
            unlabelled) that "conformal" holds out of training, in (0, 1).
        max_categories: The largest number of categories of a column that are encoded.
        seeds: How many seeds are trained; scores are their mean.
        seed: The root of all randomness, a whole number; the same number gives the same scores.
        verbose: 1: `fit` reports its progress on standard error. 2: more often.
        settings: Settings of the detector, such as {"epochs": 50}. In grids, and for `set_params`,
            each is the parameter `settings__NAME`.

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

    @property
    def offset_(self) -> float:
        """Minus `threshold_`."""
        return -self.threshold_

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

    def score(self, X: Any, y: Any = None) -> float:  # noqa: N803
        """Compute the AUROC, for `cross_val_score` and `GridSearchCV`.

        Labelled anomalies are compared with verified normal rows (`normal`); where none is
        verified, with all other rows.

        Args:
            X: `(n, d)` rows.
            y: `(n,)` labels as in `fit`, also with `labels="ignore"`. None: those of the column
                `label`.

        Raises:
            DataError: No row is a labelled anomaly, or there is nothing to compare with.
        """
        from sklearn.metrics import roc_auc_score

        chosen = self._select(X, y)
        score = self._score_rows(self._encode(chosen.rows))
        values = {"positive": self.positive, "normal": self.normal}
        label = convert_labels(chosen.y, len(score), **values)
        compared = find_compared(label)
        return float(roc_auc_score(label[compared] < 0, score[compared]))
