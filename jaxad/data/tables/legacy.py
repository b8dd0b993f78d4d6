"""Encodings of detectors that jaxad 0.2 and before saved, as those of today."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxad.data.arrays import MAX_FLOAT32
from jaxad.data.tables.columns import Column
from jaxad.data.tables.encoding import Encoding
from jaxad.data.tables.labels import as_text
from jaxad.errors import DataError

__all__ = ["convert_columns", "describe_numbers"]

_GAP = "missing"


def convert_columns(values: Any) -> Encoding:
    """Return the encoding of an estimator of jaxad 0.2 or before.

    Rows become the same numbers as in that version. It did not store how often values occurred, so
    no value is an event: fit the estimator again for scores that unknown values raise.

    Args:
        values: The descriptions of the columns as the estimator's record has them.

    Raises:
        DataError: The values do not describe columns, or cannot be converted.
    """
    if not isinstance(values, list) or not values:
        raise DataError("encoding: not a list of columns")
    old = [_check_column(value) for value in values]
    columns = tuple(_convert_column(value) for value in old)
    starts = np.cumsum([0, *(len(column.names) for column in columns)]).tolist()
    numbers, indicators, categories = [], [], []
    for value, column, start in zip(old, columns, starts[:-1], strict=True):
        if column.kind == "number":
            numbers.append(start)
            indicators += [start + 1] if column.has_indicator else []
            continue
        place = {category: start + i for i, category in enumerate(column.categories)}
        place[_GAP] = start + len(column.categories)
        texts = [word if word == _GAP else as_text(word) for word in value["categories"]]
        categories += [place[str(text)] for text in texts]
    return Encoding(columns, (*numbers, *indicators, *categories))


def describe_numbers(names: Sequence[str], rows: int, values: Sequence[float]) -> Encoding:
    """Return the encoding of a table of numbers without gaps.

    Args:
        names: The names of the columns.
        rows: The number of training rows.
        values: The value of each column that gaps of further rows are replaced by.
    """
    return Encoding(
        tuple(
            Column(name, "number", rows=rows, median=float(value))
            for name, value in zip(names, values, strict=True)
        )
    )


def _check_column(value: Any) -> dict[str, Any]:
    fields = {"name", "kind", "median", "missing", "categories"}
    if not isinstance(value, dict) or value.keys() != fields:
        raise DataError(f"encoding: not a column: {str(value)[:80]}")
    words = value["categories"]
    right = (
        isinstance(value["name"], str)
        and value["kind"] in ("number", "category")
        and isinstance(value["median"], int | float)
        and not isinstance(value["median"], bool)
        and abs(value["median"]) <= MAX_FLOAT32
        and isinstance(value["missing"], bool)
        and isinstance(words, list | tuple)
        and all(isinstance(word, str) for word in words)
        and (value["kind"] == "number" or len(words) > 0)
    )
    if not right:
        raise DataError(f"encoding: the description of column {str(value['name'])!r} is broken")
    return value


def _convert_column(value: dict[str, Any]) -> Column:
    if value["kind"] == "number":
        gaps = int(value["missing"])
        return Column(value["name"], "number", rows=1, gaps=gaps, median=float(value["median"]))
    texts = [as_text(word) for word in value["categories"] if word != _GAP]
    if None in texts or len(set(texts)) < len(texts):
        raise DataError(
            f"column {value['name']!r} has categories that this version does not tell apart, such "
            "as 1 and 1.0; fit and save the detector again"
        )
    kept = tuple(text for text in texts if text is not None)
    # The gap has a column of its own, which the order leaves out if there were none.
    return Column(
        value["name"],
        "category",
        rows=1,
        gaps=1,
        categories=kept,
        counts=(0,) * len(kept),
        own=len(kept),
    )
