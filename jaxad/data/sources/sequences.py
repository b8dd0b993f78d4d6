"""Rows of a table as sequences of one channel."""

from dataclasses import replace

import numpy as np
from jaxtyping import Num

from jaxad.data.dataset import Dataset
from jaxad.errors import DataError

__all__ = ["PREFIX", "as_sequences", "as_windows"]

PREFIX = "sequence:"  # in front of a name or path


def as_windows(x: Num[np.ndarray, "n *shape"], what: str = "x") -> Num[np.ndarray, "n time c"]:
    """Rows as sequences `(n, time, channels)`: a table's columns are points of one channel.

    Args:
        x: `(n, time)` rows, or `(n, time, channels)`, which stay as they are.
        what: How to call them in an error.

    Raises:
        DataError: Images, or fewer than two points.
    """
    if x.ndim == 2:
        x = x[..., None]
    if x.ndim != 3 or x.shape[1] < 2:
        raise DataError(
            f"{what} has examples of shape {x.shape[1:]}; sequences are (n, time) or "
            "(n, time, channels) numbers with at least 2 points, and uint8 arrays of more than two "
            "axes are images"
        )
    return x


def as_sequences(data: Dataset) -> Dataset:
    """The same data with its rows as sequences `(time, channels)`.

    A table `(n, time)` becomes `(n, time, 1)`, such as ECG5000; arrays `(n, time, channels)`, such
    as windows of HAR, already are sequences. Scaling has one constant for each channel then,
    over all points in time, where a table has one for each column.

    Raises:
        DataError: Images, or fewer than two points.

    Example:
        >>> from jaxad.data import monotone_sequences
        >>> as_sequences(monotone_sequences(0, 3, 2))
        Dataset('monotone': 5 rows of float64 (10, 1), 2 anomalies)
    """
    x_test = None if data.x_test is None else as_windows(data.x_test, f"{data.name}: x_test")
    return replace(data, x=as_windows(data.x, f"{data.name}: x"), x_test=x_test)
