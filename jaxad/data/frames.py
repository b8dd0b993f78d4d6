"""Encoding of data frames as numbers, by scikit-learn's transformers and without pickle.

Numeric columns: missing values become the median of the training rows, and a column with missing
values in training gets an indicator column (`SimpleImputer`). Categorical columns: one column of 0
and 1 for each of the most frequent categories in training (`OneHotEncoder`); a missing value is the
category "missing", and a category that is rare or not in training is 0 in all of them. Columns of
other kinds are refused.
"""

import numbers
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxad.data.arrays import MAX_FLOAT32
from jaxad.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.compose import ColumnTransformer

__all__ = ["Column", "Encoding", "as_frame", "describe_columns", "fit_encoding", "is_frame"]

MISSING = "missing"


class Column(NamedTuple):
    """The description of a column of the training rows, from which it can be encoded.

    Attributes:
        name: The name of the column.
        kind: "number" or "category".
        median: The median of the numbers; 0 if there are none.
        missing: Whether a number was missing.
        categories: The most frequent categories, sorted.
    """

    name: str
    kind: Literal["number", "category"]
    median: float = 0.0
    missing: bool = False
    categories: tuple[str, ...] = ()


class Encoding(NamedTuple):
    """A fitted encoding.

    Attributes:
        columns: The description of each column.
        transformer: The scikit-learn transformer.
    """

    columns: tuple[Column, ...]
    transformer: "ColumnTransformer"

    @classmethod
    def from_columns(cls, columns: tuple[Column, ...]) -> "Encoding":
        """Return the encoding of columns by their descriptions.

        It is fitted to two rows with the same medians and the same missing values.
        """
        import pandas as pd

        rows: dict[str, list] = {}
        for c in columns:
            gap = np.nan if c.missing else c.median
            rows[c.name] = [c.median, gap] if c.kind == "number" else [c.categories[0]] * 2
        return cls(columns, _transformer(columns).fit(pd.DataFrame(rows)))

    @property
    def names(self) -> list[str]:
        """The names of the encoded columns."""
        return [str(name) for name in self.transformer.get_feature_names_out()]

    def apply(self, frame: "pd.DataFrame") -> Float[np.ndarray, "n d"]:
        """Encode a frame with the columns of training.

        Raises:
            DataError: Strings in a numeric column, or a number that is not finite in float32.
        """
        return np.asarray(self.transformer.transform(_clean(frame, self.columns)), np.float64)


def is_frame(x: Any) -> bool:
    """Return whether an object is a data frame of pandas or polars."""
    return hasattr(x, "columns") and (hasattr(x, "iloc") or hasattr(x, "to_pandas"))


def as_frame(x: Any) -> "pd.DataFrame":
    """Return a pandas frame with strings for names.

    Raises:
        DataError: No rows or columns, or two columns with the same name.
    """
    import pandas as pd

    frame = x if isinstance(x, pd.DataFrame) else x.to_pandas()
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    if 0 in frame.shape:
        raise DataError(
            f"X has {frame.shape[0]} rows and {frame.shape[1]} columns; give at least one of each"
        )
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"X has more than one column named {twice!r}; names must be unique")
    return frame.reset_index(drop=True)


def fit_encoding(frame: "pd.DataFrame", most: int) -> Encoding:
    """Fit an encoding to training rows.

    Args:
        frame: A frame as `as_frame` returns it.
        most: The largest number of categories of a column that are encoded.

    Raises:
        DataError: A column of dates, lists or other values that are neither numbers nor categories,
            or a number that is infinite or too large for float32.
    """
    columns = describe_columns(frame, most)
    return Encoding(columns, _transformer(columns).fit(_clean(frame, columns)))


