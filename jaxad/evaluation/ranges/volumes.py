r"""VUS-ROC and VUS-PR: areas under range-based curves, averaged over lengths of a buffer.

A detector that is right about a range of anomalies but early or late by a few timestamps gets
credit in a buffer around the range. For a buffer of length w, the label of a timestamp outside all
ranges at distance d from the nearest one is

$$y_w = \sqrt{1 - d / w} \quad \text{for } d \le \lfloor w / 2 \rfloor, \text{ else } 0,$$

and 1 within that distance of two ranges. For alarms A (timestamps with a score at or above a
threshold), P anomalous ones of n, and B the sum of $y_w$ over the alarms in buffers,

$$TP = |A \cap R| + B, \quad P_w = P + B / 2, \quad
TPR = \min(1, TP / P_w) \cdot E, \quad FPR = (|A| - TP) / (n - P_w), \quad
\text{precision} = TP / |A|,$$

where E is the share of the ranges, each with its buffer, that have an alarm; those that overlap are
one.

References:
    Paparrizos et al. 2022, Volume under the surface: a new accuracy evaluation measure for
    time-series anomaly detection, PVLDB 15(11). The formulas are those of its authors' package
    `vus` 0.0.6 (version "opt", its default), whose P_w depends on the alarms.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Bool, Float, Int

from jaxad.errors import ConfigError
from jaxad.evaluation.ranges.intervals import check_series, find_ranges

__all__ = ["Volumes", "compute_volumes"]


class Volumes(NamedTuple):
    """Volumes under surfaces over thresholds and buffer lengths, in [0, 1].

    Attributes:
        roc: VUS-ROC, the mean area under the receiver operating characteristic curve.
        pr: VUS-PR, the mean area under the precision-recall curve.
        buffer: The longest buffer, in timestamps.
    """

    roc: float
    pr: float
    buffer: int


def compute_volumes(
    score: ArrayLike, label: ArrayLike, buffer: int | None = None, thresholds: int = 250
) -> Volumes:
    """Compute VUS-ROC and VUS-PR of the scores of one series.

    Time grows with n log n + buffer² thresholds, memory with n + buffer thresholds. For several
    series take the mean of their volumes.

    Args:
        score: `(n,)` one score for each timestamp, in order; higher is more anomalous. Timestamps
            with nan, such as a rim that no window reaches, do not count, nor do ranges in which no
            timestamp has a score.
        label: `(n,)` 1 in the true ranges, else 0.
        buffer: The longest buffer w; all lengths from 0 to it have the same weight, and half of it
            lies on each side of a range. None: the median length of the true ranges. Published
            benchmarks take the period of the series.
        thresholds: How many thresholds are taken, at equal steps from the highest score to the
            lowest by rank; n for all of them. 250, as in published benchmarks, are too few where
            less than one timestamp in 250 is anomalous: VUS-PR is then too low.

    Raises:
        DataError: Different shapes, other labels than 0 and 1, or labels of one class.
        ConfigError: `buffer` is negative or longer than the series, or `thresholds` is below 2.

    Example:
        >>> compute_volumes([0.1, 0.2, 0.9, 0.8, 0.1, 0.1], [0, 0, 1, 1, 0, 0])
        Volumes(roc=1.0, pr=1.0, buffer=2)
    """
    score, label = check_series(score, label)
    scored = ~np.isnan(score)
    ranges = find_ranges(label)
    ranges = ranges[np.add.reduceat(np.append(scored, False), ranges.ravel())[::2] > 0]
    if buffer is None:
        buffer = int(np.median(ranges[:, 1] - ranges[:, 0]))
    if not 0 <= buffer <= score.size:
        raise ConfigError(
            f"buffer {buffer} must lie between 0 and the {score.size} timestamps of the series"
        )
    if thresholds < 2:
        raise ConfigError(f"thresholds {thresholds} must be at least 2")

    level = _find_levels(score, scored, thresholds)
    counts = np.bincount(level[scored], minlength=thresholds)
    alarms, total = np.cumsum(counts), int(counts.sum())
    hits = np.cumsum(np.bincount(level[scored & label], minlength=thresholds))
    existence = _find_existence(level, ranges, buffer, thresholds)
    partial = _weigh_buffers(level, ranges, scored & ~label, buffer, thresholds)

    areas = np.zeros(2)
    for reached, weights in zip(existence, partial, strict=True):
        in_buffer = np.cumsum(weights)
        true = hits + in_buffer
        positive = hits[-1] + in_buffer / 2
        recall = np.minimum(true / positive, 1) * reached
        fall_out = (alarms - true) / (total - positive)
        areas += _compute_areas(recall, fall_out, true / alarms)
    roc, pr = areas / (buffer + 1)
    return Volumes(float(roc), float(pr), buffer)


def _find_levels(
    score: Float[np.ndarray, "n"], scored: Bool[np.ndarray, "n"], thresholds: int
) -> Int[np.ndarray, "n"]:
    """Return the index of the highest threshold that each score reaches; `thresholds` for nan."""
    known = score[scored]
    places = np.linspace(0, known.size - 1, thresholds).astype(int)
    limits = -np.sort(-known)[places]
    level = np.full(score.size, thresholds, np.int64)
    level[scored] = np.searchsorted(-limits, -known)
    return level


def _find_existence(
    level: Int[np.ndarray, "n"], ranges: Int[np.ndarray, "r 2"], buffer: int, thresholds: int
) -> Iterator[Float[np.ndarray, "t"]]:
    """Yield, for buffers of length 0 to `buffer`, the share of ranges that have an alarm."""
    starts, ends = ranges.T
    padded = np.append(level, thresholds)
    best = np.minimum.reduceat(padded, ranges.ravel())[::2]
    apart = starts[1:] - ends[:-1] + 1
    for width in range(buffer + 1):
        side = width // 2
        if width % 2 == 0 and side:
            left, right = np.maximum(starts - side, -1), np.minimum(ends - 1 + side, level.size)
            best = np.minimum(best, np.minimum(padded[left], padded[right]))
        first = np.flatnonzero(np.append(True, apart > 2 * side))
        merged = np.minimum.reduceat(best, first)
        counts = np.bincount(merged, minlength=thresholds + 1)[:thresholds]
        yield np.cumsum(counts) / first.size


def _weigh_buffers(
    level: Int[np.ndarray, "n"],
    ranges: Int[np.ndarray, "r 2"],
    normal: Bool[np.ndarray, "n"],
    buffer: int,
    thresholds: int,
) -> Iterator[Float[np.ndarray, "t"]]:
    """Yield, for buffers of length 0 to `buffer`, the sum of labels in them by level.

    `single` counts the timestamps that one range reaches, by distance and level; `double` those
    that two ranges reach, whose label is 1.
    """
    place = np.flatnonzero(normal)
    near, second = _find_distances(place, ranges)
    close = near <= buffer // 2
    near, second, level = near[close], second[close], level[place[close]]
    shape = (buffer // 2 + 1, thresholds)
    at = np.ravel_multi_index((near, level), shape)
    single = np.bincount(at, minlength=shape[0] * thresholds).reshape(shape).astype(float)
    double = np.zeros(thresholds)
    order = np.argsort(second, kind="stable")
    until = np.searchsorted(second[order], np.arange(shape[0]), side="right")
    for width in range(buffer + 1):
        side = width // 2
        if width % 2 == 0 and side:
            both = order[until[side - 1] : until[side]]
            np.subtract.at(single, (near[both], level[both]), 1)
            double += np.bincount(level[both], minlength=thresholds)
        distance = np.arange(1, side + 1)
        yield np.sqrt(1 - distance / max(width, 1)) @ single[1 : side + 1] + double


def _find_distances(
    place: Int[np.ndarray, "m"], ranges: Int[np.ndarray, "r 2"]
) -> tuple[Int[np.ndarray, "m"], Int[np.ndarray, "m"]]:
    """Return the distance of timestamps outside of ranges to the nearest range and the second."""
    far = 4 * (int(max(place[-1], ranges[-1, 1])) + 1)
    starts = np.append(ranges[:, 0], [far, far])
    last = np.append([-far, -far], ranges[:, 1] - 1)
    index = np.searchsorted(ranges[:, 0], place)
    left, lefter = place - last[index + 1], place - last[index]
    right, righter = starts[index] - place, starts[index + 1] - place
    near = np.minimum(left, right)
    second = np.minimum(np.maximum(left, right), np.minimum(lefter, righter))
    return near, second


def _compute_areas(
    recall: Float[np.ndarray, "t"],
    fall_out: Float[np.ndarray, "t"],
    precision: Float[np.ndarray, "t"],
) -> Float[np.ndarray, "2"]:
    """Return the area under the ROC curve by trapezoids, and the average precision."""
    up = np.concatenate([[0], recall, [1]])
    across = np.concatenate([[0], fall_out, [1]])
    roc = np.sum(np.diff(across) * (up[1:] + up[:-1]) / 2)
    return np.array([roc, np.sum(np.diff(up[:-1]) * precision)])
