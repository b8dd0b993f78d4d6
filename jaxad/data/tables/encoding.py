"""Encoding of tables as numbers: fitted to training rows, stored as JSON, the same everywhere.

Each column is encoded by its kind; see `docs/explanation/tables.md`. Values that training hardly
saw are *events*, by which scores are raised (`jaxad.data.tables.events`).
"""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxad.data.arrays import MAX_FLOAT32
from jaxad.data.tables import events as kinds
from jaxad.data.tables.columns import RARE, ROUNDED, Column, dump_columns, restore_columns, smooth
from jaxad.data.tables.dates import DAY, LAYOUTS, encode_dates, read_dates
from jaxad.data.tables.events import Events, join_events
from jaxad.data.tables.kinds import describe_column
from jaxad.data.tables.values import find_texts, normalise, read_numbers
from jaxad.errors import DataError, DataWarning

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Encoded", "Encoding", "check_columns", "fit_encoding", "make_unique"]

_Part = tuple[int, int, np.ndarray, np.ndarray]


class Encoded(NamedTuple):
    """Rows as numbers.

    Attributes:
        x: `(n, d)` the encoded columns; finite in float32.
        events: The values that training hardly saw.
    """

    x: Float[np.ndarray, "n d"]
    events: Events


class Encoding(NamedTuple):
    """A fitted encoding.

    Attributes:
        columns: The description of each column of the training rows.
        order: `(d,)` the order of the encoded columns; None: that of the columns. Detectors of
            jaxad 0.2 and before have another one, and neither events nor *other* columns.
    """

    columns: tuple[Column, ...]
    order: tuple[int, ...] | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the columns of training, also of those that are left out."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """The names of the columns that rows must have."""
        return tuple(column.name for column in self.columns if column.kind != "left out")

    @property
    def names(self) -> list[str]:
        """The names of the encoded columns, which differ."""
        names = make_unique([name for column in self.columns for name in column.names])
        return names if self.order is None else [names[i] for i in self.order]

    @property
    def sources(self) -> Int[np.ndarray, "d"]:
        """`(d,)` the index in `columns` of the column that each encoded column comes from."""
        widths = [len(column.names) for column in self.columns]
        places = np.repeat(np.arange(len(widths)), widths)
        return places if self.order is None else places[list(self.order)]

    def apply(self, table: "pa.Table") -> Encoded:
        """Encode rows with the columns of training, in any order; further columns are ignored.

        Numbers beyond the range of float32 become the largest ones of that range.

        Raises:
            DataError: A column is missing, or holds values of no kind.
        """
        missing = [name for name in self.required if name not in table.column_names]
        if missing:
            raise DataError(f"columns of training are missing: {', '.join(missing)}")
        rows = table.num_rows
        x = np.zeros((rows, sum(len(column.names) for column in self.columns)))
        found: list[_Part] = []
        start = 0
        for index, column in enumerate(self.columns):
            width = len(column.names)
            if width:
                values = normalise(table[column.name], column.name)
                encode = _ENCODE[column.kind]
                parts = encode(column, values, x[:, start : start + width])
                found += [(index, *part) for part in parts if len(part[1])]
            start += width
        if self.order is not None:
            return Encoded(x[:, list(self.order)], join_events(rows, [], self.inputs))
        return Encoded(x, join_events(rows, found, self.inputs))

    def dump(self) -> dict[str, Any]:
        """Return the encoding as values of JSON, for `Encoding.restore`."""
        values: dict[str, Any] = {"columns": dump_columns(self.columns)}
        return values if self.order is None else values | {"order": list(self.order)}

    @classmethod
    def restore(cls, values: Any) -> "Encoding":
        """Return the encoding that `dump` was called on.

        Raises:
            DataError: The values do not describe an encoding.
        """
        if not isinstance(values, dict) or not {"columns"} <= values.keys() <= {"columns", "order"}:
            raise DataError("encoding: not the description of an encoding")
        encoding = cls(restore_columns(values["columns"]))
        for column in encoding.columns:
            if column.kind == "date" and column.layout not in LAYOUTS:
                raise DataError(f"encoding: {column.name!r} has dates of an unknown layout")
        order = values.get("order")
        if order is None:
            return encoding
        if not isinstance(order, list) or not all(type(i) is int for i in order):
            raise DataError("encoding: order is not a list of whole numbers")
        if len(set(order)) < len(order) or not set(order) <= set(range(len(encoding.names))):
            raise DataError("encoding: order does not fit the columns")
        return encoding._replace(order=tuple(order))


def fit_encoding(table: "pa.Table", *, max_categories: int = 32, strict: bool = False) -> Encoding:
    """Fit an encoding to training rows.

    Args:
        table: The feature columns.
        max_categories: The largest number of categories of a column with columns of their own.
        strict: Whether entries and columns that would be left out with a warning are errors.

    Returns:
        The encoding.

    Raises:
        DataError: No rows or columns, a column of values of no kind, numbers that are not finite in
            float32, numbers or dates mixed with other text, all columns are left out, or with
            `strict` what would be a warning.
    """
    if 0 in table.shape:
        raise DataError(
            f"the table has {table.num_rows} rows and {table.num_columns} columns; give at least "
            "one of each"
        )
    names = table.column_names
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise DataError(f"more than one column is named {twice!r}; names must be unique")
    columns = tuple(
        describe_column(name, table[name], max_categories, strict=strict) for name in names
    )
    if not any(column.names for column in columns):
        raise DataError("nearly all values differ in every column; there is nothing to train on")
    return Encoding(columns)


def check_columns(
    encoding: Encoding, names: Sequence[str], what: str, *, strict: bool = False
) -> None:
    """Check the columns of rows to score: warn of further ones, which are ignored.

    Args:
        encoding: The encoding.
        names: The names of the feature columns.
        what: The name of the rows in messages, such as a file.
        strict: Whether further columns are an error.

    Raises:
        DataError: A column of training is missing, or with `strict` there are further ones.
    """
    missing = [name for name in encoding.required if name not in names]
    further = [name for name in names if name not in encoding.inputs]
    if missing:
        raise DataError(
            f"{what}: columns are not those of training; missing: {_list(missing)}; not in "
            f"training: {_list(further)}"
        )
    if further:
        message = f"{what}: columns that are not in training: {_list(further)}"
        if strict:
            raise DataError(f"{message}; drop them (--drop)")
        warnings.warn(f"{message}; they are ignored", DataWarning, stacklevel=3)


def _encode_numbers(column: Column, values: Any, x: np.ndarray) -> list[tuple]:
    """Write a column of numbers or booleans; return its events as kinds, rows and frequencies."""
    read = read_numbers(values)
    assert read is not None
    value, odd, kind = read.value, read.odd, kinds.NO_NUMBER
    if column.kind == "boolean":
        wrong = ~np.isnan(value) & (value != 0) & (value != 1)
        value, odd, kind = np.where(wrong, np.nan, value), odd | wrong, kinds.NO_BOOLEAN
    empty = np.isnan(value)
    x[:, 0] = np.clip(value, -MAX_FLOAT32, MAX_FLOAT32)
    events = []
    if column.constant:
        other = ~empty & ~np.isclose(value, column.median, rtol=ROUNDED, atol=0)
        events.append(_find_events(column, kinds.NOT_CONSTANT, np.flatnonzero(other), 0))
    if not empty.any():
        return events
    x[empty, 0] = column.median
    if column.has_indicator:
        x[:, 1] = empty
    return [*events, *_find_gaps(column, empty & ~odd, odd, kind)]


def _encode_dates(column: Column, values: Any, x: np.ndarray) -> list[tuple]:
    read = read_dates(values, column.layout)
    median = column.start + round(column.median * DAY)
    instant = np.where(read.known, read.instant, median)
    x[:, : x.shape[1] - column.has_indicator] = encode_dates(instant, column.start, column.parts)
    if read.known.all():
        return []
    if column.has_indicator:
        x[:, -1] = ~read.known
    return _find_gaps(column, ~read.known & ~read.odd, read.odd, kinds.NO_DATE)


def _find_gaps(column: Column, gap: np.ndarray, odd: np.ndarray, kind: int) -> list[tuple]:
    return [
        _find_events(column, event, np.flatnonzero(where), count)
        for event, where, count in ((kinds.GAP, gap, column.gaps), (kind, odd, column.odd))
    ]


def _encode_categories(column: Column, values: Any, x: np.ndarray) -> list[tuple]:
    codes, texts = find_texts(values)
    number = {category: i for i, category in enumerate(column.categories)}
    unseen, gap = len(number), len(number) + 1
    place = np.array([number.get(text, unseen) for text in texts] + [gap], np.int64)[codes]
    width = x.shape[1]
    other = width - 1
    target = np.full(len(number) + 2, other)
    target[: column.own] = np.arange(column.own)
    if column.has_missing:
        target[gap] = other - 1
    x[np.arange(len(x)), target[place]] = 1.0
    counts = np.array(column.counts, np.int64)
    # Rows whose categories are not stored have categories at most as common as the stored ones.
    rest = column.rows - column.gaps - int(counts.sum())
    # A category is as rare as all categories that are not more common than it together.
    at_most = np.searchsorted(-counts, -counts, side="left")
    above = np.append(0, np.cumsum(counts))[at_most]
    rarer = np.append(counts.sum() - above + rest, [rest, column.gaps])
    event = np.full(len(number) + 2, kinds.RARE_VALUE)
    event[unseen], event[gap] = kinds.UNSEEN, kinds.GAP
    frequency = smooth(rarer, column.rows)
    is_event = (frequency <= RARE) | (rarer == 0)
    parts = []
    for kind in (kinds.UNSEEN, kinds.RARE_VALUE, kinds.GAP):
        rows = np.flatnonzero((is_event & (event == kind))[place])
        parts.append((kind, rows, frequency[place[rows]]))
    return parts


def _find_events(column: Column, kind: int, rows: np.ndarray, count: int) -> tuple:
    """Return rows as events if `count` training rows are few."""
    frequency = smooth(count, column.rows)
    kept = rows if frequency <= RARE or count == 0 else rows[:0]
    return kind, kept, np.full(len(kept), frequency)


_ENCODE = {
    "number": _encode_numbers,
    "boolean": _encode_numbers,
    "date": _encode_dates,
    "category": _encode_categories,
}


def make_unique(names: list[str]) -> list[str]:
    """Return names of which none comes twice, as a category may be called "other"."""
    taken: set[str] = set()
    unique = []
    for name in names:
        while name in taken:
            name += "_"
        taken.add(name)
        unique.append(name)
    return unique


def _list(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return (", ".join(names[:5]) or "none") + more
