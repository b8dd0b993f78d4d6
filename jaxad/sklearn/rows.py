"""Rows that an estimator is given, as numbers."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from jaxad.data.tables.arrow import as_table, is_frame
from jaxad.data.tables.encoding import Encoding
from jaxad.data.tables.events import Events
from jaxad.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Rows", "encode", "make_column_names", "read_known", "read_training"]

_FLOATS: Any = [np.float64, np.float32]


class Rows(NamedTuple):
    """Rows as numbers, before scaling.

    Attributes:
        x: `(n, d)` the rows.
        events: Values that training hardly saw; None for rows of an array.
    """

    x: Float[np.ndarray, "n d"]
    events: Events | None = None

    def select(self, where: Bool[np.ndarray, "n"]) -> "Rows":
        """Return the rows of a mask."""
        return Rows(self.x[where], None if self.events is None else self.events.select(where))


def make_column_names(width: int) -> list[str]:
    """Return names for columns without names: x0, x1, ..."""
    return [f"x{i}" for i in range(width)]


def read_training(estimator: BaseEstimator, x: Any) -> "pa.Table | np.ndarray":
    """Read training rows, and set the estimator's attributes for their columns.

    Args:
        estimator: The estimator, whose `n_features_in_` and `feature_names_in_` are set.
        x: An array or a data frame.

    Returns:
        An Arrow table of a frame, else `(n, d)` numbers.

    Raises:
        ValueError: Values of an array that are not finite numbers, or too few rows.
    """
    _refuse_others(x)
    if not is_frame(x):
        return np.asarray(validate_data(estimator, x, dtype=_FLOATS, ensure_min_samples=2))
    table = _read_frame(x)
    validate_data(estimator, x, skip_check_array=True, reset=True)
    return table


def read_known(
    estimator: BaseEstimator, x: Any, encoding: Encoding | None
) -> "pa.Table | np.ndarray":
    """Read rows with the columns of training.

    Args:
        estimator: The fitted estimator.
        x: An array or a data frame.
        encoding: How columns become numbers, for an estimator of data frames.

    Returns:
        An Arrow table for an estimator of data frames, else `(n, d)` numbers.

    Raises:
        ValueError: Other columns than in training, or values that are not numbers.
    """
    _refuse_others(x)
    if encoding is None and is_frame(x):
        validate_data(estimator, x, skip_check_array=True, reset=False)
        return np.asarray(check_array(x if hasattr(x, "iloc") else x.to_numpy(), dtype=_FLOATS))
    if encoding is None:
        return np.asarray(validate_data(estimator, x, reset=False, dtype=_FLOATS))
    if is_frame(x):
        table = _read_frame(x)
        validate_data(estimator, x, skip_check_array=True, reset=False)
    else:
        any_kind: Any = None
        values = validate_data(estimator, x, reset=False, dtype=any_kind, ensure_all_finite=False)
        table = as_table(values)
    return table.rename_columns(list(encoding.inputs))  # in the same order, checked above


def encode(encoding: Encoding | None, rows: "pa.Table | np.ndarray") -> Rows:
    """Return rows as numbers, as `read_training` or `read_known` has read them."""
    return Rows(np.asarray(rows)) if encoding is None else Rows(*encoding.apply(rows))


def _refuse_others(x: Any) -> None:
    """Raise a `DataError` for masked values and dates, which scikit-learn reads as numbers."""
    if getattr(getattr(x, "dtype", None), "kind", "") in ("M", "m"):
        raise DataError("X is an array of dates; give a data frame, of which dates are encoded")
    if np.ma.is_masked(x):
        raise DataError(
            "X is an array with masked values; give a data frame, of which missing values are "
            "encoded, or fill them"
        )


def _read_frame(x: Any) -> "pa.Table":
    """Return a data frame as an Arrow table.

    Raises:
        DataError: No rows or columns, two columns with the same name, or values of no kind.
    """
    if 0 in x.shape:
        raise DataError(
            f"X has {x.shape[0]} rows and {x.shape[1]} columns; give at least one of each"
        )
    return as_table(x)
