"""Labels of a file, as a user marks them, and as training takes them."""

from pathlib import Path
from typing import Literal, get_args

import numpy as np
from jaxtyping import Int8

from jaxad.data.sources.files import Table
from jaxad.errors import ConfigError, DataError

__all__ = ["AuditLabelKind", "LabelKind", "read_audit_labels", "read_labels"]

LabelKind = Literal["training", "truth", "ignore"]
AuditLabelKind = Literal["training", "truth", "hidden", "ignore"]
# What label 1 is under each kind.
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
        kind: What the labels are. "training": -1 labelled anomaly, 0 unlabelled, 1 labelled normal.
            "truth": 1 labelled anomaly, 0 unlabelled. "ignore": not read. None: "training", if they
            cannot be meant as truth.
        path: The file, for errors.
        allowed: The kinds that an error names.

    Returns:
        `(n,)` -1, 0 and 1 as under "training"; None where no row is labelled.

    Raises:
        ConfigError: All labels are 0 and 1, which may be of several kinds, and `kind` is None; or a
            kind is given and the file has no labels.
        DataError: A label that the kind does not have.
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
        raise ConfigError(f"--label-kind is missing: give what label 1 in {path} is: {kinds}")
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
    """Return the labels that training sees, and the truth that only measures an audit.

    Args:
        table: Rows of a file, and their labels if it has any.
        kind: As for `read_labels`; or "hidden": 1 anomaly, 0 normal row, which training does not
            see.
        path: The file, for errors.
        allowed: The kinds that an error names.

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
