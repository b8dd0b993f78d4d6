"""Checks of scores and numbers for the rules."""

import numpy as np
from jaxtyping import Float

from jaxad.errors import ConfigError, DataError

__all__ = ["Scores", "check_range", "check_scores"]

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
