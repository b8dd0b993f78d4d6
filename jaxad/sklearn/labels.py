"""The labels that an estimator takes, by their kind."""

from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Int8

from jaxad.data.labels import check_labels, training_labels
from jaxad.errors import ConfigError, DataError, unknown_name

__all__ = ["LabelKind", "check_kind", "convert_labels"]

LabelKind = Literal["anomaly", "training", "ignore"]


def convert_labels(y: Any, kind: str, n: int) -> Int8[np.ndarray, "n"]:
    """Return the training labels of n rows.

    Args:
        y: `(n,)` labels; None: all rows are unlabelled.
        kind: What they are, one of `LabelKind`; under "ignore" all rows are unlabelled.
        n: How many rows there are.

    Raises:
        DataError: Another number of labels, or a label that the kind does not have.
    """
    if y is None or kind == "ignore":
        return np.zeros(n, np.int8)
    if kind == "training":
        label = check_labels(y, "-1 (anomaly), 0 (unlabelled) and 1 (normal)").astype(np.int8)
    else:
        label = training_labels(y)
    if len(label) != n:
        raise DataError(f"y has {len(label)} labels and X has {n} rows; give one label per row")
    return label


def check_kind(kind: Any) -> None:
    """Raise a `ConfigError` if there is no such kind of labels."""
    if kind not in get_args(LabelKind):
        if isinstance(kind, str):
            raise unknown_name("kind of labels", kind, get_args(LabelKind))
        raise ConfigError(f"labels must be one of {', '.join(get_args(LabelKind))}; given {kind!r}")
