"""The labels that an estimator takes, and the rows that its metrics compare."""

import warnings
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Bool, Int8
from sklearn.exceptions import DataConversionWarning

from jaxad.data.tables.labels import as_training_labels
from jaxad.errors import ConfigError, DataError

__all__ = ["LabelUse", "check_use", "convert_labels", "find_compared"]

LabelUse = Literal["use", "ignore"]
_EARLIER = {
    "anomaly": "normal=0, where 0 marks verified normal rows; without it 0 is unlabelled",
    "training": "positive=-1, normal=1",
}


def convert_labels(
    y: Any, n: int, *, use: str = "use", positive: Any = None, normal: Any = None, part: bool = True
) -> Int8[np.ndarray, "n"]:
    """Return the training labels of n rows.

    Args:
        y: `(n,)` labels as `jaxad.data.tables.labels.as_training_labels` takes them; None: all rows
            are unlabelled.
        n: How many rows there are.
        use: Whether labels are used, one of `LabelUse`; under "ignore" all rows are unlabelled.
        positive: The values of labelled anomalies.
        normal: The values of verified normal rows.
        part: Whether these rows may be without some of these values; training rows may not.

    Raises:
        DataError: Another number of labels, a label without a meaning, or training rows of which
            all are anomalies.
    """
    if y is None or use == "ignore":
        return np.zeros(n, np.int8)
    shape = getattr(y, "shape", ())
    if len(shape) == 2 and shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of "
            "y to (n_samples, ), for example using ravel().",
            DataConversionWarning,
            stacklevel=4,
        )
    label = as_training_labels(y, positive, normal, absent=part)
    if len(label) != n:
        raise DataError(f"y has {len(label)} labels and X has {n} rows; give one label per row")
    if not part and n and (label < 0).all():
        raise DataError(
            f"y has one class only: it marks all {n} rows as anomalies; give unlabelled rows, too"
        )
    return label


def find_compared(label: Int8[np.ndarray, "n"]) -> Bool[np.ndarray, "n"]:
    """Return which rows a metric compares, from their training labels.

    These are the labelled anomalies and the verified normal rows; where no row is verified, the
    labelled anomalies and all others.

    Raises:
        DataError: No labelled anomaly, or nothing to compare with.
    """
    compared = label != 0 if (label > 0).any() else np.ones(len(label), bool)
    if not (label < 0).any() or (label[compared] < 0).all():
        raise DataError(
            f"y must have labelled anomalies and other rows for a metric; given "
            f"{int((label < 0).sum())} labelled anomalies among {len(label)} rows"
        )
    return compared


def check_use(use: Any) -> None:
    """Raise a `ConfigError` if `labels` is not one of `LabelUse`."""
    if use in get_args(LabelUse):
        return
    advice = "name the values of labels with positive= and normal="
    if isinstance(use, str) and use in _EARLIER:
        advice = f"labels={use!r} is now {_EARLIER[use]}"
    raise ConfigError(f"labels must be 'use' or 'ignore'; given {use!r}: {advice}")
