"""The rows that are held out of training to calibrate a conformal threshold."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int8, Num

from jaxad.data.rng import Stream
from jaxad.data.tables.events import Events
from jaxad.errors import DataError

__all__ = ["Calibration", "HeldOut", "draw_held_out"]


class Calibration(NamedTuple):
    """Which rows are held out of training to calibrate a conformal threshold.

    Attributes:
        share: The share of the normal rows; see `draw_held_out`.
        seed: The root of the random numbers by which they are drawn.
    """

    share: float
    seed: int = 0

    def draw(self, label: Int8[np.ndarray, "n"] | None, n: int, what: str) -> Bool[np.ndarray, "n"]:
        """Draw rows from n rows with these labels.

        Raises:
            DataError: Fewer than one row would be held out, or fewer than two be left.
        """
        held = draw_held_out(np.zeros(n, np.int8) if label is None else label, *self)
        count = int(held.sum())
        if not count or n - count < 2:
            raise DataError(
                f"{what}: calibration (--calibration) {self.share:g} holds out {count} of {n} "
                "rows; it needs at least one normal or unlabelled row, and two rows to train on"
            )
        return held


class HeldOut(NamedTuple):
    """Rows that were held out of training.

    Attributes:
        x: `(m, ...)` the scaled rows.
        events: Their values that training hardly saw; None unless the file is a table.
    """

    x: Num[np.ndarray, "m *shape"]
    events: Events | None = None


def draw_held_out(label: Int8[np.ndarray, "n"], share: float, seed: int) -> Bool[np.ndarray, "n"]:
    """Draw a share of the verified normal rows; where none is verified, of the unlabelled rows.

    Args:
        label: `(n,)` training labels.
        share: The share, in (0, 1). At least one row is drawn, if there is one.
        seed: The root of the random numbers.

    Returns:
        Which rows are held out.
    """
    normal = np.flatnonzero(label == 1 if (label == 1).any() else label == 0)
    count = max(1, round(share * len(normal)))
    order = Stream(seed).permutation(0, len(normal))
    return np.isin(np.arange(len(label)), normal[order[:count]])
