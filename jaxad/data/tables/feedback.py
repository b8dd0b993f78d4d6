"""Feedback on scored rows: a file of labels that override those of the training table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxad.data.tables.labels import as_text
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.reading import read_table
from jaxad.errors import ConfigError, DataError

__all__ = ["merge_feedback"]

_SHOWN = 5


def merge_feedback(
    labels: Sequence[Any] | None,
    ids: Sequence[Any] | None,
    rows: int,
    path: str | Path,
    options: TableOptions | None = None,
) -> list[str | None]:
    """Return the labels of a table, with those of a file of feedback in their place.

    The file has a column `label`, or the one of `options.label`, and either a column of ids, named
    `id` or as `options.id`, or a column `row` of row numbers from 0. A line without a label changes
    nothing; a later line overrides an earlier one of the same row. Further columns are ignored.

    Args:
        labels: The label of each row of the table, before conversion; None if it has none.
        ids: The id of each row; None if the table has no column of ids.
        rows: The number of rows of the table.
        path: The file of feedback, csv or parquet.
        options: The options of the table; those of csv files and `missing` also apply to the file.

    Returns:
        The label of each row as `as_text` gives it, None where it has none.

    Raises:
        ConfigError: The table has no ids, and the file names rows by ids.
        DataError: The file lacks a column, or names a row that the table does not have.
    """
    options = options or TableOptions()
    table = read_table(path, options._replace(id=None, label=None, drop=(), header="auto"))
    names = table.column_names
    by = next((name for name in (options.id, "id", "row") if name in names), None)
    column = next((name for name in (options.label, "label") if name in names), None)
    if by is None or column is None:
        lacking = "label" if column is None else f"{options.id or 'id'} or row"
        raise DataError(
            f"feedback {path} lacks a column {lacking}; give the columns id and label, or row and "
            "label"
        )
    if by != "row" and ids is None:
        raise ConfigError(
            f"feedback {path} names rows by {by!r}, but the table has no ids: name its column "
            "with --id, or give a column row of row numbers from 0"
        )
    places: dict[str | None, list[int]] = {}
    for place, value in enumerate(range(rows) if by == "row" else ids or ()):
        places.setdefault(as_text(value), []).append(place)
    named = [as_text(value) for value in table[by].to_pylist()]
    strange = [text for text in named if text is None or text not in places]
    if strange:
        more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
        shown = ", ".join(repr(text) for text in strange[:_SHOWN])
        raise DataError(f"feedback {path}: the table has no {by} {shown}{more}")
    merged: list[str | None] = (
        [None] * rows if labels is None else [as_text(value) for value in labels]
    )
    for text, value in zip(named, table[column].to_pylist(), strict=True):
        label = as_text(value)
        if label is not None:
            for place in places[text]:
                merged[place] = label
    return merged
