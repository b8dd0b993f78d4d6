"""Scorers for `cross_val_score`, `GridSearchCV` and other tools of scikit-learn.

scikit-learn's own scorers take classifiers: they work with `JaxADClassifier`, and are reversed or
undefined for outlier detectors. These take both kinds, scikit-learn's outlier detectors too, and
read labels as `fit` does, such as `positive="fraud"`.

Rows with labelled anomalies are compared with verified normal rows (`normal=`); where none is
verified, with all other rows.

Example:
    >>> from sklearn.ensemble import IsolationForest
    >>> x = np.r_[np.random.default_rng(0).normal(size=(90, 2)), np.full((10, 2), 9.0)]
    >>> forest = IsolationForest(random_state=0).fit(x)
    >>> roc_auc(forest, x, [0] * 90 + [1] * 10) > 0.95
    True
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from sklearn.base import is_classifier
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from jaxad.sklearn.labels import convert_labels, find_compared

__all__ = ["average_precision", "f1", "roc_auc"]


def roc_auc(estimator: Any, X: Any, y: Any) -> float:  # noqa: N803
    """Compute the area under the ROC curve of a fitted estimator.

    Args:
        estimator: A fitted classifier or outlier detector with `decision_function`, or a pipeline
            that ends in one.
        X: `(n, d)` rows.
        y: `(n,)` labels as `fit` takes them.

    Raises:
        DataError: No row is a labelled anomaly, or there is nothing to compare with.
    """
    truth, score = _score(estimator, X, y)
    return float(roc_auc_score(truth, score))


def average_precision(estimator: Any, X: Any, y: Any) -> float:  # noqa: N803
    """Compute the average precision for anomalies; arguments as in `roc_auc`."""
    truth, score = _score(estimator, X, y)
    return float(average_precision_score(truth, score))


def f1(estimator: Any, X: Any, y: Any) -> float:  # noqa: N803
    """Compute the F1 of the rows that are predicted to be anomalous; arguments as in `roc_auc`."""
    found = np.asarray(estimator.predict(X)) == (1 if is_classifier(estimator) else -1)
    label = _read_labels(estimator, y, len(found))
    compared = find_compared(label)
    return float(f1_score(label[compared] < 0, found[compared]))


def _score(estimator: Any, x: Any, y: Any) -> tuple[Bool[np.ndarray, "m"], Float[np.ndarray, "m"]]:
    """Return the truth and the scores of the rows that are compared, high for anomalies."""
    score = np.asarray(estimator.decision_function(x), np.float64)
    label = _read_labels(estimator, y, len(score))
    compared = find_compared(label)
    return label[compared] < 0, (score if is_classifier(estimator) else -score)[compared]


def _read_labels(estimator: Any, y: Any, n: int) -> np.ndarray:
    """Return training labels, by the parameters of the estimator at the end."""
    last = getattr(estimator, "best_estimator_", estimator)
    last = last.steps[-1][1] if hasattr(last, "steps") else last
    values: dict[str, Any] = {n: getattr(last, n, None) for n in ("positive", "normal")}
    return convert_labels(y, n, **values)
