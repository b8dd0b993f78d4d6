"""Padding of data to a few sizes, so that data sets of different sizes share compiled programs.

The rows, and the columns of tables, are padded to the next of these sizes. The numbers of valid
rows and columns are traced, never static. Passes over all rows run in blocks up to the traced
number of valid rows, so that padding costs little time.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from jaxad.types import PyTree, TrainData, Windows

__all__ = [
    "bucket_features",
    "bucket_rows",
    "is_table",
    "largest",
    "map_rows",
    "masked_exceeded",
    "masked_mean",
    "pad_axis",
    "pad_to_buckets",
    "take_rows",
    "valid_rows",
]

_BLOCK = 512
_MOST = 2**22  # numbers in a block of large examples
_ELEMENTS = 2**20  # the smallest padded table holds this many numbers: 4 MB in float32
_POINTS = 1024  # the smallest padded number of points of series


def is_table(shape: tuple[int, ...]) -> bool:
    """Return whether examples of this shape are rows of a table, which have one axis."""
    return len(shape) == 1


def bucket_features(features: int) -> int:
    """Return the padded number of columns of a table: 32, 64, 128, 256, 384, 512, 768, 1024, ..."""
    size = 32
    while size < features:
        if size >= 256 and size * 3 // 2 >= features:
            return size * 3 // 2
        size *= 2
    return size


def bucket_rows(rows: int, shape: tuple[int, ...]) -> int:
    """Return the padded number of rows for examples of a shape.

    Tables are cheap in memory but not in compilation: their smallest size is large, and each size
    is eight times the one before. For images, memory matters more: sizes are powers of two from
    1,024.
    """
    table = is_table(shape)
    size = max(1024, _ELEMENTS // int(np.prod(shape))) if table else 1024
    while size < rows:
        size *= 8 if table else 2
    return size


def pad_axis(x: Any, size: int, axis: int) -> Any:
    """Pad an array with zeros at the end of an axis to a length of `size`."""
    missing = size - x.shape[axis]
    if missing == 0:
        return x
    widths = [(0, 0)] * x.ndim
    widths[axis] = (0, missing)
    if isinstance(x, np.ndarray):
        shape = list(x.shape)
        shape[axis] = size
        out = np.zeros(shape, x.dtype)  # zeroed lazily by the system: faster than numpy.pad
        out[tuple(slice(0, n) for n in x.shape)] = x
        return out
    return jnp.pad(x, widths)


def pad_to_buckets(data: TrainData) -> TrainData:
    """Pad training data, with or without a leading seed axis.

    Documents already have a padded length. The vocabulary is dropped.
    """
    lead = np.ndim(data.count)
    shape = data.x.shape[lead + 1 :]
    x: Any = data.x
    if is_table(shape):
        shape = (bucket_features(shape[0]),)
        x = _pad_columns(x, shape[0])
    rows = bucket_rows(x.shape[lead], shape)
    mask = None if data.mask is None else pad_axis(data.mask, rows, lead)
    label = pad_axis(data.label, rows, lead)
    return data._replace(x=_pad_rows(x, rows, lead), label=label, mask=mask, vocabulary=None)


def _pad_columns(x: Any, size: int) -> Any:
    return replace(x, padded=size) if isinstance(x, Windows) else pad_axis(x, size, x.ndim - 1)


def _pad_rows(x: Any, rows: int, lead: int) -> Any:
    if not isinstance(x, Windows):
        return pad_axis(x, rows, lead)
    points = _POINTS
    while points < x.series.shape[lead]:
        points *= 2
    series = pad_axis(x.series, points, lead)
    return replace(x, series=series, starts=pad_axis(x.starts, rows, lead))


def take_rows(x: Any, index: Int[ArrayLike, "*b"]) -> Array:
    """Return some rows of an array, or some windows of a view, `(*b, ...)`."""
    return x[index] if isinstance(x, Windows) else jnp.asarray(x)[index]


def valid_rows(data: TrainData) -> Bool[Array, "n"]:
    """Return a mask of the rows that are not padding."""
    return jnp.arange(data.label.shape[0]) < data.count


@jax.custom_batching.custom_vmap
def largest(count: Int[Array, ""]) -> Int[Array, ""]:
    """Return a count; under `vmap` over seeds, the largest one as a single number for all.

    If the bound of a loop differed between mapped seeds, each iteration would copy its whole carry.
    """
    return count


@largest.def_vmap
def _largest_of_seeds(axis_size, in_batched, counts):
    del axis_size
    return (jnp.max(counts, axis=0) if in_batched[0] else counts), False


def map_rows(
    fn: Callable[[Array], PyTree],
    x: Array | Windows,
    count: Int[ArrayLike, ""],
    block: int = _BLOCK,
) -> PyTree:
    """Apply a function to the rows of `x` in blocks, up to a traced count.

    Args:
        fn: Maps `(b, ...)` rows to a pytree of `(b, ...)` arrays, independently for each row.
        x: `(n, ...)` rows, or a view of windows.
        count: The number of valid rows.
        block: The number of rows in one call of `fn`; fewer if examples are large.

    Returns:
        The pytree for all rows, `(n, ...)`. From row `count` on, values are arbitrary.
    """
    n = x.shape[0]
    block = min(block, n, max(_MOST // max(int(np.prod(x.shape[1:])), 1), 1))
    shapes = jax.eval_shape(fn, jax.ShapeDtypeStruct((block, *x.shape[1:]), x.dtype))
    out = jax.tree.map(lambda s: jnp.zeros((n, *s.shape[1:]), s.dtype), shapes)

    def step(i, out):
        # If n is not a multiple of the block, the last block overlaps the one before.
        start = jnp.minimum(i * block, n - block)
        if isinstance(x, Windows):
            part = fn(x[start + jnp.arange(block)])
        else:
            part = fn(jax.lax.dynamic_slice_in_dim(x, start, block))
        return jax.tree.map(
            lambda o, p: jax.lax.dynamic_update_slice_in_dim(o, p, start, 0), out, part
        )

    blocks = (largest(jnp.asarray(count, jnp.int32)) + block - 1) // block
    return jax.lax.fori_loop(0, blocks, step, out)


def masked_mean(x: Float[Array, "n *shape"], where: Bool[Array, "n"]) -> Float[Array, "*shape"]:
    """Compute the mean of the rows where a mask is true; zero if there are none."""
    mask = where.reshape(where.shape + (1,) * (x.ndim - 1))
    return jnp.sum(jnp.where(mask, x, 0), axis=0) / jnp.maximum(jnp.sum(where), 1)


def masked_exceeded(
    x: Float[Array, "n"], where: Bool[Array, "n"], share: Float[ArrayLike, ""]
) -> Float[Array, ""]:
    """Return the least entry that at most a share of the entries exceeds.

    Of the n entries where a mask is true, in ascending order, it is the one with the number
    `n - 1 - floor(share * n)`, counted from 0, and the first for a share of 1. It minimises
    `r + mean(max(0, x - r)) / share` over r among the entries.
    """
    ordered = jnp.sort(jnp.where(where, x, jnp.inf))
    count = jnp.sum(where)
    above = jnp.floor(share * count).astype(count.dtype)
    return ordered[jnp.clip(count - 1 - above, 0, jnp.maximum(count - 1, 0))]
