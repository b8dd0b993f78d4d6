"""Checks of scores and numbers for the rules."""

import warnings

import numpy as np
from jaxtyping import Float

from jaxad.errors import ConfigError, DataError, DataWarning

__all__ = ["Scores", "check_range", "check_scores", "warn_if_constant"]

Scores = Float[np.ndarray, "n"]


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise a `ConfigError` if a number does not lie between two others."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise ConfigError(f"{name} must be a number; given {value!r}")
    if not low < value < high:
        raise ConfigError(
            f"{name} must be {f'above {low:g}' if high == np.inf else f'in ({low:g}, {high:g})'}; "
            f"given {value!r}"
        )


def check_scores(score: Scores) -> Scores:
    """Return scores as float64.

    Raises:
        DataError: There are none, or one is not finite.
    """
    score = np.asarray(score, np.float64)
    if score.ndim != 1 or not len(score):
        raise DataError(f"scores must be (n,) with at least one; given shape {score.shape}")
    if not np.isfinite(score).all():
        count = int((~np.isfinite(score)).sum())
        raise DataError(f"scores must be finite; {count} of {len(score)} are not")
    return score


def warn_if_constant(score: Scores, detector: str) -> None:
    """Give a `DataWarning` if the scores of the training rows are equal but for rounding.

    Args:
        score: The scores.
        detector: The name of the detector, for the warning.
    """
    if np.ptp(score) <= np.finfo(np.float32).eps * np.abs(score).max():
        warnings.warn(
            f"{detector} gives all {len(score)} training rows the same score, {score[0]:.6g}, and "
            "cannot tell rows apart: check that the columns vary, train longer, or choose another "
            "detector",
            DataWarning,
            stacklevel=3,
        )
