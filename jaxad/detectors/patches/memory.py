"""Searches in a memory of patches: the nearest of them, and the neighbours of the nearest.

References:
    Roth et al. 2022, Towards total recall in industrial anomaly detection.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

__all__ = ["find_nearest", "weight_by_neighbours"]

_ENTRIES = 2**23  # entries of a matrix of distances: 32 MB
_FAR = 1e6  # distance in units of the memory from which on the nearest patch is arbitrary


def find_nearest(
    points: Float[np.ndarray, "n d"], memory: Float[np.ndarray, "m d"]
) -> tuple[Float[np.ndarray, "n"], Int[np.ndarray, "n"]]:
    """Return the Euclidean distance of each point to the nearest of a memory, and its index.

    The nearest is found by products in float32, some points at a time, and the distance is computed
    from the difference.
    """
    scaled, centre, size = _scale(memory)
    search = partial(_search, memory=scaled)
    width = max(memory.shape)
    distance, nearest = _apply_in_blocks(search, [(points - centre) / size], width)
    return distance * size, nearest


def weight_by_neighbours(
    points: Float[np.ndarray, "n d"],
    nearest: Int[np.ndarray, "n"],
    memory: Float[np.ndarray, "m d"],
    neighbours: int,
) -> Float[np.ndarray, "n"]:
    r"""Return a factor for the distance of each point to the nearest of a memory.

    With a point $p$, the nearest $m^*$ of the memory and the $b$ of the memory $N_b(m^*)$ that are
    nearest to $m^*$, itself included, it is (Roth et al. 2022, equation 7)

    $$w = 1 - \frac{\exp \lVert p - m^* \rVert}{\sum_{m \in N_b(m^*)} \exp \lVert p - m \rVert}.$$

    Args:
        points: The points.
        nearest: The index of the nearest of the memory to each.
        memory: At least two patches.
        neighbours: The number b; all of the memory if there are fewer.
    """
    scaled, centre, size = _scale(memory)
    most = min(neighbours, len(memory))
    weight = partial(_weight, memory=scaled, size=size, neighbours=most)
    width = max(len(memory), most * memory.shape[1])
    return _apply_in_blocks(weight, [(points - centre) / size, nearest], width)[0]


def _scale(memory: Float[np.ndarray, "m d"]) -> tuple[Array, np.ndarray, np.float32]:
    """Return a memory around 0 with entries of at most 1, its centre and its size."""
    centre = memory.mean(axis=0)
    known = memory - centre
    size = np.float32(np.abs(known).max() or 1.0)
    return jnp.asarray(known / size), centre, size


def _apply_in_blocks(
    function: Callable[..., Any], columns: list[np.ndarray], width: int
) -> list[np.ndarray]:
    """Apply a function to rows in blocks of one size, which bounds its memory.

    Args:
        function: Maps `(b, ...)` arrays to a tuple of `(b,)` arrays, each row for itself.
        columns: `(n, ...)` arrays.
        width: The largest number of entries that the function has for a row.
    """
    n = len(columns[0])
    block = max(1, min(_ENTRIES // width, 1 << (n - 1).bit_length()))
    parts = []
    for start in range(0, n, block):
        some = [column[start : start + block] for column in columns]
        missing = block - len(some[0])
        padded = [np.concatenate([s, np.zeros((missing, *s.shape[1:]), s.dtype)]) for s in some]
        parts.append([np.asarray(out)[: len(some[0])] for out in function(*padded)])
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


@jax.jit
def _search(points: Float[Array, "b d"], memory: Float[Array, "m d"]) -> tuple[Array, Array]:
    square = _measure_squares(jnp.clip(points, -_FAR, _FAR), memory)
    places = jnp.argmin(square, axis=1)
    return jnp.linalg.norm(points - memory[places], axis=1), places


@partial(jax.jit, static_argnames="neighbours")
def _weight(
    points: Float[Array, "b d"],
    nearest: Int[Array, "b"],
    memory: Float[Array, "m d"],
    size: Array,
    neighbours: int,
) -> tuple[Array]:
    square = _measure_squares(memory[nearest], memory)
    itself = jnp.arange(len(memory)) == nearest[:, None]  # first also among copies
    places = jax.lax.top_k(-jnp.where(itself, -jnp.inf, square), neighbours)[1]
    distance = size * jnp.linalg.norm(points[:, None] - memory[places], axis=-1)
    return (1 - jax.nn.softmax(distance, axis=1)[:, 0],)


def _measure_squares(points: Array, memory: Array) -> Float[Array, "b m"]:
    """Return squared distances but for the squared norms of the points."""
    products = jnp.matmul(points, memory.T, precision=jax.lax.Precision.HIGHEST)
    return jnp.sum(memory**2, axis=1) - 2 * products
