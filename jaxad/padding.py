"""Rows that are padded to a few sizes, so that data sets of many sizes share one program.

A table's columns are padded to a bucket and so are its rows. How many of each are data is traced,
never static. Passes over all rows run in blocks up to that traced count: they cost what the data
costs, not what the padding would.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from jaxad.types import PyTree, TrainData

__all__ = [
    "bucket_features",
    "bucket_rows",
    "is_table",
    "largest",
    "map_rows",
    "masked_mean",
    "masked_quantile",
    "pad_axis",
    "pad_to_buckets",
    "valid_rows",
]

_BLOCK = 512
_ELEMENTS = 2**20  # the smallest padded table holds this many numbers: 4 MB in float32


def is_table(shape: tuple[int, ...]) -> bool:
    """Whether one example of this shape is a row of a table: a vector of features."""
    return len(shape) == 1


def bucket_features(features: int) -> int:
    """The padded number of a table's columns: 32, 64, 128, 256, 384, 512, 768, 1024, ..."""
    size = 32
    while size < features:
        if size >= 256 and size * 3 // 2 >= features:
            return size * 3 // 2
        size *= 2
    return size


def bucket_rows(rows: int, shape: tuple[int, ...]) -> int:
    """The padded number of rows for examples of a shape.

    For tables compiling costs more than memory, so that the smallest size is a generous one and
    the next is eight times larger. For images it is the other way round: powers of two.
    """
    table = is_table(shape)
    size = max(1024, _ELEMENTS // int(np.prod(shape))) if table else 1024
    while size < rows:
        size *= 8 if table else 2
    return size


def pad_axis(x: Any, size: int, axis: int) -> Any:
    """`x` with zeros behind, up to `size` along an axis; `x` itself where that changes nothing."""
    missing = size - x.shape[axis]
    if missing == 0:
        return x
    widths = [(0, 0)] * x.ndim
    widths[axis] = (0, missing)
    if isinstance(x, np.ndarray):
        shape = list(x.shape)
        shape[axis] = size
        out = np.zeros(shape, x.dtype)  # lazily zeroed pages: cheaper than numpy.pad
        out[tuple(slice(0, n) for n in x.shape)] = x
        return out
    return jnp.pad(x, widths)


def pad_to_buckets(data: TrainData) -> TrainData:
    """The same data in the padded sizes; works with and without a leading seed axis.

    The length of documents is a bucket's already. Their vocabulary stays behind.
    """
    lead = np.ndim(data.count)
    shape = data.x.shape[lead + 1 :]
    x = data.x
    if is_table(shape):
        shape = (bucket_features(shape[0]),)
        x = pad_axis(x, shape[0], x.ndim - 1)
    rows = bucket_rows(x.shape[lead], shape)
    mask = None if data.mask is None else pad_axis(data.mask, rows, lead)
    label = pad_axis(data.label, rows, lead)
    return data._replace(x=pad_axis(x, rows, lead), label=label, mask=mask, vocabulary=None)


def valid_rows(data: TrainData) -> Bool[Array, "n"]:
    """Which rows are data, not padding."""
    return jnp.arange(data.label.shape[0]) < data.count


@jax.custom_batching.custom_vmap
def largest(count: Int[Array, ""]) -> Int[Array, ""]:
    """A count that is one number for all seeds under `vmap`: the largest.

    A loop whose bound differs between mapped seeds selects its whole carry at every turn.
    """
    return count


@largest.def_vmap
def _largest_of_seeds(axis_size, in_batched, counts):
    del axis_size
    return (jnp.max(counts, axis=0) if in_batched[0] else counts), False


def map_rows(
    fn: Callable[[Array], PyTree], x: Array, count: Int[ArrayLike, ""], block: int = _BLOCK
) -> PyTree:
    """`fn` over the rows of `x` in blocks, up to a traced count.

    Args:
        fn: Maps `(b, ...)` rows to a pytree of `(b, ...)` arrays, each row for itself.
        x: `(n, ...)` rows.
        count: How many of the rows are data.
        block: Rows in one call of `fn`.

    Returns:
        What `fn` gives for all rows, `(n, ...)`. Rows behind `count` hold zeros, or values of
        padding.
    """
    n = x.shape[0]
    block = min(block, n)
    shapes = jax.eval_shape(fn, jax.ShapeDtypeStruct((block, *x.shape[1:]), x.dtype))
    out = jax.tree.map(lambda s: jnp.zeros((n, *s.shape[1:]), s.dtype), shapes)

    def step(i, out):
        # The last block starts early where the rows do not divide: some rows come twice.
        start = jnp.minimum(i * block, n - block)
        part = fn(jax.lax.dynamic_slice_in_dim(x, start, block))
        return jax.tree.map(
            lambda o, p: jax.lax.dynamic_update_slice_in_dim(o, p, start, 0), out, part
        )

    blocks = (largest(jnp.asarray(count, jnp.int32)) + block - 1) // block
    return jax.lax.fori_loop(0, blocks, step, out)


def masked_mean(x: Float[Array, "n *shape"], where: Bool[Array, "n"]) -> Float[Array, "*shape"]:
    """The mean of the rows where a mask holds; zero if there are none."""
    mask = where.reshape(where.shape + (1,) * (x.ndim - 1))
    return jnp.sum(jnp.where(mask, x, 0), axis=0) / jnp.maximum(jnp.sum(where), 1)


def masked_quantile(
    x: Float[Array, "n"], where: Bool[Array, "n"], q: Float[ArrayLike, ""]
) -> Float[Array, ""]:
    """The q-quantile of the entries where a mask holds, interpolated between order statistics."""
    ordered = jnp.sort(jnp.where(where, x, jnp.inf))
    last = jnp.maximum(jnp.sum(where) - 1, 0)
    position = q * last
    low = jnp.floor(position).astype(jnp.int32)
    high = jnp.minimum(low + 1, last)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])
