"""The columns of a data frame: labels, ids and those that a detector takes."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxad.data.tables.arrow import as_table, is_frame
from jaxad.data.tables.roles import LAST, find_label_like
from jaxad.errors import ConfigError, DataError, DataWarning

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NO_LABEL", "Selection", "make_index", "select_known", "select_training"]

NO_LABEL = "none"  # as the name of the label column: no column holds labels


class Selection(NamedTuple):
    """The rows of a table without its labels and ids.

    Attributes:
        rows: An array, or a frame with the columns that the detector takes.
        y: The labels; None if there are none.
    """

    rows: Any
    y: Any


def select_training(x: Any, y: Any, label: str | None, id: str | None) -> Selection:
    """Return the columns to train on, and the labels.

    Args:
        x: An array or a data frame.
        y: The labels; None if they are a column of x, or there are none.
        label: The name of that column, or `NO_LABEL`.
        id: The name of the column of ids.

    Raises:
        ConfigError: Labels are given twice, or columns are named and x is an array.
        DataError: A column is not in x, equals y, or appears to hold labels.
    """
    _refuse_tables(x)
    named = [name for name in (label, id) if name not in (None, NO_LABEL)]
    if not is_frame(x):
        if named:
            raise ConfigError(
                f"label and id name columns of a data frame; given {named[0]!r}, and X is "
                f"{type(x).__name__}"
            )
        return Selection(x, y)
    names = [str(name) for name in x.columns]
    for name in named:
        if name not in names:
            raise DataError(f"X has no column {name!r}; its columns are {_join(names)}")
    if label not in (None, NO_LABEL):
        if y is not None:
            raise ConfigError(f"label={label!r} names a column of X, and y is given; leave one out")
        return Selection(_drop(x, named), x[_find(x, label)])
    rows = _drop(x, named)
    if y is not None:
        _refuse_copy_of_labels(rows, y)
    if label is None:
        _refuse_label_column(rows, y is not None)
    return Selection(rows, y)


def select_known(
    x: Any,
    y: Any,
    label: str | None,
    id: str | None,
    names: Sequence[str] | None,
    strict: bool,
) -> Selection:
    """Return the columns that a fitted detector takes, and the labels if there are any.

    Args:
        x: An array or a data frame.
        y: The labels; None if they are a column of x, or there are none.
        label: The name of that column, which x may lack.
        id: The name of the column of ids, which x may lack.
        names: The columns of training; None where they have no names.
        strict: Whether further columns are an error; else they are ignored with a warning.

    Raises:
        DataError: Further columns, with `strict`.
    """
    _refuse_tables(x)
    if not is_frame(x):
        return Selection(x, y)
    given = [str(name) for name in x.columns]
    known = set(names if names is not None else given)
    own = [name for name in (label, id) if name in given and (names is None or name not in known)]
    if y is None and label in own:
        y = x[_find(x, label)]
    rows = _drop(x, own)
    further = [name for name in given if name not in known and name not in own]
    if further and known <= set(given):  # else scikit-learn's message names both kinds
        text = f"X has columns that training did not have: {_join(further)}"
        if strict:
            raise DataError(f"{text}; drop them, or set strict=False to ignore them")
        warnings.warn(f"{text}; they are ignored", DataWarning, stacklevel=4)
        rows = _drop(rows, further)
    return Selection(rows, y)


def _refuse_tables(x: Any) -> None:
    """Raise a `DataError` for tables that are not data frames."""
    cure = {"LazyFrame": "X.collect()", "Table": "X.to_pandas()"}.get(type(x).__name__)
    if cure is not None and (hasattr(x, "collect") or hasattr(x, "to_pandas")):
        raise DataError(
            f"X is a {type(x).__name__}; give a data frame of pandas or polars, such as {cure}"
        )


def make_index(x: Any, id: str | None) -> "pd.Index":
    """Return the index of outputs: the column of ids, else the frame's index, else row numbers."""
    import pandas as pd

    if is_frame(x) and id in [str(name) for name in x.columns]:
        return pd.Index(np.asarray(x[_find(x, id)]), name=id)
    if isinstance(x, pd.DataFrame):
        return x.index
    return pd.RangeIndex(len(x) if hasattr(x, "__len__") else x.shape[0])


def _find(x: Any, name: str | None) -> Any:
    """Return the name of a column as the frame has it."""
    return next(column for column in x.columns if str(column) == name)


def _drop(x: Any, names: Sequence[str | None]) -> Any:
    """Return a frame of pandas or polars without some columns."""
    if not names:
        return x
    kept = [i for i, column in enumerate(x.columns) if str(column) not in names]
    return x.iloc[:, kept] if hasattr(x, "iloc") else x[[x.columns[i] for i in kept]]


def _refuse_label_column(x: Any, labelled: bool) -> None:
    """Raise a `DataError` if a column looks like a label: by its name, or as the last one.

    Where there are labels beside, such a name is a warning only.
    """
    import pyarrow as pa

    places = {str(name).strip(): i for i, name in enumerate(x.columns)}

    def read(name: str) -> Any:
        i = places[name]
        try:
            return as_table(x.iloc[:, [i]] if hasattr(x, "iloc") else x[[x.columns[i]]]).column(0)
        except DataError:  # values that no label has; the encoding refuses them
            return pa.chunked_array([[]])

    found = find_label_like(tuple(places), read)
    if found is None:
        return
    name = str(x.columns[places[found[0]]])
    text = f"column {name!r} of X holds only {found[1]}, and {found[2]}"
    if not labelled:
        raise DataError(
            f"{text}. Say whether it is the label with the parameter label: label={name!r} if it "
            "is, label='none' if it is a feature"
        )
    if found[2] != LAST:
        warnings.warn(
            f"{text}. The detector is trained on it: drop it from X if it is a label, else set "
            "label='none'",
            DataWarning,
            stacklevel=4,
        )


def _refuse_copy_of_labels(x: Any, y: Any) -> None:
    """Raise a `DataError` if a column is equal to y."""
    labels = np.asarray(y).ravel()
    if len(labels) != len(x) or len(set(labels[:1000].tolist())) < 2:
        return
    for i, name in enumerate(x.columns):
        if np.array_equal(np.asarray(_column(x, i)), labels):
            raise DataError(
                f"column {str(name)!r} of X is equal to y: the detector would be trained on the "
                "labels. Drop it from X"
            )


def _column(x: Any, place: int) -> Any:
    return x.iloc[:, place] if hasattr(x, "iloc") else x[x.columns[place]]


def _join(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(map(repr, names[:8])) + more
