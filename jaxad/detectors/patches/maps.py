"""Maps of patches: their shape, and the mean of each patch and those around it."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxad.detectors.registry import Spec
from jaxad.errors import ConfigError

__all__ = ["as_maps", "average_neighbourhoods", "check_maps"]

_ENTRIES = 2**24  # entries of the maps that are averaged at once: 64 MB


def check_maps(spec: Spec, name: str) -> tuple[int, int, int]:
    """Return the shape `(height, width, channels)` of the maps that a detector is built for.

    Raises:
        ConfigError: Examples are not maps.
    """
    if len(spec.shape) != 3:
        table = "; for rows of a table, knn and gaussian are such detectors"
        raise ConfigError(
            f"examples must be maps (height, width, channels) for {name}, such as features:FILE.npz"
            f" or images; given shape {spec.shape}{table if len(spec.shape) == 1 else ''}"
        )
    height, width, channels = spec.shape
    return height, width, channels


def as_maps(rows: np.ndarray, grid: np.ndarray) -> Float[np.ndarray, "n height width channels"]:
    """Reshape flat rows to float32 maps.

    Args:
        rows: `(n, height * width * channels)`.
        grid: `(2,)` height and width.
    """
    height, width = (int(side) for side in grid)
    channels = rows.shape[1] // (height * width)
    return rows.reshape(len(rows), height, width, channels).astype(np.float32)


def average_neighbourhoods(
    maps: Float[np.ndarray, "n height width channels"], side: int
) -> Float[np.ndarray, "n height width channels"]:
    """Average each patch with those in the square of `side` patches around it.

    At the border, the mean is over the patches that there are (Roth et al. 2022, equation 2).

    Args:
        maps: The maps.
        side: Side of the square, odd; 1 returns the maps.
    """
    if side == 1:
        return maps
    block = max(1, min(len(maps), _ENTRIES // math.prod(maps.shape[1:])))
    out = np.empty_like(maps)
    for start in range(0, len(maps), block):
        some = maps[start : start + block]
        padded = np.concatenate([some, np.zeros((block - len(some), *some.shape[1:]), some.dtype)])
        out[start : start + block] = np.asarray(_average(padded, side))[: len(some)]
    return out


@partial(jax.jit, static_argnames="side")
def _average(maps: Array, side: int) -> Array:
    def add(x: Array) -> Array:
        window = (1, side, side, 1)
        return jax.lax.reduce_window(x, 0.0, jax.lax.add, window, (1, 1, 1, 1), "SAME")

    return add(maps) / add(jnp.ones((1, *maps.shape[1:3], 1), maps.dtype))
