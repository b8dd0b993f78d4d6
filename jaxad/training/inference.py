"""Functions of fitted detectors applied to rows: scores, or codes."""

from functools import partial

import jax
import numpy as np

from jaxad.padding import map_rows, pad_to_buckets
from jaxad.training.bound import bounded
from jaxad.training.devices import mesh_for
from jaxad.training.program import How
from jaxad.training.seeds import map_seeds, spread
from jaxad.training.stacking import Functions
from jaxad.types import State, TrainData, Windows
from jaxad.utils.forks import refuse_forked
from jaxad.utils.modes import pinned_modes

__all__ = ["apply_to_blocks", "apply_to_rows"]


@pinned_modes()
def apply_to_rows(
    functions: Functions,
    state: State,
    x: np.ndarray | Windows,
    count: np.ndarray,
    seeds: int,
    mode: str,
) -> np.ndarray:
    """Apply a function `(state, rows)` of every seed to all rows, in blocks.

    Args:
        functions: Functions from `(b, ...)` rows to `(b, ...)` numbers, each row for itself.
        state: The states of all seeds.
        x: `(n, ...)` rows for all seeds, or `(seeds, n, ...)`; or a view of windows.
        count: How many rows are data; one number, or one for each seed.
        seeds: How many seeds there are.
        mode: How seeds are mapped.

    Returns:
        `(seeds, n, ...)`; entries behind `count` mean nothing.

    Raises:
        ConfigError: This process was forked from one that had used JAX.
    """
    refuse_forked()
    n = x.shape[np.ndim(count)]
    padded = pad_to_buckets(
        TrainData(x, np.zeros(x.shape[: np.ndim(count) + 1], np.int8), count, count)
    )
    how = How(mode, 0 if np.ndim(count) else None, mesh_for(seeds))
    rows, counts = padded.x, padded.count
    if np.ndim(count):
        rows, counts = spread((rows, counts), seeds)
    functions = functions._replace(numbers=spread(functions.numbers, seeds))
    given = apply_to_blocks(functions, spread(state, seeds), rows, counts, how=how)
    return np.asarray(given)[:seeds, :n]


@bounded
@partial(jax.jit, static_argnames="how")
def apply_to_blocks(functions: Functions, state: State, x, count, how: How):
    """Apply a function of every seed to the rows of padded arrays, as `apply_to_rows` describes."""

    def one_seed(numbers, rest, state, x, count):
        fn = Functions(numbers, rest).whole()
        return map_rows(lambda rows: fn(state, rows), x, count)

    axes = (0, None, 0, how.data_axis, how.data_axis)
    return map_seeds(one_seed, (*functions, state, x, count), axes, how.mode, how.mesh)
