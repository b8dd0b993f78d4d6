"""What is known of rows, as an estimator takes it, and as training takes it."""

from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Int8

from jaxad.data.arrays import as_label_column
from jaxad.errors import ConfigError, DataError, unknown_name

__all__ = ["LabelKind", "check_kind", "labels_of", "training_labels", "truth_labels"]

LabelKind = Literal["anomaly", "training", "ignore"]


def training_labels(y: Any) -> Int8[np.ndarray, "n"]:
    """Training labels from what an estimator's `fit` takes by default.

    Args:
        y: `(n,)` 1 anomaly, 0 normal, -1 unlabelled, as scikit-learn's semi-supervised learners
            mark what has no label.

    Returns:
        `(n,)` -1 labelled anomaly, 0 unlabelled, 1 labelled normal.

    Raises:
        DataError: Another label, or labels that must be of another kind: no normal row at all and
            more anomalies than unlabelled rows.

    Example:
        >>> training_labels([1, 0, -1])
        array([-1,  1,  0], dtype=int8)
    """
    y = _checked(y, "1 (anomaly), 0 (normal) and -1 (unlabelled)")
    if not (y == 0).any() and (y == 1).sum() > (y == -1).sum() > 0:
        raise DataError(
            f"y holds {int((y == 1).sum())} anomalies (1), {int((y == -1).sum())} unlabelled rows "
            "(-1) and no normal one (0). If 1 means normal and -1 anomalous, as predict gives "
            "them, say so: JaxADDetector(labels='training')"
        )
    return np.select([y == 1, y == 0], [-1, 1], 0).astype(np.int8)


def truth_labels(label: Any) -> Int8[np.ndarray, "n"]:
    """What `training_labels` takes, from training labels or from what `predict` gives.

    Args:
        label: `(n,)` -1 anomaly, 0 unlabelled, 1 normal.

    Returns:
        `(n,)` 1 anomaly, -1 unlabelled, 0 normal.

    Raises:
        DataError: Another label.

    Example:
        >>> truth_labels([-1, 1, 0])
        array([ 1,  0, -1], dtype=int8)
    """
    label = _checked(label, "-1 (anomaly), 0 (unlabelled) and 1 (normal)")
    return np.select([label == -1, label == 1], [1, 0], -1).astype(np.int8)


def labels_of(y: Any, kind: str, n: int) -> Int8[np.ndarray, "n"]:
    """Training labels of n rows; all are unlabelled where `y` is None or not to be read.

    Raises:
        DataError: Another length or other labels than the kind has.
    """
    if y is None or kind == "ignore":
        return np.zeros(n, np.int8)
    if kind == "training":
        label = _checked(y, "-1 (anomaly), 0 (unlabelled) and 1 (normal)").astype(np.int8)
    else:
        label = training_labels(y)
    if len(label) != n:
        raise DataError(f"y has {len(label)} labels, X has {n} rows; give one a row")
    return label


def check_kind(kind: Any) -> None:
    """Raise if there is no such kind of labels."""
    if kind not in get_args(LabelKind):
        if isinstance(kind, str):
            raise unknown_name("kind of labels", kind, get_args(LabelKind))
        raise ConfigError(f"labels must be one of {', '.join(get_args(LabelKind))}; given {kind!r}")


def _checked(y: Any, allowed: str) -> np.ndarray:
    y, names = as_label_column(y)
    if names:
        raise DataError(f"y holds words ({', '.join(names[:5])}); allowed are {allowed}")
    wrong = np.setdiff1d(y, (-1, 0, 1))
    if len(wrong):
        raise DataError(
            f"y holds {int(wrong[0])}; allowed are {allowed}. JaxADDetector(labels='ignore') "
            "trains without labels"
        )
    return y
