"""The rows of a table as numbers, and the part of them that is kept as a reference."""

from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from jaxtyping import Bool, Float, Int8

from jaxad.data.arrays import as_rows
from jaxad.data.rng import Stream
from jaxad.data.scaling import fit_scaling
from jaxad.data.tables.arrow import as_table, is_frame
from jaxad.data.tables.encoding import fit_encoding
from jaxad.data.tables.events import RARE_VALUE, UNSEEN
from jaxad.errors import DataError, DataWarning

__all__ = ["check_unlabelled", "count_rows", "draw_reference", "read_numbers", "select_rows"]


_LEAST = 8  # examples without a label


def count_rows(x: Any) -> int:
    """Return the number of rows of an array or a data frame.

    Raises:
        DataError: It is not one with two axes.
    """
    shape = getattr(x, "shape", np.shape(x))
    if len(shape) != 2:
        raise DataError(f"X has shape {tuple(shape)}; give a table (n, d), an array or a frame")
    return int(shape[0])


def check_unlabelled(label: Int8[np.ndarray, "n"], noun: str, what: str = "X") -> None:
    """Raise a `DataError` if fewer than eight examples have no label.

    Args:
        label: The training labels; 0 means unlabelled.
        noun: The plural of an example.
        what: The name of the examples in errors.
    """
    count = int((label == 0).sum())
    if count < _LEAST:
        raise DataError(
            f"{what} has {count} {noun} without a label; cleaning needs at least {_LEAST}. Leave "
            f"more {noun} unlabelled"
        )


def select_rows(x: Any, where: np.ndarray) -> Any:
    """Return some rows of an array or a data frame."""
    if hasattr(x, "iloc"):
        return x.iloc[np.flatnonzero(where) if where.dtype == bool else where]
    if is_frame(x):  # polars
        return x[np.flatnonzero(where) if where.dtype == bool else where]
    return np.asarray(x)[where]


def draw_reference(
    open_rows: Bool[np.ndarray, "n"], share: float, seed: int
) -> Bool[np.ndarray, "n"]:
    """Draw the rows that are kept out of training at random.

    Args:
        open_rows: The rows that may be drawn: those without a label.
        share: Their share.
        seed: The seed.

    Returns:
        `(n,)` whether a row is one of them.
    """
    rows = np.flatnonzero(open_rows)
    order = Stream(seed).permutation(0, len(rows))
    out = np.zeros(len(open_rows), bool)
    out[rows[order[: round(share * len(rows))]]] = True
    return out


def read_numbers(x: Any, fitted: Bool[np.ndarray, "n"]) -> Float[np.ndarray, "n k"]:
    """Return rows as numbers; encoding and scaling are fitted to some of them.

    A frame has one column more, which makes rows outlying whose events the other columns do not
    show, such as the first gap of a column: minus the logarithm of the frequency of the rarest one,
    0 in rows without. Unseen and rare categories do not count, since they have a column, "other".

    Args:
        x: `(n, d)` rows, an array of numbers or a data frame.
        fitted: The rows that they are fitted to.

    Raises:
        DataError: The rows cannot be used.
    """
    if is_frame(x):
        table = as_table(x)
        fit_encoding(table)  # for its errors and warnings, with the numbers of rows of the table
        with catch_warnings():
            simplefilter("ignore", DataWarning)
            numbers, events = fit_encoding(table.filter(fitted)).apply(table)
        hidden = ~np.isin(events.kind, [RARE_VALUE, UNSEEN])
        rarity = np.zeros(len(numbers))
        np.maximum.at(rarity, events.row[hidden], -np.log(events.frequency[hidden]))
        numbers = np.column_stack([numbers, rarity])
    else:
        numbers = as_rows(x, "X")
    scaling = fit_scaling(numbers[fitted], "auto")
    return np.asarray(scaling.apply(numbers), np.float64)
