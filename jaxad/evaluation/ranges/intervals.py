"""Ranges of consecutive timestamps, and checks of scores and labels of series."""

import numpy as np
from jaxtyping import ArrayLike, Bool, Float, Int

from jaxad.errors import DataError

__all__ = ["check_series", "find_ranges"]


def find_ranges(flag: ArrayLike) -> Int[np.ndarray, "ranges 2"]:
    """Return the ranges of consecutive true timestamps.

    Args:
        flag: `(n,)` booleans, or 0 and 1.

    Returns:
        `(ranges, 2)` the index of the first timestamp of each range, and the index after its last.

    Example:
        >>> find_ranges([0, 1, 1, 0, 1]).tolist()
        [[1, 3], [4, 5]]
    """
    edges = np.diff(np.asarray(flag, np.int8), prepend=0, append=0)
    return np.stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)], axis=1)


def check_series(
    score: ArrayLike, label: ArrayLike
) -> tuple[Float[np.ndarray, "n"], Bool[np.ndarray, "n"]]:
    """Return the scores as floats and the labels as booleans.

    Raises:
        DataError: Different shapes, another label than 0 and 1, or timestamps with a score that are
            all normal or all anomalous.
    """
    score, label = np.asarray(score), np.asarray(label)
    if score.ndim != 1 or score.shape != label.shape:
        raise DataError(
            f"score and label have shapes {score.shape} and {label.shape}; one (n,) is needed"
        )
    if not np.isin(label, (0, 1)).all():
        raise DataError(f"label has {np.unique(label)[:9]}; 0 normal and 1 anomaly are allowed")
    score, label = score.astype(np.float64), label.astype(bool)
    known = label[~np.isnan(score)]
    if not known.any() or known.all():
        raise DataError(
            f"label has {known.sum()} anomalous timestamps of {known.size} with a score; both "
            "anomalous and normal ones are needed"
        )
    return score, label
