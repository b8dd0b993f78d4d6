"""Training labels of npz files and of texts."""

from pathlib import Path

import numpy as np
from jaxtyping import Int8

from jaxad.data.sources.loaded import Table
from jaxad.data.tables.labels import as_training_labels
from jaxad.data.tables.options import TableOptions
from jaxad.errors import ConfigError, DataError

__all__ = ["read_labels", "read_truth"]


def read_labels(table: Table, options: TableOptions, path: Path) -> Int8[np.ndarray, "n"] | None:
    """Return the training labels of rows that are not a table.

    The labels of an npz file are training labels: -1 labelled anomaly, 0 unlabelled, 1 verified
    normal row; unless `positive` or `normal` name the values. Labels of texts, and strings, have
    the meaning that those of tables have; see `as_training_labels`.

    Args:
        table: Rows of a file, and their labels if it has any.
        options: The values of labels; under the label "none", labels are not used.
        path: The file, for errors.

    Returns:
        `(n,)` -1, 0 and 1; None if no labels are used.

    Raises:
        ConfigError: All labels of an npz file are 0 or 1, so that 1 may be meant as either of two;
            or there are values of labels, and no labels.
        DataError: A label has no meaning.
    """
    named = options.positive or options.normal
    if table.y is None:
        if named:
            raise ConfigError(f"{path}: has no labels for --positive and --normal")
        return None
    if options.label == "none":
        return None
    if table.class_names or table.vocabulary is not None or named:
        return _convert(table, options, f"{path}: label")
    found = set(np.unique(table.y).tolist())
    if not found <= {-1, 0, 1}:
        wrong = min(found - {-1, 0, 1})
        raise DataError(
            f"{path}: label {wrong} is not one of -1 (labelled anomaly), 0 (unlabelled) and 1 "
            "(verified normal row); name the values with --positive and --normal, or give --label "
            "none"
        )
    if found <= {0, 1} and 1 in found:
        raise ConfigError(
            f"{path}: label 1 may mean two things; give --positive 1 if it is a labelled anomaly, "
            "--normal 1 if it is a verified normal row, or --label none if labels are not to be "
            "used"
        )
    return table.y.astype(np.int8)


def read_truth(table: Table, options: TableOptions, path: Path) -> Int8[np.ndarray, "n"]:
    """Return `(n,)` 1 for anomalies, of rows that are not a table.

    Raises:
        ConfigError: The file has no labels.
        DataError: A label has no meaning; see `as_training_labels`.
    """
    if table.y is None:
        raise ConfigError(f"--truth: {path} has no labels")
    return (_convert(table, options, f"{path}: label") == -1).astype(np.int8)


def _convert(table: Table, options: TableOptions, what: str) -> Int8[np.ndarray, "n"]:
    y = np.array(table.class_names, object)[table.y] if table.class_names else table.y
    return as_training_labels(y, options.positive or None, options.normal or None, what)
