"""Scores of timestamps from the scores of the windows that hold them."""

import numpy as np
from jaxtyping import Float, Int

__all__ = ["PointSums"]


class PointSums:
    """Sums over windows for each timestamp, to which windows are added in pieces.

    The score of a timestamp is the mean over the windows that hold it, and NaN where none does.
    """

    def __init__(self, points: int, width: int):
        """Begin without any window.

        Args:
            points: The number of timestamps.
            width: The number of values for each timestamp.
        """
        self.total = np.zeros((points, width))
        self.count = np.zeros(points, np.int64)

    def add(
        self,
        starts: Int[np.ndarray, "m"],
        values: Float[np.ndarray, "m points width"] | Float[np.ndarray, "m 1 width"],
        length: int,
        first: int = 0,
    ) -> None:
        """Add windows.

        Args:
            starts: `(m,)` the first timestamp of each window.
            values: `(m, length - first, width)` values for each timestamp of a window from `first`
                on; or `(m, 1, width)` values for the window as a whole.
            length: The number of timestamps in a window.
            first: The first place in a window that has values.
        """
        whole = values.shape[1] == 1
        for place in range(first, length):
            # Starts differ, so that no timestamp comes twice in one addition.
            self.total[starts + place] += values[:, 0 if whole else place - first]
            self.count[starts + place] += 1

    def extend(self, points: int) -> None:
        """Add timestamps at the end."""
        self.total = np.concatenate([self.total, np.zeros((points, self.total.shape[1]))])
        self.count = np.concatenate([self.count, np.zeros(points, np.int64)])

    def split(self, points: int) -> "PointSums":
        """Remove the first timestamps, and return their sums."""
        taken = PointSums(0, 0)
        taken.total, self.total = self.total[:points], self.total[points:]
        taken.count, self.count = self.count[:points], self.count[points:]
        return taken

    def compute_means(self) -> Float[np.ndarray, "points width"]:
        """Return `(points, width)` means; NaN where no window was added."""
        with np.errstate(invalid="ignore"):
            return np.where(self.count[:, None] > 0, self.total / self.count[:, None], np.nan)
