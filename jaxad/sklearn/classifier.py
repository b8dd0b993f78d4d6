"""The estimator with the interface of scikit-learn's binary classifiers."""

from typing import Any, Self

import numpy as np
from jaxtyping import Float, Int, Int8
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import type_of_target

from jaxad.errors import DataError
from jaxad.sklearn.base import TableEstimator
from jaxad.sklearn.labels import convert_labels
from jaxad.thresholds import logistic

__all__ = ["JaxADClassifier"]


class JaxADClassifier(ClassifierMixin, TableEstimator):
    """A scikit-learn binary classifier for any detector of the library, for tables.

    It is `JaxADDetector` with other directions: 1 is anomalous and 0 normal, and high values of
    `decision_function` are anomalous. So scikit-learn's scorers (`"roc_auc"`,
    `"average_precision"`, `"f1"`), stratified folds, grids and calibration work as they are, with y
    of 0 and 1.

    `fit(X, y)` takes the same labels as `JaxADDetector`. In particular 0 marks *unlabelled* rows:
    training does not assume that they are normal, unless `normal=0`. So y may hold the known
    anomalies alone, with 0 for all other rows.

    Args:
        detector: See `JaxADDetector`, which has the same parameters.
        contamination: See `JaxADDetector`.
        threshold: See `JaxADDetector`.
        scaling: See `JaxADDetector`.
        positive: See `JaxADDetector`. Predictions are 1 and 0 all the same; convert y to 0 and 1
            for scikit-learn's scorers, or use `jaxad.sklearn.scorers`.
        normal: See `JaxADDetector`.
        labels: See `JaxADDetector`.
        label: See `JaxADDetector`.
        id: See `JaxADDetector`.
        strict: See `JaxADDetector`.
        calibration: See `JaxADDetector`.
        max_categories: See `JaxADDetector`.
        seeds: See `JaxADDetector`.
        seed: See `JaxADDetector`.
        verbose: See `JaxADDetector`.
        settings: See `JaxADDetector`.

    Attributes:
        classes_: `[0, 1]`: normal and anomalous.
        threshold_: The anomaly score above which a row is anomalous.
        fitted_: The `jaxad.Fit`.
        scaling_: The `Scaling` of the encoded columns.
        encoded_names_: The names of the encoded columns.
        reference_: The scores that the threshold was computed from.
        n_features_in_: The number of columns of X.
        feature_names_in_: Their names, if they have any.

    Example:
        >>> from sklearn.model_selection import cross_val_score
        >>> rng = np.random.default_rng(0)
        >>> x = np.r_[rng.normal(size=(54, 2)), rng.normal(9, 1, size=(6, 2))]
        >>> y = np.r_[np.zeros(54, int), np.ones(6, int)]
        >>> clf = JaxADClassifier("gaussian")
        >>> cross_val_score(clf, x, y, cv=3, scoring="roc_auc").round(2).tolist()
        [1.0, 1.0, 1.0]
    """

    def __sklearn_tags__(self) -> Any:
        """Return the tags: two classes only, and y is not needed."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.classifier_tags.multi_class = False  # pyright: ignore[reportOptionalMemberAccess]
        tags.classifier_tags.poor_score = True  # pyright: ignore[reportOptionalMemberAccess]
        return tags

    def decision_function(self, X: Any) -> Float[np.ndarray, "n"]:  # noqa: N803
        """Return `(n,)` `anomaly_score - threshold_`: above 0 for anomalous rows."""
        return self.anomaly_score(X) - self.threshold_

    def predict(self, X: Any) -> Int[np.ndarray, "n"]:  # noqa: N803
        """Return `(n,)` 1 for anomalous and 0 for normal rows."""
        return (self.decision_function(X) > 0).astype(np.int64)

    def predict_proba(self, X: Any) -> Float[np.ndarray, "n 2"]:  # noqa: N803
        """Return `(n, 2)` values for normal and anomalous in [0, 1], which sum to 1.

        They grow with the score and are 1/2 at the threshold (`jaxad.thresholds.logistic`). They
        are *not* calibrated probabilities; scikit-learn's `CalibratedClassifierCV` returns such.
        """
        share = logistic(self.anomaly_score(X), self.threshold_, self.reference_.not_anomalous)
        return np.stack([1 - share, share], axis=1)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:  # noqa: N803
        """Compute the accuracy, as scikit-learn's classifiers do.

        It says little where anomalies are rare; prefer `scoring="average_precision"`.

        Args:
            X: `(n, d)` rows.
            y: `(n,)` labels as in `fit`; all rows but labelled anomalies count as normal. None:
                those of the column `label`.
            sample_weight: `(n,)` the weights of rows in the mean.
        """
        from sklearn.metrics import accuracy_score

        chosen = self._select(X, y)
        score = self._score_rows(self._encode(chosen.rows))
        values = {"positive": self.positive, "normal": self.normal}
        truth = convert_labels(chosen.y, len(score), **values) < 0
        found = score > self.threshold_
        return float(accuracy_score(truth, found, sample_weight=sample_weight))

    def _convert(self, y: Any, n: int, *, part: bool = True) -> Int8[np.ndarray, "n"]:
        try:
            return super()._convert(y, n, part=part)
        except DataError as error:
            try:
                kind = type_of_target(y)
            except ValueError:
                raise error from None
            if kind not in ("multiclass", "continuous"):
                raise
            raise DataError(
                f"{error}. Only binary classification is supported. The type of the target is "
                f"{kind}."
            ) from None

    def _choose(self, rule: Any) -> Self:
        self.classes_ = np.array([0, 1])
        return super()._choose(rule)
