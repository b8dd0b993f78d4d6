"""Columns of Arrow tables in few types, and frames, arrays and matrices as such tables."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxad.data.tables.labels import as_text
from jaxad.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "as_table",
    "check_names",
    "check_types",
    "is_frame",
    "load_compute",
    "unify_columns",
]


def is_frame(x: Any) -> bool:
    """Return whether an object is a data frame of pandas or polars."""
    return hasattr(x, "columns") and (hasattr(x, "iloc") or hasattr(x, "to_pandas"))


def as_table(x: Any, missing: tuple[str, ...] = (), what: str = "X") -> "pa.Table":
    """Return a frame, an array or a matrix as an Arrow table whose columns are of few types.

    Args:
        x: A data frame of pandas or polars, whose index is left out; an Arrow table; a matrix
            `(n, d)`: an array, a masked array or a sparse matrix, whose columns are named 0, 1, ...
        missing: Texts that mean a missing value.
        what: The name of `x` in errors.

    Returns:
        A table of the types that `unify_columns` lists.

    Raises:
        DataError: Not two axes, no column, a name that `check_names` refuses, or a column of values
            that are neither numbers, strings, booleans nor dates.
    """
    import pyarrow as pa

    if hasattr(x, "column_names") or hasattr(x, "columns"):
        check_names(_read_names(x), what)  # before polars and Arrow convert them
    if isinstance(x, pa.Table):
        table = x
    elif hasattr(x, "columns") and hasattr(x, "iloc"):
        table = _read_pandas(x, what)
    elif hasattr(x, "columns") and hasattr(x, "to_arrow"):  # polars
        table = _read_polars(x, what)
    else:
        table = _read_matrix(x, what)
    table = table.rename_columns([name.strip() for name in table.column_names])
    check_types(table.schema, table.column_names, what)
    return unify_columns(table, missing)


def load_compute() -> Any:
    """Return Arrow's module of functions on columns, most of which are made when it is imported."""
    import pyarrow.compute

    return pyarrow.compute


def check_names(names: list[str] | tuple[str, ...], what: str) -> None:
    """Raise a `DataError` if there are no columns, two of the same name, or one of no valid name.

    A name is not valid if it holds a NUL character or half of a surrogate pair: not every format
    and library can keep such a name.
    """
    if not names:
        raise DataError(f"{what}: has no columns; give at least one")
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(f"{what}: has more than one column {name!r}; names must be unique")
        if "\0" in name or any("\ud800" <= letter <= "\udfff" for letter in name):
            told = "NUL character" if "\0" in name else "surrogate, which is not valid Unicode"
            raise DataError(f"{what}: the name of column {name!r} holds a {told}; rename it")


def _read_names(x: Any) -> list[str]:
    """Return the names of the columns of a frame or an Arrow table, without blanks around them."""
    names = x.column_names if hasattr(x, "column_names") else x.columns
    return [str(name).strip() for name in names]


def check_types(schema: "pa.Schema", names: Any, what: str) -> None:
    """Raise a `DataError` that names the first column of values that cannot be used."""
    from pyarrow import types

    usable = (
        *(types.is_boolean, types.is_integer, types.is_floating, types.is_decimal, types.is_null),
        *(types.is_string, types.is_large_string, types.is_string_view),
        *(types.is_binary, types.is_large_binary, types.is_binary_view),
        *(types.is_fixed_size_binary, types.is_date, types.is_timestamp, types.is_time),
        types.is_duration,
    )
    for name in names:
        kind = schema.field(name).type
        kind = kind.value_type if types.is_dictionary(kind) else kind
        if not any(fits(kind) for fits in usable):
            raise DataError(
                f"{what}: column {name!r} is of type {kind}; columns must hold numbers, strings, "
                "booleans or dates. Convert it, or leave it out (drop, --drop)"
            )


def unify_columns(table: "pa.Table", missing: tuple[str, ...] = ()) -> "pa.Table":
    """Return the same columns in few types, with null for every missing value.

    Strings lose blanks around them. Empty strings, NaN and the values of `missing` become null.
    Categoricals become dictionaries of strings, decimals float64, bytes strings. Whole numbers,
    floating-point numbers, booleans, dates and times keep their types.
    """
    import pyarrow as pa

    columns = [_unify(column, missing) for column in table.columns]
    return pa.table(dict(zip(table.column_names, columns, strict=True)))


def _unify(column: "pa.ChunkedArray", missing: tuple[str, ...]) -> "pa.ChunkedArray":
    import pyarrow as pa

    pc = load_compute()
    from pyarrow import types

    kind = column.type
    if types.is_dictionary(kind):
        return _unify_categories(column, missing)
    if types.is_null(kind):
        return column.cast(pa.string())
    if types.is_decimal(kind) or types.is_float16(kind):
        column = column.cast(pa.float64())
    elif any(f(kind) for f in (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)):
        column = _decode(column)
    elif types.is_binary_view(kind):
        column = _decode(column.cast(pa.binary()))
    elif types.is_large_string(kind) or types.is_string_view(kind):
        column = column.cast(pa.string())
    if types.is_string(column.type):
        column = pc.utf8_trim_whitespace(column)
        return _empty(column, pc.is_in(column, pa.array(["", *_spell(column, missing)])))
    if types.is_floating(column.type):
        gaps = pc.is_nan(column)
        column = _empty(column, gaps) if pc.any(gaps).as_py() else column
    if missing and (types.is_floating(column.type) or types.is_integer(column.type)):
        numbers = [float(text) for text in map(as_text, missing) if text and _is_number(text)]
        column = _empty(
            column, pc.is_in(column.cast(pa.float64()), pa.array(numbers, pa.float64()))
        )
    return column


