r"""Affiliation precision and recall: how near alarms and true ranges lie to each other.

The series is cut into one zone for each true range, at the middle between neighbouring ranges.
Within a zone $I = [l, r)$ with the range $T = [a, b)$ and the alarms $A$, and with $X$ uniform in
the zone,

$$\text{precision} = \frac{1}{|A|} \int_A P(d(X, T) > d(x, T)) \, dx, \quad
\text{recall} = \frac{1}{|T|} \int_T P(|X - y| > d(y, A)) \, dy,$$

where a point within its target has probability 1. Precision is the mean over zones with alarms,
recall the mean over all zones, and 0 in a zone without alarms. Alarms at random have a precision
of about 1/2: compare with that.

References:
    Huet et al. 2022, Local evaluation of time series anomaly detection algorithms, KDD.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float, Int

from jaxad.errors import DataError
from jaxad.evaluation.ranges.intervals import find_ranges

__all__ = ["Affiliation", "compute_affiliation"]


class Affiliation(NamedTuple):
    """Affiliation metrics, in [0, 1].

    Attributes:
        precision: How near alarms are to true ranges; nan without alarms.
        recall: How near true ranges are to alarms.
    """

    precision: float
    recall: float


class _Pieces(NamedTuple):
    """Alarms, cut at the borders of zones: `start`, `end` and the index of the zone."""

    start: Float[np.ndarray, "p"]
    end: Float[np.ndarray, "p"]
    zone: Int[np.ndarray, "p"]


def compute_affiliation(alarm: ArrayLike, label: ArrayLike) -> Affiliation:
    """Compute affiliation precision and recall of the alarms of one series.

    Args:
        alarm: `(n,)` 1 or True where the score is above the threshold; 0 where there is no score.
        label: `(n,)` 1 in the true ranges, else 0.

    Raises:
        DataError: Different shapes, other values than 0 and 1, or no true range.

    Example:
        >>> compute_affiliation([0, 0, 1, 0, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0, 0, 0]).precision
        1.0
    """
    alarm, label = np.asarray(alarm), np.asarray(label)
    if alarm.ndim != 1 or alarm.shape != label.shape:
        raise DataError(
            f"alarm and label have shapes {alarm.shape} and {label.shape}; one (n,) is needed"
        )
    for name, values in (("alarm", alarm), ("label", label)):
        if not np.isin(values, (0, 1)).all():
            raise DataError(f"{name} has {np.unique(values)[:9]}; 0 and 1 are allowed")
    truth = find_ranges(label).astype(float)
    if not len(truth):
        raise DataError("label has no true range; at least one is needed")
    borders = np.concatenate([[0], (truth[:-1, 1] + truth[1:, 0]) / 2, [alarm.size]])
    pieces = _cut(find_ranges(alarm), borders)
    if not pieces.zone.size:
        return Affiliation(float("nan"), 0.0)
    number = len(truth)
    near = np.bincount(pieces.zone, _integrate_precision(pieces, truth, borders), number)
    length = np.bincount(pieces.zone, pieces.end - pieces.start, number)
    covered = np.bincount(pieces.zone, _integrate_recall(pieces, truth, borders), number)
    precision = (near[length > 0] / length[length > 0]).mean()
    recall = (covered / (truth[:, 1] - truth[:, 0])).mean()
    return Affiliation(float(precision), float(recall))


def _cut(ranges: Int[np.ndarray, "r 2"], borders: Float[np.ndarray, "b"]) -> _Pieces:
    """Cut ranges at the borders of zones."""
    first = np.searchsorted(borders, ranges[:, 0], side="right") - 1
    last = np.searchsorted(borders, ranges[:, 1], side="left") - 1
    times = last - first + 1
    before = np.repeat(np.cumsum(times) - times, times)
    zone = np.repeat(first, times) + np.arange(times.sum()) - before
    start, end = np.repeat(ranges.astype(float), times, axis=0).T
    return _Pieces(np.maximum(start, borders[zone]), np.minimum(end, borders[zone + 1]), zone)


def _integrate_precision(
    pieces: _Pieces, truth: Float[np.ndarray, "z 2"], borders: Float[np.ndarray, "b"]
) -> Float[np.ndarray, "p"]:
    """Return the integral of P(d(X, T) > d(x, T)) over each piece."""
    start, end, zone = pieces
    (a, b), left, right = truth[zone].T, borders[zone], borders[zone + 1]

    def integrate(distance):  # of P(d(X, T) > u) from 0 to the distance
        sides = (np.minimum(distance, room) for room in (a - left, right - b))
        areas = [
            room * side - side**2 / 2
            for room, side in zip((a - left, right - b), sides, strict=True)
        ]
        return sum(areas) / (right - left)

    inside = np.maximum(np.minimum(end, b) - np.maximum(start, a), 0)
    before = integrate(np.maximum(a - start, 0)) - integrate(np.maximum(a - end, 0))
    after = integrate(np.maximum(end - b, 0)) - integrate(np.maximum(start - b, 0))
    return inside + before + after


def _integrate_recall(
    pieces: _Pieces, truth: Float[np.ndarray, "z 2"], borders: Float[np.ndarray, "b"]
) -> Float[np.ndarray, "p"]:
    """Return the integral of P(|X - y| > d(y, A)) over the part of T that is nearest to a piece."""
    start, end, zone = pieces
    (a, b), left, right = truth[zone].T, borders[zone], borders[zone + 1]
    same = zone[1:] == zone[:-1]
    middle = (end[:-1] + start[1:]) / 2
    low = np.maximum(a, np.append(-np.inf, np.where(same, middle, -np.inf)))
    high = np.minimum(b, np.append(np.where(same, middle, np.inf), np.inf))

    def integrate(first, last, constant, slope, at):  # of constant + max(0, slope (2 y - at))
        last = np.maximum(first, last)
        ends = (slope * np.maximum(slope * (2 * y - at), 0) ** 2 / 4 for y in (first, last))
        low_end, high_end = ends
        return (constant * (last - first) + high_end - low_end) / (right - left)

    inside = np.maximum(np.minimum(end, high) - np.maximum(start, low), 0)
    before = integrate(low, np.minimum(high, start), right - start, 1, start + left)
    after = integrate(np.maximum(low, end), high, end - left, -1, right + end)
    return inside + before + after
