"""Conversion of a user's labels to training labels: one convention in every command and class."""

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int8

from jaxad.errors import ConfigError, DataError

__all__ = ["as_text", "as_training_labels", "is_number"]

_ANOMALY, _UNLABELLED = {"1", "true"}, {"0", "-1", "false"}
_SHOWN = 8


def as_text(value: Any) -> str | None:
    """Return the text by which values are compared: `1 == 1.0 == "1"` and `True == "true"`.

    Args:
        value: A number, boolean, string or missing value.

    Returns:
        The text without blanks around it; a whole number without a decimal point, a boolean in
        lower case. None for a missing value: None, NaN, NaT, pandas' NA and the empty string.
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value).strip()
    if isinstance(value, numbers.Real) or is_number(text):
        number = float(text)
        if np.isnan(number):
            return None
        return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
    return (text.lower() if text.lower() in ("true", "false") else text) or None


def as_training_labels(
    y: Any,
    positive: Sequence[Any] | str | float | None = None,
    normal: Sequence[Any] | str | float | None = None,
    what: str = "y",
    *,
    absent: bool = False,
) -> Int8[np.ndarray, "n"]:
    """Convert the labels of a user to training labels.

    Without `positive` and `normal`, 1 and True mark labelled anomalies; 0, False, -1 and missing
    values mark unlabelled rows. So hidden anomalies in a column of 0 and 1 never become trusted
    normal rows. Values are compared by `as_text`.

    Args:
        y: `(n,)` labels: numbers, booleans, strings or missing values.
        positive: The value or values of labelled anomalies, in place of 1 and True. The only
            other value of the labels then marks unlabelled rows.
        normal: The value or values of verified normal rows.
        what: The name of the labels in errors.
        absent: Whether the labels may be without some of these values, as in a part of the rows.

    Returns:
        `(n,)` -1 labelled anomaly, 0 unlabelled, 1 verified normal.

    Raises:
        DataError: Not one axis; a value without a meaning; or a value of `positive` or `normal`
            that no label has, unless `absent`.
        ConfigError: A value is both positive and normal.

    Example:
        >>> as_training_labels([1, 0, None])
        array([-1,  0,  0], dtype=int8)
        >>> as_training_labels(["fraud", "ok"], positive="fraud")
        array([-1,  0], dtype=int8)
    """
    texts = _read_texts(y, what)
    anomalies, normals = _as_texts(positive), _as_texts(normal)
    both = anomalies & normals
    if both:
        raise ConfigError(f"positive and normal both hold {_list(both)}; a value has one meaning")
    found = set(texts.tolist()) - {None}
    for name, given in (("positive", anomalies), ("normal", normals)):
        if given - found and not absent:
            raise DataError(
                f"{name} {_list(given - found)} is not a value of {what}; its values are "
                f"{_list(found)}"
            )
    anomalies = anomalies or _ANOMALY - normals
    others = found - anomalies - normals - _UNLABELLED
    if others and not (positive is not None and len(found - anomalies - normals) == 1):
        raise DataError(
            f"{what} holds {_list(others)}; allowed are 1 (labelled anomaly) and 0, -1 or nothing "
            "(unlabelled). Name the values of labelled anomalies with positive (--positive), of "
            "verified normal rows with normal (--normal), and of unlabelled rows with missing "
            "(--missing)"
        )
    label = np.zeros(len(texts), np.int8)
    label[np.isin(texts, list(normals))] = 1
    label[np.isin(texts, list(anomalies))] = -1
    return label


def _read_texts(y: Any, what: str) -> np.ndarray:
    """Return `(n,)` objects: the text of each label, None where it is missing."""
    values = np.asarray(y.astype(object) if hasattr(y, "iloc") else y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise DataError(f"{what} has shape {values.shape}; give one label for each row: (n,)")
    if np.ma.isMaskedArray(y):
        values = values.astype(object)
        values[np.ma.getmaskarray(y).reshape(-1)] = None
    if values.dtype.kind in "biufUS" and len(values):
        different, place = np.unique(values, return_inverse=True)
        return np.array([as_text(value) for value in different], object)[place]
    return np.array([as_text(value) for value in values], object)


def _as_texts(values: Any) -> set[str]:
    if values is None:
        return set()
    scalar = isinstance(values, str | bytes) or not hasattr(values, "__iter__")
    texts = {as_text(value) for value in ([values] if scalar else values)}
    if None in texts:
        raise ConfigError("positive and normal hold values; a missing label is always unlabelled")
    return {text for text in texts if text is not None}


def is_number(text: str) -> bool:
    """Return whether a text is a number."""
    # float() takes "1_000" and "infinity", which are names rather than numbers.
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text and (text[-1].isdigit() or text[-1] == ".")


def _list(values: set[Any]) -> str:
    shown = sorted(map(str, values))
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more
