"""Time columns: their values as numbers that can be compared, and checks of their order."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxad.data.tables.arrow import load_compute
from jaxad.data.tables.dates import LAYOUTS, choose_layout, read_dates
from jaxad.data.tables.values import normalise, read_numbers
from jaxad.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["NUMBERS", "ROWS", "Times", "check_order", "parse_times", "read_times"]

NUMBERS, ROWS = "numbers", "rows"
_FORMATS = "numbers, ISO 8601 such as 2024-03-01 12:00:00, or dates such as 01.03.2024 12:00"


class Times(NamedTuple):
    """A time column as numbers.

    Attributes:
        value: `(n,)` numbers as they are, or seconds since 1970 in UTC; float64.
        layout: How the column is written: "numbers", "rows" for row numbers, or one of the layouts
            of `jaxad.data.tables.dates`. Timestamps with a zone are converted to UTC; those without
            one count as UTC.
    """

    value: Float[np.ndarray, "n"]
    layout: str


def read_times(column: "pa.ChunkedArray", name: str, what: str, layout: str | None = None) -> Times:
    """Read a time column.

    Args:
        column: The column.
        name: Its name.
        what: The name of the table in errors.
        layout: How the column was written in training; None if unknown.

    Raises:
        DataError: A time is missing, or is neither a number nor a timestamp; the message names the
            row. Or days and months cannot be told apart.
    """
    from pyarrow import types

    column = normalise(column, name)
    where = f"{what}: column {name!r}"
    found = None if types.is_timestamp(column.type) else read_numbers(column, most=0)
    if found is not None:
        value, layout = found.value, NUMBERS
    else:
        if layout not in LAYOUTS:
            layout = _find_layout(column, name, what)
        value = parse_times(column, layout)
    wrong = np.flatnonzero(~np.isfinite(value))
    if len(wrong):
        held = column[int(wrong[0])].as_py()
        given = "has no time" if held is None else f"holds {str(held)[:40]!r}"
        raise DataError(
            f"{where} {given} in row {wrong[0]}, and {len(wrong)} such rows in all; every row "
            f"needs a time: {_FORMATS}. Correct these rows, or drop them"
        )
    return Times(value, layout)


def parse_times(column: "pa.ChunkedArray", layout: str) -> Float[np.ndarray, "n"]:
    """Return `(n,)` times as numbers; NaN where there is none, or it is written in another way.

    Args:
        column: The column, as `normalise` returns it.
        layout: How it is written; see `Times`.
    """
    if layout == NUMBERS:
        found = read_numbers(column)
        assert found is not None
        return np.where(np.isfinite(found.value), found.value, np.nan)
    dates = read_dates(column, layout)
    return np.where(dates.known, dates.instant / 1e6, np.nan)


def _find_layout(column: "pa.ChunkedArray", name: str, what: str) -> str:
    from pyarrow import types

    if types.is_timestamp(column.type):
        return LAYOUTS[0]
    pc = load_compute()
    text = column.cast("string") if types.is_dictionary(column.type) else column
    layout = None
    if types.is_string(text.type) or types.is_large_string(text.type):
        try:
            layout = choose_layout(text, name)
        except DataError as error:
            raise DataError(f"{what}: {error}") from None
    if layout is None:
        first = pc.drop_null(text)
        held = f"; the first value is {str(first[0].as_py())[:40]!r}" if len(first) else ""
        raise DataError(
            f"{what}: column {name!r} (--time) does not hold times{held}. Allowed are {_FORMATS}"
        )
    return layout


def check_order(
    value: Float[np.ndarray, "n"],
    code: Int[np.ndarray, "n"],
    row: Int[np.ndarray, "n"],
    names: tuple[str, ...],
    shown: "pa.ChunkedArray",
    what: str,
) -> None:
    """Raise a `DataError` if time does not increase within a series.

    Args:
        value: `(n,)` times, series by series, each in the order of the file.
        code: `(n,)` the number of the series of each time.
        row: `(n,)` the row in the file of each time.
        names: The names of the series; `("",)` where there is only one.
        shown: `(n,)` the times as the file has them.
        what: The name of the column in errors.
    """
    same = code[1:] == code[:-1]
    step = value[1:] - value[:-1]
    wrong = np.flatnonzero(same & (step <= 0))
    if not len(wrong):
        return
    place = int(wrong[0]) + 1
    name = names[code[place]]
    of = f" of series {name!r}" if name else ""
    now, before = (str(shown[i].as_py()) for i in (place, place - 1))
    group = "" if name else "; if the file holds several series, name their column with --group"
    if step[place - 1] == 0:
        count = int(np.sum(same & (step == 0)))
        raise DataError(
            f"{what}: time {now!r}{of} is repeated in row {row[place]}, and {count} such rows in "
            f"all; a series has one row for each time: aggregate the rows of a time, or drop all "
            f"but one{group}"
        )
    raise DataError(
        f"{what}: time goes back{of} from {before!r} to {now!r} in row {row[place]}; sort the file "
        f"by time, or write local times with their offset from UTC{group}"
    )
