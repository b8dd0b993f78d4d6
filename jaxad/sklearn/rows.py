"""Checks of the parameters and the rows that an estimator is given."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from jaxad.data.frames import Encoding, as_frame, fit_encoding, is_frame
from jaxad.errors import ConfigError
from jaxad.sklearn.labels import check_kind

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_parameters", "encode_rows", "find_encoding", "make_column_names"]

_FLOATS: Any = [np.float64, np.float32]


def check_parameters(given: dict[str, Any]) -> None:
    """Raise a `ConfigError` that names the first parameter whose value is not allowed."""
    check_kind(given["labels"])
    for name, most, bound in (("contamination", 0.5, "0.5]"), ("calibration", 1 - 1e-9, "1)")):
        value = given[name]
        right = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if not right or not 0 < value <= most:
            raise ConfigError(f"{name} must be a number in (0, {bound}; given {value!r}")
    for name, least in (("max_categories", 1), ("seeds", 1), ("seed", 0)):
        value = given[name]
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or not least <= value < 2**32:
            raise ConfigError(f"{name} must be a whole number from {least}; given {value!r}")
    if not isinstance(given["detector"], str):
        raise ConfigError(f"detector must be a name; given {given['detector']!r}")
    if not isinstance(given["settings"], dict | None):
        raise ConfigError(f"settings must be a dict of fields; given {given['settings']!r}")


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
