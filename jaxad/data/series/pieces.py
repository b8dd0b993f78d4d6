"""Pieces of series that grow: the timestamps that windows to come can hold, and their sums."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from jaxad.data.series.combine import PointSums

__all__ = ["OpenPiece", "Points", "join_points"]


class Points(NamedTuple):
    """Some timestamps of series.

    Attributes:
        row: `(n,)` the row in the stream.
        time: `(n,)` the time as it was written.
        name: `(n,)` the name of the series.
        x: `(n, channels)` the channels, encoded.
        floor: `(n,)` the least score that values unknown to training allow; -inf without any.
    """

    row: Int[np.ndarray, "n"]
    time: np.ndarray
    name: np.ndarray
    x: Float[np.ndarray, "n channels"]
    floor: Float[np.ndarray, "n"]

    def take(self, index: slice | np.ndarray) -> "Points":
        """Return some of the timestamps."""
        return Points(*(values[index] for values in self))


def join_points(parts: Sequence[Points]) -> Points:
    """Return the timestamps of at least one part, one behind the other."""
    return Points(*(np.concatenate(values) for values in zip(*parts, strict=True)))


class OpenPiece:
    """A piece of a series without a gap, to which timestamps are added as they arrive.

    It has the windows that `find_starts` finds in the whole piece. A timestamp is released when
    every window that can hold it has been taken, so that at most a window's timestamps stay.

    Attributes:
        points: The timestamps that are kept.
        sums: Their sums over windows.
        closed: Whether the piece has ended.
    """

    def __init__(self, length: int, stride: int, points: Points, sums: PointSums):
        """Begin with some timestamps.

        Args:
            length: The number of timestamps in a window.
            stride: The number of timestamps from one window to the next.
            points: The timestamps.
            sums: Sums for each of them, without any window.
        """
        self.points, self.sums, self.closed = points, sums, False
        self._length, self._stride = length, stride
        self._begin = 0  # the place in the piece of the first timestamp that is kept
        self._next, self._last = 0, -1  # where the next window and the latest one begin

    def extend(self, points: Points) -> None:
        """Add timestamps at the end."""
        self.points = join_points([self.points, points])
        self.sums.extend(len(points.row))

    def take_starts(self) -> Int[np.ndarray, "m"]:
        """Return `(m,)` where windows begin in `points` that are complete and were not returned."""
        last = self._begin + len(self.points.row) - self._length
        starts = np.arange(self._next, last + 1, self._stride)
        if self.closed and last > (starts[-1] if len(starts) else self._last):
            starts = np.append(starts, last)
        if len(starts):
            self._next, self._last = int(starts[-1]) + self._stride, int(starts[-1])
        return starts - self._begin

    def release(self) -> tuple[Points, PointSums]:
        """Remove and return the timestamps that no window to come can hold, and their sums."""
        stop = self._begin + len(self.points.row)
        # If the piece ended here, a last window would begin at `last`, unless one does already.
        last = stop - self._length
        done = stop if self.closed else max(last + (self._last == last), self._begin)
        count = done - self._begin
        points, self.points = self.points.take(slice(count)), self.points.take(slice(count, None))
        self._begin = done
        return points, self.sums.split(count)
