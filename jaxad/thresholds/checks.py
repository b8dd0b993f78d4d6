"""What the rules check of scores and numbers."""

import numpy as np
from jaxtyping import Float

from jaxad.errors import ConfigError, DataError

__all__ = ["Scores", "checked", "in_range"]

Scores = Float[np.ndarray, "n"]


def in_range(name: str, value: float, low: float, high: float) -> None:
    """Raise a `ConfigError` if a number is not between two others."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise ConfigError(f"{name} must be a number; given {value!r}")
    if not low < value < high:
        raise ConfigError(
            f"{name} must be {f'above {low:g}' if high == np.inf else f'in ({low:g}, {high:g})'}; "
            f"given {value!r}"
        )


def checked(score: Scores) -> Scores:
    """Scores as float64; a `DataError` if there are none, or one is not finite."""
    score = np.asarray(score, np.float64)
    if score.ndim != 1 or not len(score):
        raise DataError(f"scores must be (n,) with at least one; given shape {score.shape}")
    if not np.isfinite(score).all():
        raise DataError(f"{int((~np.isfinite(score)).sum())} scores are not finite")
    return score
