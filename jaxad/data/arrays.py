"""Validation and conversion of arrays: rows, labels, masks and training data."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int, Int32, Num, UInt8

from jaxad.data.text.vocabulary import Vocabulary
from jaxad.errors import DataError
from jaxad.types import TrainData

__all__ = ["as_masks", "as_train_data"]

MAX_FLOAT32 = float(np.finfo(np.float32).max)


def as_rows(x: Any, what: str = "x", *, at_least: int = 2) -> Num[np.ndarray, "n *shape"]:
    """Check rows and convert them to a supported type.

    Images of type uint8 keep it, and images `(n, height, width)` get a channel axis:
    `(n, height, width, 1)`. A table of uint8 becomes float32. Other integers become float64, which
    represents them exactly until they are scaled.

    Args:
        x: `(n, d)` table, `(n, time, channels)` windows or `(n, height, width[, channels])`
            images; an array or a data frame.
        what: The name of `x` in errors.
        at_least: The smallest number of rows that is allowed.

    Returns:
        `(n, ...)` rows; float32, float64, or uint8 with four axes.

    Raises:
        DataError: Fewer than two axes, too few rows, no columns, a column that is not numeric, or
            a number that is not finite in float32.
    """
    names = [str(name) for name in getattr(x, "columns", ())]
    x = np.asarray(x)
    if x.dtype.kind not in "buif":
        x = _parse_numbers(x, what, names)
    if x.ndim < 2:
        raise DataError(
            f"{what} has shape {x.shape}; give one row for each example: (n, d) for a table, "
            "(n, height, width, channels) for images"
        )
    if len(x) < at_least or 0 in x.shape:
        raise DataError(
            f"{what} has shape {x.shape}; it must have at least {at_least} rows and no empty axis"
        )
    if x.dtype == np.uint8 and x.ndim > 2:
        return x[..., None] if x.ndim == 3 else x
    if x.dtype not in (np.float32, np.float64):
        small = x.dtype in (np.uint8, np.int8, np.bool_, np.float16)
        x = x.astype(np.float32 if small else np.float64)
    _check_finite(x, what, names)
    return x


def as_documents(x: Any, words: int, length: int, what: str = "x") -> Int32[np.ndarray, "n length"]:
    """Check encoded documents and convert them to int32.

    Args:
        x: `(n, length)` word numbers in `0..words`; 0 is padding.
        words: The number of words in the vocabulary.
        length: The length of documents.
        what: The name of `x` in errors.

    Raises:
        DataError: Values that are not integers, a number out of range, or another shape.
    """
    x = np.asarray(x)
    if x.dtype.kind not in "iu" or x.ndim != 2 or x.shape[1] != length:
        raise DataError(
            f"{what} must be integer word numbers of shape (n, {length}); given {x.dtype} of shape "
            f"{x.shape}"
        )
    if x.size and not 0 <= x.min() <= x.max() <= words:
        raise DataError(
            f"{what} holds word numbers from {x.min()} to {x.max()}; the vocabulary allows "
            f"0..{words}"
        )
    return x.astype(np.int32, copy=False)


def as_label_column(y: Any, what: str = "y") -> tuple[Int[np.ndarray, "n"], tuple[str, ...]]:
    """Convert labels to class numbers, and to class names if they are strings.

    Args:
        y: `(n,)` integers, booleans or strings; strings are numbered in sorted order.
        what: The name of `y` in errors.

    Returns:
        `(n,)` int64 class numbers, and the names of classes 0, 1, ..., or () for numbers.

    Raises:
        DataError: Not one axis, a missing label, or a number that is not an integer.
    """
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise DataError(f"{what} has shape {y.shape}; give one label for each row: (n,)")
    if y.dtype.kind in "OUST":
        return _number_names(y, what)
    if y.dtype.kind not in "buif":
        raise DataError(f"{what} is of type {y.dtype}; give integers, booleans or strings")
    if y.dtype.kind == "f":
        missing = int(np.count_nonzero(~np.isfinite(y)))
        if missing:
            row = int(np.argmin(np.isfinite(y)))
            raise DataError(f"{what} has {missing} missing labels, the first in row {row}")
        whole = y == np.floor(y)
        if not whole.all():
            row = int(np.argmin(whole))
            raise DataError(
                f"{what} holds {y[row]!s} in row {row}; labels must be integers or strings. If "
                "this is not the label column, name the label column with label="
            )
    return y.astype(np.int64), ()


def as_masks(
    mask: Any, x: Num[np.ndarray, "n *shape"], what: str = "mask"
) -> UInt8[np.ndarray, "n height width"]:
    """Check the pixel masks of images and convert them to uint8.

    Args:
        mask: `(n, height, width)` or `(n, height, width, 1)`; booleans, or numbers that are 0 and
            1, or 0 and 255 as in image files.
        x: `(n, height, width, channels)` the images.
        what: The name of `mask` in errors.

    Returns:
        `(n, height, width)` 1 where a pixel is anomalous, else 0.

    Raises:
        DataError: The rows are not images, another shape, or other values.
    """
    mask = np.asarray(mask)
    if x.ndim != 4:
        raise DataError(
            f"{what} marks anomalous pixels and needs images (height, width, channels); given "
            f"rows of shape {x.shape[1:]}"
        )
    if mask.ndim == 4 and mask.shape[-1] == 1:
        mask = mask[..., 0]
    if mask.shape != x.shape[:3]:
        raise DataError(
            f"{what} has shape {mask.shape}; images of shape {x.shape} need {x.shape[:3]}, one "
            "number for each pixel"
        )
    if mask.dtype.kind not in "buif":
        raise DataError(f"{what} is of type {mask.dtype}; give 0 and 1")
    found = set(np.unique(mask).tolist())
    if not (found <= {0, 1} or found <= {0, 255}):
        wrong = sorted(found - {0, 1})[0]
        raise DataError(f"{what} holds {wrong}; give 0 (normal) and 1 (anomalous), or 0 and 255")
    return (mask > 0).astype(np.uint8)


def as_train_data(
    x: Any, label: Any = None, mask: Any = None, vocabulary: Vocabulary | None = None
) -> TrainData:
    """Convert rows and labels of your own to training data, without scaling.

    Args:
        x: `(n, d)` table, `(n, time, channels)` windows, or `(n, height, width[, channels])`
            images; uint8 images stay uint8, everything else becomes float32. With a vocabulary:
            texts, or `(n, length)` word numbers.
        label: `(n,)` of -1 labelled anomaly, 0 unlabelled, +1 labelled normal. Default: all rows
            are unlabelled.
        mask: `(n, height, width)` for images: 1 where a pixel is anomalous, else 0. Only the masks
            of labelled anomalies are kept, as training must not know the others.
        vocabulary: The vocabulary of texts, from `build_vocabulary` or a text data set.

    Returns:
        Training data without padding.

    Raises:
        DataError: Rows that are not finite or fewer than two, labels other than -1, 0 and 1, or a
            mask of another shape than the images.

    Example:
        >>> as_train_data([[0.0, 1.0], [2.0, 3.0]], [0, -1]).label
        array([ 0, -1], dtype=int8)
    """
    if vocabulary is not None:
        if len(x) and isinstance(x[0], str):
            x = vocabulary.encode(x)
        rows = as_documents(x, len(vocabulary.words), vocabulary.length)
    else:
        rows = as_rows(x)
    if rows.dtype == np.float64:
        rows = rows.astype(np.float32)
    if label is None:
        label = np.zeros(len(rows), np.int8)
    label = np.asarray(label)
    if label.shape != (len(rows),):
        raise DataError(
            f"label has shape {label.shape}, but x has {len(rows)} rows; give one label for each "
            "row"
        )
    wrong = [value for value in np.unique(label).tolist() if value not in (-1, 0, 1)]
    if wrong:
        raise DataError(
            f"label holds {wrong[0]!r}; allowed are -1 (labelled anomaly), 0 (unlabelled) and "
            "1 (labelled normal)"
        )
    if mask is not None:
        mask = as_masks(mask, rows) * (label < 0)[:, None, None].astype(np.uint8)
    return TrainData(
        x=rows,
        label=label.astype(np.int8),
        count=np.asarray(len(rows), np.int32),
        features=np.asarray(rows.shape[-1], np.int32),
        mask=mask,
        vocabulary=vocabulary,
    )


def _name_column(names: Sequence[str], index: int) -> str:
    """Return a column's name for errors, or its number if columns have no names."""
    return repr(names[index]) if index < len(names) else str(index)


