"""The one reader of series: a table whose rows are timestamps, series by series."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxad.data.series.options import SeriesOptions, check_series_options
from jaxad.data.series.segments import find_segments
from jaxad.data.series.times import ROWS, check_order, read_times
from jaxad.data.tables.options import TableOptions, unknown_column
from jaxad.data.tables.reading import TableSource, open_table
from jaxad.data.tables.roles import Roles, assign_roles
from jaxad.data.tables.values import find_texts, normalise
from jaxad.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SeriesRows", "check_series_columns", "read_series"]


class SeriesRows(NamedTuple):
    """The rows of a table as one or several series, series by series, each ordered by time.

    Attributes:
        name: The name of the table in errors.
        features: The channels as the table has them.
        roles: The label column and the channels; the id is the time column.
        time: `(n,)` the times as the table has them; row numbers without a time column.
        value: `(n,)` the times as numbers: seconds for timestamps.
        layout: How times are written; see `Times`.
        code: `(n,)` the number of the series of each row.
        groups: The name of each series; `("",)` without a group column.
        row: `(n,)` the row in the table.
        segments: `(k, 2)` the pieces without a gap: first row and the one behind the last.
        label: `(n,)` the labels as the table has them; None if it has none.
        truth: `(n,)` the labels that only measure; None if there are none.
        others: The names of the columns that are not channels.
    """

    name: str
    features: "pa.Table"
    roles: Roles
    time: "pa.ChunkedArray"
    value: Float[np.ndarray, "n"]
    layout: str
    code: Int[np.ndarray, "n"]
    groups: tuple[str, ...]
    row: Int[np.ndarray, "n"]
    segments: Int[np.ndarray, "k 2"]
    label: "pa.ChunkedArray | None" = None
    truth: "pa.ChunkedArray | None" = None
    others: tuple[str, ...] = ()

    @property
    def points(self) -> int:
        """The number of timestamps in all series."""
        return len(self.value)

    def list_short(self, length: int) -> list[str]:
        """Describe the series in which no window of a length fits, each with its length."""
        sizes = self.segments[:, 1] - self.segments[:, 0]
        longest = np.zeros(len(self.groups), np.int64)
        np.maximum.at(longest, self.code[self.segments[:, 0]], sizes)
        rows = np.bincount(self.code, minlength=len(self.groups))
        return [
            f"{f'series {self.groups[i]!r}' if self.groups[i] else 'the series'} has {rows[i]} "
            f"timestamp(s), {longest[i]} in its longest piece without a gap"
            for i in np.flatnonzero(longest < length)
        ]


def read_series(
    source: Any,
    options: TableOptions,
    known: Sequence[str] = (),
    truth: str | None = None,
    layout: str | None = None,
) -> SeriesRows:
    """Read a table as series.

    Args:
        source: A file, or a table from memory; see `open_table`.
        options: How to read it; `options.series` names the columns of time and groups.
        known: The names of the channels of training, if any.
        truth: A column of labels that only measure.
        layout: How times were written in training, if known.

    Raises:
        DataError: The table cannot be read, a time is missing, repeated or goes back, or there are
            no channels.
        ConfigError: An option is wrong, or names a column that does not exist.
    """
    series = options.series or SeriesOptions()
    check_series_options(series)
    if isinstance(source, str | Path) and (
        Path(source).is_dir() or Path(source).suffix.lower() in (".npz", ".jsonl")
    ):
        raise ConfigError(
            f"{source} must be a table to be read as series: csv, parquet or feather. Leave "
            "--time, --group, --window, --stride and series: out for other data"
        )
    opened = open_table(source, options)
    named = {"time": series.time, "group": series.group, "truth": truth}
    check_series_columns(opened, named, options)
    table = opened.read()
    parts = [name for name in named.values() if name is not None]
    rest = table.drop_columns(parts)
    index = [name for name in opened.index if name not in parts]
    if not rest.num_columns:
        raise DataError(f"{opened.name}: has no channels but the columns {', '.join(parts)}")
    roles = assign_roles(rest, options, known, index=index, what=opened.name)
    roles = roles._replace(id=series.time)
    code, groups = _read_groups(table, series.group, opened.name)
    order = np.argsort(code, kind="stable")
    value, written = np.arange(len(code), dtype=np.float64), ROWS
    if series.time is not None:
        value, written = read_times(table.column(series.time), series.time, opened.name, layout)
    if (np.diff(order) != 1).any():
        table, code = table.take(order), code[order]
        value = value if series.time is None else value[order]
    if series.time is None:
        time = _as_column(order)
    else:
        time = table.column(series.time)
        where = f"{opened.name}: column {series.time!r}"
        check_order(value, code, order, groups, time, where)
    label, true = (None if name is None else table.column(name) for name in (roles.label, truth))
    return SeriesRows(
        opened.name,
        table.select(list(roles.features)),
        roles,
        time,
        value,
        written,
        code,
        groups,
        order,
        find_segments(value, code),
        label,
        true,
        tuple(name for name in opened.names if name not in roles.features),
    )


def check_series_columns(
    opened: TableSource, named: dict[str, str | None], options: TableOptions
) -> None:
    """Raise a `ConfigError` if a named column does not exist, or has another part too."""
    if options.id is not None:
        raise ConfigError(
            f"id (--id) {options.id!r}: the rows of a series are named by their time; name it with "
            "--time, or drop the column with --drop"
        )
    for option, name in named.items():
        if name is None:
            continue
        if name not in opened.names:
            raise unknown_column(opened.name, option, name, opened.names)
        for other, columns in (("label", (options.label,)), ("drop", options.drop)):
            if name in columns:
                raise ConfigError(
                    f"{option} and {other} (--{option}, --{other}) both name column {name!r}; a "
                    "column has one part"
                )


def _read_groups(
    table: "pa.Table", group: str | None, what: str
) -> tuple[Int[np.ndarray, "n"], tuple[str, ...]]:
    """Return the number of the series of each row, and the names of the series.

    Raises:
        DataError: A row has no group.
    """
    if group is None:
        return np.zeros(table.num_rows, np.int64), ("",)
    code, names = find_texts(normalise(table.column(group), group))
    missing = np.flatnonzero(code < 0)
    if len(missing):
        raise DataError(
            f"{what}: column {group!r} (--group) has no value in row {missing[0]}, and "
            f"{len(missing)} such rows in all; every row belongs to a series"
        )
    # Series are numbered in the order in which the table names them.
    _, first = np.unique(code, return_index=True)
    place = np.empty(len(names), np.int64)
    place[code[np.sort(first)]] = np.arange(len(names))
    ordered = tuple(names[i] for i in code[np.sort(first)])
    return place[code], ordered


def _as_column(values: np.ndarray) -> "pa.ChunkedArray":
    import pyarrow as pa

    return pa.chunked_array([pa.array(values)])
