"""Conversion between training labels and the labels of scikit-learn's semi-supervised learners."""

from typing import Any

import numpy as np
from jaxtyping import Int, Int8

from jaxad.data.arrays import as_label_column
from jaxad.errors import DataError

__all__ = ["check_labels", "training_labels", "truth_labels"]


def training_labels(y: Any) -> Int8[np.ndarray, "n"]:
    """Convert labels of anomalies into training labels.

    Args:
        y: `(n,)` 1 anomaly, 0 normal, -1 unlabelled, as scikit-learn's semi-supervised learners
            mark unlabelled rows.

    Returns:
        `(n,)` -1 labelled anomaly, 0 unlabelled, 1 labelled normal.

    Raises:
        DataError: Another label; or labels that appear to follow the training convention, because
            no row is normal and there are more anomalies than unlabelled rows.

    Example:
        >>> training_labels([1, 0, -1])
        array([-1,  1,  0], dtype=int8)
    """
    y = check_labels(y, "1 (anomaly), 0 (normal) and -1 (unlabelled)")
    if not (y == 0).any() and (y == 1).sum() > (y == -1).sum() > 0:
        raise DataError(
            f"y holds {int((y == 1).sum())} anomalies (1), {int((y == -1).sum())} unlabelled rows "
            "(-1) and no normal row (0). If 1 means normal and -1 anomalous, as in the output of "
            "predict, use JaxADDetector(labels='training')"
        )
    return np.select([y == 1, y == 0], [-1, 1], 0).astype(np.int8)


def truth_labels(label: Any) -> Int8[np.ndarray, "n"]:
    """Convert training labels, or the output of `predict`, into labels of anomalies.

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
    label = check_labels(label, "-1 (anomaly), 0 (unlabelled) and 1 (normal)")
    return np.select([label == -1, label == 1], [1, 0], -1).astype(np.int8)


def check_labels(y: Any, allowed: str) -> Int[np.ndarray, "n"]:
    """Return labels as numbers of -1, 0 and 1.

    Args:
        y: `(n,)` labels.
        allowed: What each number means, for errors.

    Raises:
        DataError: Strings, or other numbers.
    """
    y, names = as_label_column(y)
    if names:
        raise DataError(f"y holds strings ({', '.join(names[:5])}); allowed are {allowed}")
    wrong = np.setdiff1d(y, (-1, 0, 1))
    if len(wrong):
        raise DataError(
            f"y holds {int(wrong[0])}; allowed are {allowed}. JaxADDetector(labels='ignore') "
            "trains without labels"
        )
    return y
