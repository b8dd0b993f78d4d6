"""Feedback on scored rows: a file of labels that override those of the training table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int8

from jaxad.data.tables.labels import as_text, as_training_labels
from jaxad.data.tables.options import TableOptions
from jaxad.data.tables.reading import read_table
from jaxad.errors import ConfigError, DataError

__all__ = ["override_labels"]

_SHOWN = 5


def override_labels(
    label: Int8[np.ndarray, "n"],
    ids: Sequence[Any] | None,
    path: str | Path,
    options: TableOptions | None = None,
) -> Int8[np.ndarray, "n"]:
    """Return the labels of a table, with those of a file of feedback in their place.

    The file has a column `label`, or the one of `options.label`, and either a column of ids, named
    `id` or as `options.id`, or a column `row` of row numbers from 0. Its labels follow the
    convention of all labels (`as_training_labels`). A line without a label changes nothing; a later
    line overrides an earlier one of the same row. Further columns are ignored.

    Args:
        label: `(n,)` training labels of the table: -1 anomaly, 0 unlabelled, 1 normal.
        ids: The id of each row of the table; None if it has no column of ids.
        path: The file of feedback, csv or parquet.
        options: The options of the table; those of csv files, `positive`, `normal` and `missing`
            also apply to the file.

    Returns:
        `(n,)` training labels.

    Raises:
        ConfigError: The table has no ids, and the file names rows by ids.
        DataError: The file lacks a column, names a row that the table does not have, or has a label
            without a meaning.
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
    for place, value in enumerate(range(len(label)) if by == "row" else ids or ()):
        places.setdefault(as_text(value), []).append(place)
    named = [as_text(value) for value in table[by].to_pylist()]
    strange = [text for text in named if text is None or text not in places]
    if strange:
        more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
        shown = ", ".join(repr(text) for text in strange[:_SHOWN])
        raise DataError(f"feedback {path}: the table has no {by} {shown}{more}")
    given = [as_text(value) for value in table[column].to_pylist()]
    judged = np.array([text is not None for text in given], bool)
    found = set(given) - {None}
    values = as_training_labels(
        np.array(given, object)[judged],
        _select(options.positive, found),
        _select(options.normal, found),
        f"column {column} of feedback {path}",
    )
    changed = label.copy()
    for line, value in zip(np.flatnonzero(judged), values, strict=True):
        changed[places[named[line]]] = value
    return changed


def _select(values: Sequence[str], found: set[str | None]) -> tuple[str, ...] | None:
    """Return the values that the feedback has; None where no values were given."""
    if not values:
        return None
    return tuple(value for value in values if as_text(value) in found)