def _spell(column: "pa.ChunkedArray", missing: tuple[str, ...]) -> set[str]:
    """Return the texts of missing values, numbers as the column spells them: -999 and -999.0."""
    pc = load_compute()

    texts = {text.strip() for text in missing}
    for text in filter(_is_number, texts.copy()):
        alike = column.filter(pc.starts_with(column, text)).unique().to_pylist()
        texts |= {other for other in alike if as_text(other) == as_text(text)}
    return texts


def _empty(column: "pa.ChunkedArray", where: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Return a column with null where `where` is true."""
    import pyarrow as pa

    pc = load_compute()

    return pc.if_else(where, pa.scalar(None, column.type), column)


def _unify_categories(column: "pa.ChunkedArray", missing: tuple[str, ...]) -> "pa.ChunkedArray":
    """Return a categorical column as a dictionary of strings."""
    import pyarrow as pa

    chunks = []
    for chunk in column.chunks:
        texts = pa.array([as_text(value) for value in chunk.dictionary.to_pylist()], pa.string())
        chunks.append(texts.take(chunk.indices))
    return _unify(pa.chunked_array(chunks, pa.string()), missing).dictionary_encode()


def _decode(column: "pa.ChunkedArray") -> "pa.ChunkedArray":
    """Return a column of bytes as strings; bytes that are not UTF-8 are replaced."""
    import pyarrow as pa

    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        words = [v if v is None else v.decode(errors="replace") for v in column.to_pylist()]
        return pa.chunked_array([pa.array(words, pa.string())])


def _read_polars(frame: Any, what: str) -> "pa.Table":
    """Return a frame of polars as an Arrow table.

    Raises:
        DataError: A column of Python's objects, which polars would hand over as addresses, or of
            another type that Arrow does not know.
    """
    import pyarrow as pa

    columns = []
    for series in frame.get_columns():
        try:
            if str(series.dtype) == "Object":
                raise pa.ArrowInvalid
            column = series.to_arrow()
        except pa.ArrowException:
            raise DataError(
                f"{what}: column {series.name!r} is of type {series.dtype}; columns must hold "
                "numbers, strings, booleans or dates. Convert it, or leave it out (drop, --drop)"
            ) from None
        columns.append(_as_chunks(column))
    return pa.table(columns, names=list(frame.columns))


def _read_pandas(frame: Any, what: str) -> "pa.Table":
    import pyarrow as pa

    columns = []
    for place in range(frame.shape[1]):
        series = frame.iloc[:, place]
        if hasattr(series.dtype, "fill_value"):  # sparse
            series = series.sparse.to_dense()
        try:
            column = pa.Array.from_pandas(series)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            column = pa.array(_read_objects(series, what), pa.string())
        columns.append(column)
    names = [str(name) for name in frame.columns]
    return pa.table([_as_chunks(column) for column in columns], names=names)


def _as_chunks(column: Any) -> Any:
    import pyarrow as pa

    return column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])


def _read_objects(series: Any, what: str) -> list[str | None]:
    """Return values of several kinds as texts.

    Raises:
        DataError: A value that is neither a number, a string, a boolean nor a date.
    """
    import datetime
    import numbers

    kinds = (str, bytes, bool, np.bool_, numbers.Real, datetime.date, datetime.time)
    texts = []
    for row, (value, gap) in enumerate(zip(series, series.isna(), strict=True)):
        if not gap and not isinstance(value, kinds) and type(value).__name__ != "Decimal":
            raise DataError(
                f"{what}: column {series.name!r} holds {type(value).__name__} in row {row}; "
                "columns must hold numbers, strings, booleans or dates"
            )
        texts.append(None if gap else _replace_surrogates(as_text(value)))
    return texts


def _replace_surrogates(text: str | None) -> str | None:
    """Return a text that UTF-8 can hold: lone surrogates become the replacement character."""
    if text is None:
        return None
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _read_matrix(x: Any, what: str) -> "pa.Table":
    import pandas as pd
    import pyarrow as pa

    if hasattr(x, "tocsc") and hasattr(x, "toarray"):  # a sparse matrix
        x = x.toarray()
    gaps = np.ma.getmaskarray(x) if np.ma.isMaskedArray(x) else None
    values = np.asarray(x)
    if values.ndim != 2:
        raise DataError(f"{what}: has shape {values.shape}; give rows and columns: (n, d)")
    if values.dtype.kind not in "biufOUSM":
        raise DataError(f"{what}: holds {values.dtype}; give numbers, strings, booleans or dates")
    values = values.astype(values.dtype.newbyteorder("="), copy=False)  # Arrow takes no other
    check_names([str(j) for j in range(values.shape[1])], what)
    columns = {}
    for j in range(values.shape[1]):
        column: Any = values[:, j]
        if gaps is not None and gaps[:, j].any():
            column = column.astype(object)
            column[gaps[:, j]] = None
        if column.dtype.kind in "OSU":
            series = pd.Series(column, name=j, dtype=object)
            columns[str(j)] = _read_pandas(series.to_frame(), what).column(0)
        else:
            columns[str(j)] = pa.chunked_array([pa.array(column, from_pandas=True)])
    return pa.table(columns)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
