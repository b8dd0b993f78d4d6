"""Rows that cannot be used: those of arrays, and how they are left out."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool

from jaxad.data.arrays import MAX_FLOAT32
from jaxad.errors import DataError, DataWarning

__all__ = ["find_good_rows", "replace_bad_rows"]


def find_good_rows(
    bad: Mapping[int, str],
    count: int,
    ids: Any,
    name: str,
    *,
    strict: bool = False,
) -> Bool[np.ndarray, "n"]:
    """Return which rows can be used, and warn of the others.

    Args:
        bad: Why a row cannot be used, by its number.
        count: The number of rows.
        ids: `(n,)` the names of the rows, an array or a list; None for row numbers.
        name: The source, for messages.
        strict: Whether such a row is an error.

    Raises:
        DataError: A row cannot be used and `strict`, or no row can be used.

    Warns:
        DataWarning: Some rows are left out.
    """
    good = np.ones(count, bool)
    if not bad:
        return good
    good[list(bad)] = False
    first = min(bad)
    where = f"row {first}" if ids is None else f"{ids[first]}"
    told = f"{where}: {bad[first]}"
    if strict:
        raise DataError(f"{name}: {told} (--strict)")
    if not good.any():
        raise DataError(f"{name}: {told}; none of {count} rows can be used")
    message = f"{name}: {len(bad)} of {count} rows cannot be used and are left out; {told}"
    warnings.warn(message, DataWarning, stacklevel=3)
    return good


def replace_bad_rows(x: Any) -> tuple[Any, dict[int, str]]:
    """Return an array with a good row in place of each row that is not finite in float32.

    Args:
        x: `(n, ...)` rows of any type.

    Returns:
        The array, and why a row cannot be used, by its number; the array as it is and {} where no
        row, or every row, is finite.
    """
    x = np.asarray(x)
    if x.dtype.kind != "f" or x.ndim < 2 or 0 in x.shape:
        return x, {}
    if x.min() >= -MAX_FLOAT32 and x.max() <= MAX_FLOAT32:  # without a copy of the size of x
        return x, {}
    flat = x.reshape(len(x), -1)
    wrong = ~(np.abs(flat) <= MAX_FLOAT32)
    good = ~wrong.any(axis=1)
    if not good.any():
        return x, {}
    reasons = {}
    for row in np.flatnonzero(~good).tolist():
        first = int(np.argmax(wrong[row]))
        place = np.unravel_index(first, x.shape[1:])
        where = ", ".join(str(int(i)) for i in place)
        reasons[row] = f"holds {flat[row, first]!s} at position ({where})"
    x = x.copy()
    x[~good] = x[np.argmax(good)]
    return x, reasons
