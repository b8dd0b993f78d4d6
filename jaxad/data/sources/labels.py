"""Conversion of the labels of a file to training labels."""

from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Int8

from jaxad.data.sources.files import Table
from jaxad.errors import ConfigError, DataError

__all__ = ["AuditLabelKind", "LabelKind", "read_audit_labels", "read_labels"]

LabelKind = Literal["training", "truth", "ignore"]
AuditLabelKind = Literal["training", "truth", "hidden", "ignore"]
# The meaning of label 1 under each kind.
_MEANINGS = {
    "truth": "a labelled anomaly",
    "hidden": "an anomaly that only measures the audit",
    "training": "a labelled normal row",
    "ignore": "not to be read",
}


def read_labels(
    table: Table,
    kind: LabelKind | None,
    path: Path,
    *,
    allowed: tuple[str, ...] = get_args(LabelKind),
) -> Int8[np.ndarray, "n"] | None:
    """Return the training labels of a file's rows.

    Args:
        table: Rows of a file, and their labels if it has any.
        kind: The meaning of the labels. "training": -1 labelled anomaly, 0 unlabelled, 1 labelled
            normal. "truth": 1 labelled anomaly, 0 unlabelled. "ignore": labels are not used. None:
            "training", unless all labels are 0 or 1 and some are 1.
        path: The file, for errors.
        allowed: The kinds that errors list.

    Returns:
        `(n,)` -1, 0 and 1 as under "training"; None if no labels are used.

    Raises:
        ConfigError: All labels are 0 or 1, which is ambiguous, and `kind` is None; or a kind is
            given and the file has no labels.
        DataError: A label that the kind does not allow.
    """
    y = table.y
    if y is None:
        if kind in ("training", "truth"):
            raise _missing(kind, path)
        return None
    if kind == "ignore":
        return None
    if table.class_names:
        names = ", ".join(table.class_names[:5])
        raise DataError(
            f"{path}: labels are strings ({names}); give numbers, or --label-kind ignore"
        )
    found = set(np.unique(y).tolist())
    if kind is None and found <= {0, 1} and 1 in found:
        kinds = ", ".join(f"--label-kind {k} ({_MEANINGS[k]})" for k in _MEANINGS if k in allowed)
        raise ConfigError(
            f"--label-kind is missing; give the meaning of label 1 in {path}, one of: {kinds}"
        )
    expected = {0, 1} if kind == "truth" else {-1, 0, 1}
    if not found <= expected:
        wrong = min(found - expected)
        listed = ", ".join(map(str, sorted(expected)))
        raise DataError(
            f"{path}: label {wrong} is not one of {listed}, the labels of --label-kind "
            f"{kind or 'training'}"
        )
    return (-y if kind == "truth" else y).astype(np.int8)


def read_audit_labels(
    table: Table,
    kind: AuditLabelKind | None,
    path: Path,
    *,
    allowed: tuple[str, ...] = get_args(AuditLabelKind),
) -> tuple[Int8[np.ndarray, "n"] | None, Int8[np.ndarray, "n"] | None]:
    """Return the training labels, and the true labels by which an audit is evaluated.

    Args:
        table: Rows of a file, and their labels if it has any.
        kind: As for `read_labels`; or "hidden": 1 anomaly, 0 normal row, which training does not
            use.
        path: The file, for errors.
        allowed: The kinds that errors list.

    Returns:
        `(n,)` training labels, or None; and `(n,)` 1 for anomalies, or None.

    Raises:
        ConfigError: As for `read_labels`.
        DataError: As for `read_labels`.
    """
    if kind != "hidden":
        return read_labels(table, kind, path, allowed=allowed), None
    anomalies = read_labels(table, "truth", path) if table.y is not None else None
    if anomalies is None:
        raise _missing(kind, path)
    return None, (-anomalies).astype(np.int8)


def _missing(kind: str, path: Path) -> ConfigError:
    return ConfigError(f"--label-kind {kind}: {path} has no labels; name their column with --label")