def _parse_numbers(x: np.ndarray, what: str, names: Sequence[str]) -> np.ndarray:
    """Convert an array of objects or strings to float64.

    Raises:
        DataError: A value is not a number; the message names the first one and its column.
    """
    if x.dtype.kind in "OUST":
        try:
            return x.astype(np.float64)
        except (TypeError, ValueError):
            pass
        for index in range(x.shape[1] if x.ndim == 2 else 0):
            for row, value in enumerate(x[:, index]):
                if not _is_number(value):
                    raise DataError(
                        f"{what} holds {str(value)!r} in row {row} of column "
                        f"{_name_column(names, index)}; features must be numbers: encode this "
                        "column, or drop it"
                    )
    raise DataError(f"{what} is of type {x.dtype} with shape {x.shape}; features must be numbers")


def _is_number(value: Any) -> bool:
    """Return whether a value can be read as a number."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _check_finite(x: np.ndarray, what: str, names: Sequence[str]) -> None:
    """Raise if a value is missing, infinite, or too large for float32."""
    # min and max need no temporary array of the size of x, and both propagate NaN.
    if x.min() >= -MAX_FLOAT32 and x.max() <= MAX_FLOAT32:
        return
    bad = ~(np.abs(x) <= MAX_FLOAT32)
    place = tuple(int(i) for i in np.argwhere(bad)[0])
    where = f"row {place[0]}, column {_name_column(names, place[1])}"
    if x.ndim > 2:
        where = f"row {place[0]}, position {place[1:]}"
    raise DataError(
        f"{what} has {int(bad.sum())} values that are missing (NaN), infinite or too large for "
        f"float32, the first in {where}: {x[place]!s}. Impute them, or drop these rows"
    )


def _number_names(y: np.ndarray, what: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the class numbers and the class names of a column of strings."""
    missing = [row for row, value in enumerate(y) if value is None or value != value]
    if missing:
        raise DataError(f"{what} has {len(missing)} missing labels, the first in row {missing[0]}")
    if all(isinstance(value, int | float | np.number | np.bool_) for value in y):
        try:
            return as_label_column(y.astype(np.float64), what)
        except OverflowError:
            raise DataError(f"{what} has a label of more than 300 digits") from None
    words = [
        value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in y
    ]
    names = sorted(set(words))
    number = {name: i for i, name in enumerate(names)}
    return np.array([number[word] for word in words], np.int64), tuple(names)