def describe_columns(frame: "pd.DataFrame", most: int) -> tuple[Column, ...]:
    """Return the description of each column of training rows."""
    found = []
    for name in frame.columns:
        series = _column_of(frame, name)
        if _is_number(series):
            values = _numbers(series, name)
            gaps = np.isnan(values)
            median = 0.0 if gaps.all() else float(np.median(values[~gaps]))
            found.append(Column(name, "number", median, bool(gaps.any())))
        else:
            words, counts = np.unique(_words(series, name).astype(str), return_counts=True)
            frequent = words[np.argsort(-counts, kind="stable")[:most]]
            kept = tuple(sorted(str(word) for word in frequent))
            found.append(Column(name, "category", categories=kept))
    return tuple(found)


def _transformer(columns: tuple[Column, ...]) -> "ColumnTransformer":
    """Return the scikit-learn transformer of columns, not fitted."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder

    known = {kind: [c for c in columns if c.kind == kind] for kind in ("number", "category")}
    impute = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    categories: Any = [np.array(c.categories, object) for c in known["category"]]
    encode = OneHotEncoder(categories=categories, handle_unknown="ignore", sparse_output=False)
    parts = [("number", impute), ("category", encode)]
    return ColumnTransformer(
        [(kind, part, [c.name for c in known[kind]]) for kind, part in parts if known[kind]],
        sparse_threshold=0,
        verbose_feature_names_out=False,
    )


def _clean(frame: "pd.DataFrame", columns: tuple[Column, ...]) -> "pd.DataFrame":
    """Return the frame with columns of float64 and of strings only."""
    import pandas as pd

    clean = {
        c.name: (_numbers if c.kind == "number" else _words)(_column_of(frame, c.name), c.name)
        for c in columns
    }
    # One block, and strings as objects in all versions of pandas.
    return pd.DataFrame({k: pd.Series(v, dtype=v.dtype) for k, v in clean.items()}, copy=False)


def _column_of(frame: "pd.DataFrame", name: str) -> Any:
    return frame[name]


def _is_number(series: "pd.Series") -> bool:
    """Return whether a column is numeric, by its dtype or by all of its values."""
    from pandas.api import types

    dtype = series.dtype
    if types.is_complex_dtype(dtype):
        raise DataError(f"column {series.name!r} holds complex numbers; give real numbers")
    if types.is_numeric_dtype(dtype) or types.is_bool_dtype(dtype):
        return True
    if isinstance(dtype, types.CategoricalDtype) or dtype.kind != "O":
        return False
    values = series[series.notna()]
    return all(isinstance(v, numbers.Real) or type(v).__name__ == "Decimal" for v in values)


def _numbers(series: "pd.Series", name: str) -> np.ndarray:
    """Return a column as float64, NaN where a number is missing.

    Raises:
        DataError: A value that is not a number, or one that is not finite in float32.
    """
    import pandas as pd

    try:
        values = series.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError, OverflowError):
        as_objects = series.astype(object)
        values = np.asarray(pd.to_numeric(as_objects, errors="coerce"), np.float64)
        wrong = np.isnan(values) & series.notna().to_numpy()
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(
                f"column {name!r} holds {as_objects[row]!r} in row {row}; it was numeric in "
                "training: give numbers, or leave the value missing"
            ) from None
    with np.errstate(invalid="ignore"):
        wrong = np.abs(values) > MAX_FLOAT32
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"column {name!r} holds {values[row]} in row {row}; numbers must be finite in float32"
        )
    return values


def _words(series: "pd.Series", name: str) -> np.ndarray:
    """Return a column as strings, `MISSING` where there is no value.

    Raises:
        DataError: Dates, lists or other values that are not categories.
    """
    values = series.astype(object).to_numpy()
    gaps = series.isna().to_numpy()
    kinds = str | bytes | bool | numbers.Real
    for row, value in enumerate(values):
        if not gaps[row] and not isinstance(value, kinds):
            raise DataError(
                f"column {name!r} holds {type(value).__name__} in row {row}; columns must be "
                "numeric or categorical: convert it to numbers, or drop it"
            )
    words = [
        MISSING if gap else v.decode(errors="replace") if isinstance(v, bytes) else str(v)
        for v, gap in zip(values, gaps, strict=True)
    ]
    return np.array(words, object)
