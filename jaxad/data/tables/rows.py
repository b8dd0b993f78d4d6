"""A whole table by the parts of its columns: features, labels and ids."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int8

from jaxad.data.arrays import MAX_FLOAT32
from jaxad.data.tables.feedback import merge_feedback
from jaxad.data.tables.labels import as_text, as_training_labels
from jaxad.data.tables.options import TableOptions, unknown_column
from jaxad.data.tables.reading import open_table
from jaxad.data.tables.roles import Roles, assign_roles
from jaxad.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TableRows", "as_numbers", "convert_labels", "find_numbers", "read_rows"]


class TableRows(NamedTuple):
    """The rows of a table.

    Attributes:
        name: The name of the table in errors.
        features: The feature columns.
        roles: The part of each column.
        label: The labels as they are in the table; None if it has none.
        ids: The ids; None for row numbers.
        truth: The labels that only measure; None if there are none.
        others: The names of the columns that are not features.
    """

    name: str
    features: "pa.Table"
    roles: Roles
    label: "pa.ChunkedArray | None"
    ids: "pa.ChunkedArray | None"
    truth: "pa.ChunkedArray | None" = None
    others: tuple[str, ...] = ()

    def read_labels(self, options: TableOptions) -> Int8[np.ndarray, "n"] | None:
        """Return the training labels; None if no column holds labels.

        Raises:
            DataError: A label has no meaning; see `as_training_labels`.
            ConfigError: There are values of labels, and no labels.
        """
        if self.label is None:
            if options.positive or options.normal:
                raise ConfigError(
                    f"{self.name}: has no labels for --positive and --normal; name their column "
                    "with --label"
                )
            return None
        return convert_labels(
            self.label, options, f"{self.name}: column {self.roles.label or 'label'!r}"
        )

    def replace_labels(self, feedback: str | Path, options: TableOptions) -> "TableRows":
        """Return the rows with the labels of a file of feedback; see `merge_feedback`.

        Raises:
            DataError: The file cannot be read, or names a row that the table does not have.
            ConfigError: It names rows by ids, and the table has none.
        """
        import pyarrow as pa

        label, ids = (
            None if column is None else column.to_pylist() for column in (self.label, self.ids)
        )
        merged = merge_feedback(label, ids, self.features.num_rows, feedback, options)
        return self._replace(label=pa.chunked_array([pa.array(merged, pa.string())]))


def read_rows(
    source: Any,
    options: TableOptions | None = None,
    known: Sequence[str] = (),
    truth: str | None = None,
) -> TableRows:
    """Read a whole table.

    Args:
        source: A file, or a table from memory; see `open_table`.
        options: How to read it, and the parts of its columns.
        known: The names of the columns of training, if any.
        truth: A column of labels that only measure.

    Raises:
        DataError: The table cannot be read, a row cannot be parsed, or there are no rows.
        ConfigError: An option is wrong, or a column looks like a label; see `assign_roles`.
    """
    options = options or TableOptions()
    opened = open_table(source, options, known)
    if truth is not None:
        if truth not in opened.names:
            raise unknown_column(opened.name, "truth", truth, opened.names)
        options = options._replace(drop=(*options.drop, truth))
    table = opened.read()
    roles = assign_roles(table, options, known, index=opened.index, what=opened.name)
    label, ids, true = (
        None if name is None else table.column(name) for name in (roles.label, roles.id, truth)
    )
    features = table.select(list(roles.features))
    others = tuple(name for name in opened.names if name not in roles.features)
    return TableRows(opened.name, features, roles, label, ids, true, others)


def convert_labels(
    column: "pa.ChunkedArray", options: TableOptions, what: str
) -> Int8[np.ndarray, "n"]:
    """Return a column of labels as training labels; see `as_training_labels`."""
    encoded = column.dictionary_encode().unify_dictionaries()
    words = encoded.chunk(0).dictionary.to_pylist() if encoded.num_chunks else []
    # The conversion sees each value once, and an unlabelled row for the missing ones.
    meaning = as_training_labels(
        np.array([*words, None], object), options.positive or None, options.normal or None, what
    )
    place = [chunk.indices.fill_null(len(words)).to_numpy() for chunk in encoded.chunks]
    return meaning[np.concatenate([*place, np.zeros(0, np.int64)]).astype(np.int64)]


def as_numbers(table: "pa.Table", what: str) -> Float[np.ndarray, "n d"]:
    """Return the columns of a table as numbers; booleans are 0 and 1.

    Raises:
        DataError: A value is missing, not a number, or not finite in float32; the message names the
            first row of such a value.
    """
    bad: dict[int, str] = {}
    x = find_numbers(table, bad)
    if bad:
        row = min(bad)
        raise DataError(f"{what}: {bad[row]} in row {row}; give finite numbers")
    return x


def find_numbers(
    table: "pa.Table", bad: dict[int, str], *, gaps: bool = False
) -> Float[np.ndarray, "n d"]:
    """Return the columns of a table as numbers, and record the rows with other values.

    Args:
        table: The columns.
        bad: The problem of each bad row, to which those of further rows are added.
        gaps: Whether values may be missing; they are NaN.

    Returns:
        The numbers; NaN or infinite in bad rows.
    """
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        values = _parse(column)
        with np.errstate(invalid="ignore"):
            wrong = ~(np.abs(values) <= MAX_FLOAT32)
        if gaps and wrong.any():
            wrong &= column.is_valid().to_numpy()
        for row in np.flatnonzero(wrong).tolist():
            held = column[row].as_py()
            told = "nothing" if held is None else repr(held)[:40]
            bad.setdefault(row, f"column {name!r} holds {told}")
        columns.append(values)
    return np.stack(columns, axis=1)


def _parse(column: "pa.ChunkedArray") -> Float[np.ndarray, "n"]:
    """Return a column as float64, NaN where a value is no number."""
    import pyarrow as pa
    from pyarrow import types

    try:
        safe = not types.is_integer(column.type)  # large whole numbers are rounded
        return column.cast(pa.float64(), safe=safe).to_numpy().astype(np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        texts = [as_text(value) for value in column.to_pylist()]
    return np.array([_parse_text(text) for text in texts], np.float64)


def _parse_text(text: str | None) -> float:
    if text in ("true", "false"):
        return float(text == "true")
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")
