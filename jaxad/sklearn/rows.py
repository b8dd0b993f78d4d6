"""Rows that an estimator is given, as numbers."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from jaxad.data.frames import Encoding, as_frame, fit_encoding, is_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["encode_rows", "find_encoding", "make_column_names"]

_FLOATS: Any = [np.float64, np.float32]


def make_column_names(width: int) -> list[str]:
    """Return names for columns without names: x0, x1, ..."""
    return [f"x{i}" for i in range(width)]


def find_encoding(estimator: BaseEstimator, x: Any, most: int) -> Encoding | None:
    """Fit the encoding of a data frame, and set the estimator's attributes for its columns.

    Args:
        estimator: The estimator, whose `n_features_in_` and `feature_names_in_` are set.
        x: Training rows.
        most: The largest number of categories of a column that are encoded.

    Returns:
        The encoding; None for an array of numbers.
    """
    if not is_frame(x):
        return None
    frame = as_frame(x)
    validate_data(estimator, x, skip_check_array=True, reset=True)
    return fit_encoding(frame, most)


def encode_rows(
    estimator: BaseEstimator, x: Any, encoding: Encoding | None, *, least: int = 0
) -> Float[np.ndarray, "n d"]:
    """Return rows as numbers.

    Args:
        estimator: The estimator.
        x: An array or a data frame.
        encoding: How columns become numbers, for an estimator of data frames.
        least: The number of rows that training needs; 0 for rows that are not trained on.

    Raises:
        ValueError: Other columns than in training, or values that are not numbers.
    """
    if encoding is not None:
        names = [column.name for column in encoding.columns]
        return encoding.apply(_name_columns(estimator, x, names, trained=least == 0))
    if is_frame(x):
        frame = as_frame(x)
        validate_data(estimator, x, skip_check_array=True, reset=False)
        return np.asarray(check_array(frame, dtype=_FLOATS))
    reset, samples = least > 0, max(least, 1)
    return np.asarray(
        validate_data(estimator, x, reset=reset, dtype=_FLOATS, ensure_min_samples=samples)
    )


def _name_columns(
    estimator: BaseEstimator, x: Any, names: list[str], trained: bool
) -> "pd.DataFrame":
    """Return rows as a frame with the columns of training."""
    import pandas as pd

    if is_frame(x):
        frame = as_frame(x)
        if trained:
            validate_data(estimator, x, skip_check_array=True, reset=False)
        return frame.set_axis(names, axis=1)
    any_kind: Any = None
    rows = validate_data(estimator, x, reset=False, dtype=any_kind, ensure_all_finite=False)
    return pd.DataFrame(np.asarray(rows), columns=pd.Index(names))
