"""Scores of the timestamps of series from windows, for each channel where a detector has them."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Bool, Float

from jaxad.data.series.combine import PointSums
from jaxad.detector import Detector
from jaxad.evaluation.scoring import score
from jaxad.models import Forecast, Reconstruction
from jaxad.models.base import as_input
from jaxad.padding import is_table
from jaxad.training.fitted import Fit
from jaxad.training.inference import apply_to_rows
from jaxad.training.stacking import share
from jaxad.types import State, Windows

__all__ = [
    "PointScores",
    "average_points",
    "begin_sums",
    "get_first_point",
    "has_errors",
    "score_points",
    "sum_points",
]

_NUMBERS, _FEWEST, _MOST = 2**22, 1024, 65_536  # the size of a block of windows


class PointScores(NamedTuple):
    """The scores of timestamps.

    Attributes:
        scores: `(seeds, n)` the scores of each seed; NaN where no window reaches, or where a score
            is not finite.
        channels: `(n, channels)` the mean over seeds for each channel; None where the detector has
            no errors of points.
        reached: `(n,)` whether a window reaches the timestamp.
    """

    scores: Float[np.ndarray, "seeds n"]
    channels: Float[np.ndarray, "n channels"] | None
    reached: Bool[np.ndarray, "n"]


def score_points(fitted: Fit, view: Windows) -> PointScores:
    """Score the timestamps of series, block by block of windows.

    For forecasters and reconstructions the score of a timestamp is its squared error, the mean over
    channels and over all windows that predict it. For other detectors it is the mean score of the
    windows that hold it.

    Args:
        fitted: A detector that was fitted to such windows.
        view: The windows of the scaled series; `starts` ascends.
    """
    return average_points(fitted, sum_points(fitted, view))


def begin_sums(fitted: Fit, points: int, channels: int) -> PointSums:
    """Return sums without any window, for timestamps of a number of channels."""
    return PointSums(points, fitted.seeds * (channels if has_errors(fitted) else 1))


def sum_points(fitted: Fit, view: Windows) -> PointSums:
    """Sum scores of windows, or errors of their points, for each timestamp; see `score_points`."""
    pointwise = has_errors(fitted)
    sums = begin_sums(fitted, *view.series.shape)
    first = get_first_point(fitted) if pointwise else 0
    starts = np.asarray(view.starts)
    size = 2 ** int(np.log2(np.clip(_NUMBERS // np.prod(view.shape[1:]), _FEWEST, _MOST)))
    for begin in range(0, len(starts), size):
        own = starts[begin : begin + size]
        low, high = int(own[0]), int(own[-1]) + view.length
        series = np.asarray(view.series[low:high])
        block = Windows(series, own - low, view.length, view.flat)
        if pointwise:
            values = np.moveaxis(_compute_errors(fitted, block), 0, 2)
        else:
            values = score(fitted, block).T[:, None]
        sums.add(own, values.reshape(*values.shape[:2], -1), view.length, first)
    return sums


def average_points(fitted: Fit, sums: PointSums) -> PointScores:
    """Return the scores of timestamps by their sums over windows."""
    means = sums.compute_means().reshape(len(sums.count), fitted.seeds, -1)
    scores = np.ascontiguousarray(means.mean(axis=2).T)
    each = means.mean(axis=1) if has_errors(fitted) else None
    return PointScores(scores, each, sums.count > 0)


def has_errors(fitted: Fit) -> bool:
    """Return whether the score of a detector is an error of the points of a window."""
    detector = fitted.detector
    if not isinstance(detector, Detector) or detector.parts is None:
        return False
    return type(detector.parts.model) in (Forecast, Reconstruction)


def get_first_point(fitted: Fit) -> int:
    """Return the first point of a window that has an error; earlier ones are only given."""
    model = _get_model(fitted)
    return model.first if isinstance(model, Forecast) else 0


def _get_model(fitted: Fit) -> Forecast | Reconstruction:
    assert isinstance(fitted.detector, Detector) and fitted.detector.parts is not None
    model = fitted.detector.parts.model
    assert isinstance(model, Forecast | Reconstruction)
    return model


def _compute_errors(fitted: Fit, block: Windows) -> Float[np.ndarray, "seeds n points channels"]:
    """Compute the squared errors of the points of windows."""
    assert fitted.state is not None
    model = _get_model(fitted)
    count = np.asarray(len(block))
    functions = share(Partial(_errors, model))
    errors = apply_to_rows(functions, fitted.state, block, count, fitted.seeds, fitted.mode)
    channels = block.series.shape[1]
    if block.flat:  # without the columns of padding
        errors = errors[..., : block.length * channels]
        errors = errors.reshape(*errors.shape[:2], block.length, channels)
    return errors


def _errors(model: Forecast | Reconstruction, state: State, x: Array) -> Array:
    if isinstance(model, Forecast):
        predicted = model.predict(state.variables, x, False).out
        return (as_input(x, x.shape[1:])[:, model.first :] - predicted) ** 2
    shape = model.encoder.input_shape
    x = as_input(x, shape)
    error = (x - model.reconstruct(state.variables, x, False).out) ** 2
    return error if is_table(shape) else jnp.reshape(error, (len(x), *shape))
