"""Series without gaps: where a series is cut, and where windows begin."""

from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

__all__ = ["GAP", "cover", "find_segments", "find_starts", "find_steps"]

GAP = 1.5  # median steps; a longer step is a gap


def find_segments(
    value: Float[np.ndarray, "n"], code: Int[np.ndarray, "n"]
) -> Int[np.ndarray, "k 2"]:
    """Find the pieces of series without a gap.

    A piece ends where a series ends, or before a step of more than 1.5 times the median step of the
    series. Steps up to that length count as even.

    Args:
        value: `(n,)` increasing times, series by series.
        code: `(n,)` the number of the series of each time.

    Returns:
        `(k, 2)` the first place of each piece, and the place behind its last one.
    """
    if not len(value):
        return np.zeros((0, 2), np.int64)
    ends = np.diff(code) != 0
    number = np.cumsum(ends) - ends  # of the series that each step begins in
    limit = GAP * find_steps(value, code)[number]
    places = np.flatnonzero(ends | (np.diff(value) > limit)) + 1
    bounds = np.concatenate([[0], places, [len(value)]]).astype(np.int64)
    return np.stack([bounds[:-1], bounds[1:]], axis=1)


def find_steps(value: Float[np.ndarray, "n"], code: Int[np.ndarray, "n"]) -> Float[np.ndarray, "g"]:
    """Return `(g,)` the median step of each series; NaN for a series of one time.

    The median of an even number of steps is the lower of the two in the middle: the mean of a gap
    and a regular step is the step of nothing.

    Args:
        value: `(n,)` increasing times, series by series; at least one.
        code: `(n,)` the number of the series of each time.
    """
    step = np.diff(value)
    bounds = [0, *(np.flatnonzero(np.diff(code)) + 1), len(value)]
    own = [step[first : last - 1] for first, last in pairwise(bounds)]
    return np.array([np.quantile(s, 0.5, method="lower") if len(s) else np.nan for s in own])


def find_starts(segments: Int[np.ndarray, "k 2"], length: int, stride: int) -> Int[np.ndarray, "m"]:
    """Return where windows begin, none of which leaves its piece.

    In each piece windows begin at its start and then every `stride` places; a last one ends with
    the piece, so that windows reach every place of a piece that is at least as long as a window.

    Args:
        segments: `(k, 2)` pieces as `find_segments` returns them.
        length: The number of places in a window.
        stride: The number of places from one window to the next.

    Returns:
        `(m,)` ascending places.
    """
    starts = []
    for first, stop in segments[segments[:, 1] - segments[:, 0] >= length].tolist():
        own = np.arange(first, stop - length + 1, stride)
        last = stop - length
        starts.append(own if own[-1] == last else np.append(own, last))
    return np.concatenate(starts) if starts else np.zeros(0, np.int64)


def cover(
    starts: Int[np.ndarray, "m"], length: int, marked: Bool[np.ndarray, "n"]
) -> Bool[np.ndarray, "m"]:
    """Return which windows hold at least one marked place."""
    count = np.concatenate([[0], np.cumsum(marked)])
    return count[starts + length] > count[starts]
