"""The kind of each column of the training rows, and its description."""

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from jaxad.data.arrays import MAX_FLOAT32
from jaxad.data.tables.columns import (
    COMMON_ROWS,
    MAX_STORED,
    RARE,
    ROUNDED,
    Column,
    ColumnKind,
    smooth,
)
from jaxad.data.tables.dates import DAY, ISO, Dates, choose_layout, find_parts, read_dates
from jaxad.data.tables.values import (
    Numbers,
    find_texts,
    is_declared_category,
    normalise,
    read_numbers,
)
from jaxad.errors import DataError, DataWarning

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["describe_column"]

ODD_SHARE = 0.05  # up to here, odd entries of numbers and dates are gaps
MIXED_SHARE = 0.5  # up to here, they are an error; above, the column is categorical
DISTINCT_SHARE = 0.9  # from here, text is an identifier or free text
DISTINCT_ROWS = 20  # with fewer rows, no column is an identifier
SINGLE_SHARE = 0.05  # from here, unseen categories are common among new rows


def describe_column(
    name: str, column: "pa.ChunkedArray", max_categories: int, *, strict: bool = False
) -> Column:
    """Describe a column of the training rows.

    Args:
        name: The name of the column.
        column: Its values.
        max_categories: The largest number of categories with columns of their own.
        strict: Whether entries and columns that would be left out with a warning are errors.

    Raises:
        DataError: Values of no kind, numbers that are not finite in float32, numbers or dates mixed
            with other text, or with `strict` what would be a warning.
    """
    from pyarrow import types

    column = normalise(column, name)
    # Of a column without values, csv files cannot tell the type; any value is then an unseen one.
    if is_declared_category(column) or column.null_count == len(column):
        return _describe_category(name, column, max_categories, strict)
    if types.is_timestamp(column.type):
        return _describe_dates(name, read_dates(column, ISO), ISO, strict)
    # In a column of numbers, few different texts are anything else.
    numbers = read_numbers(column, most=1000 + len(column) // 20)
    if numbers is not None:
        known, odd = ~np.isnan(numbers.value), int(numbers.odd.sum())
        if known.any() and _share(odd, known) <= ODD_SHARE:
            return _describe_numbers(name, numbers, strict)
        _check_mixed(name, "numbers", numbers.value[known], odd, numbers.texts, max_categories)
    if types.is_string(column.type) or types.is_large_string(column.type):
        layout = choose_layout(column, name)
        if layout is not None:
            dates = read_dates(column, layout)
            odd = int(dates.odd.sum())
            if _share(odd, dates.known) <= ODD_SHARE:
                return _describe_dates(name, dates, layout, strict)
            values = dates.instant[dates.known]
            _check_mixed(name, "dates", values, odd, dates.texts, max_categories)
    return _describe_category(name, column, max_categories, strict)


def _describe_numbers(name: str, numbers: Numbers, strict: bool) -> Column:
    value = numbers.value
    wrong = np.abs(np.where(np.isnan(value), 0.0, value)) > MAX_FLOAT32
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"column {name!r} holds {value[row]} in row {row}; numbers must be finite in float32: "
            "correct it, leave it empty or drop the row"
        )
    known, odd = ~np.isnan(value), int(numbers.odd.sum())
    _warn_odd(name, "numbers", odd, len(value), numbers.texts, strict)
    return Column(
        name,
        "boolean" if numbers.truth else "number",
        rows=len(value),
        gaps=int((~known).sum()) - odd,
        odd=odd,
        median=float(np.median(value[known])) if known.any() else 0.0,
        constant=_is_constant(value[known]),
    )


def _is_constant(value: np.ndarray) -> bool:
    """Return whether enough numbers are the same, but for rounding."""
    if len(value) < COMMON_ROWS:
        return False
    return bool(np.isclose(value, np.median(value), rtol=ROUNDED, atol=0).all())


def _describe_dates(name: str, dates: Dates, layout: str, strict: bool) -> Column:
    known, odd = dates.instant[dates.known], int(dates.odd.sum())
    _warn_odd(name, "dates", odd, len(dates.known), dates.texts, strict)
    start = int(known.min()) if len(known) else 0
    return Column(
        name,
        "date",
        rows=len(dates.known),
        gaps=int((~dates.known).sum()) - odd,
        odd=odd,
        median=float(np.median((known - start) / DAY)) if len(known) else 0.0,
        start=start,
        layout=layout,
        parts=find_parts(known),
    )


def _describe_category(
    name: str, column: "pa.ChunkedArray", max_categories: int, strict: bool
) -> Column:
    codes, texts = find_texts(column)
    rows, known = len(codes), int((codes >= 0).sum())
    counts = np.bincount(codes[codes >= 0], minlength=len(texts))
    if known >= DISTINCT_ROWS and len(texts) >= DISTINCT_SHARE * known:
        message = (
            f"column {name!r} has {len(texts)} different values in {known} rows, as an identifier "
            "or free text has"
        )
        if strict:
            raise DataError(f"{message}; drop it (--drop), or name it as the id (--id)")
        warnings.warn(f"{message}; it is left out", DataWarning, stacklevel=2)
        return Column(name, "left out", rows=rows, gaps=rows - known)
    # By falling count, then by text: the order of the rows does not matter.
    order = sorted(range(len(texts)), key=lambda i: (-counts[i], texts[i]))[:MAX_STORED]
    kept = [int(counts[i]) for i in order]
    single = int((counts == 1).sum())
    if rows >= 100 and single >= SINGLE_SHARE * rows:
        message = (
            f"column {name!r} has {single} values that only one of {rows} rows has; about as many "
            "new rows will have values that are not in training, and high scores: group the "
            "values, or drop the column (--drop)"
        )
        warnings.warn(message, DataWarning, stacklevel=2)
    own = sum(count >= COMMON_ROWS or smooth(count, rows) > RARE for count in kept)
    return Column(
        name,
        "category",
        rows=rows,
        gaps=rows - known,
        categories=tuple(texts[i] for i in order),
        counts=tuple(kept),
        own=min(own, max_categories),
    )


def _share(odd: int, known: np.ndarray) -> float:
    return odd / max(odd + int(known.sum()), 1)


def _check_mixed(
    name: str, kind: str, values: np.ndarray, odd: int, texts: Iterable[str], most: int
) -> None:
    """Raise a `DataError` for a column of many different numbers or dates with other text."""
    share = odd / max(odd + len(values), 1)
    if share > MIXED_SHARE or len(np.unique(values)) <= most:
        return
    raise DataError(
        f"column {name!r} holds {kind}, and in {100 * share:.0f} % of its entries other text "
        f"({_list(texts)}); name the words for missing values with missing (--missing), clean the "
        "column, or drop it (--drop)"
    )


def _warn_odd(
    name: str, kind: ColumnKind | str, odd: int, rows: int, texts: Iterable[str], strict: bool
) -> None:
    if not odd:
        return
    message = (
        f"column {name!r} holds {kind}, and in {odd} of {rows} rows other text: {_list(texts)}"
    )
    if strict:
        raise DataError(f"{message}; name the words for missing values with missing (--missing)")
    warnings.warn(f"{message}; these entries count as missing", DataWarning, stacklevel=2)


def _list(texts: Iterable[str]) -> str:
    shown = [repr(text)[:40] for text in texts]
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return ", ".join(shown[:5]) + more
