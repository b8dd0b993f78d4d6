"""Conversion of tables to sequences of one channel."""

from dataclasses import replace

import numpy as np
from jaxtyping import Num

from jaxad.data.dataset import Dataset
from jaxad.errors import DataError

__all__ = ["PREFIX", "as_sequences", "as_windows"]

PREFIX = "sequence:"  # before a name or path


def as_windows(x: Num[np.ndarray, "n *shape"], what: str = "x") -> Num[np.ndarray, "n time c"]:
    """Convert rows to sequences `(n, time, channels)`; a table has one channel.

    Args:
        x: `(n, time)` rows, or `(n, time, channels)`, which stay as they are.
        what: The name of `x` in errors.

    Raises:
        DataError: Images, or fewer than two points.
    """
    if x.ndim == 2:
        x = x[..., None]
    if x.ndim != 3 or x.shape[1] < 2:
        raise DataError(
            f"{what} has examples of shape {x.shape[1:]}; sequences must have shape (n, time) or "
            "(n, time, channels) with at least 2 points in time (uint8 arrays with channels are "
            "images: convert them to float)"
        )
    return x


def as_sequences(data: Dataset) -> Dataset:
    """Convert the rows of a data set to sequences `(time, channels)`.

    A table `(n, time)`, such as ECG5000, becomes `(n, time, 1)`; arrays `(n, time, channels)`, such
    as windows of HAR, already are sequences. Sequences are scaled by one constant for each channel,
    over all points in time, and tables by one for each column.

    Raises:
        DataError: Images, or fewer than two points.

    Example:
        >>> from jaxad.data import monotone_sequences
        >>> as_sequences(monotone_sequences(0, 3, 2))
        Dataset('monotone': 5 rows of float64 (10, 1), 2 anomalies)
    """
    x_test = None if data.x_test is None else as_windows(data.x_test, f"{data.name}: x_test")
    return replace(data, x=as_windows(data.x, f"{data.name}: x"), x_test=x_test)
