"""Weights of patches by their local density (SoftPatch).

References:
    Jiang et al. 2022, SoftPatch: unsupervised anomaly detection with noisy data, sections 3.2
    to 3.4; Breunig et al. 2000, LOF: identifying density-based local outliers.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxad.detectors.config import is_count, is_number
from jaxad.errors import ConfigError
from jaxad.utils.calls import evaluate_call, parse_calls

__all__ = ["LocalDensity", "measure_outlierness", "parse_memory_weighting"]

_SMALLEST = 1e-10  # added to mean distances, which are 0 among copies, as in scikit-learn
_ROWS = 256  # patches that neighbours are searched for at once


@dataclass(frozen=True)
class LocalDensity:
    """A weighting of patches by the local outlier factor among the patches of one place.

    Attributes:
        share: The share of the training patches with the largest factors that are left out of the
            memory, in [0, 1).
        neighbours: The number of neighbours of a patch, >= 1.

    Raises:
        ConfigError: A value out of its range.
    """

    share: float = 0.15
    neighbours: int = 6

    def __post_init__(self):
        if not (is_number(self.share) and 0 <= self.share < 1):
            raise ConfigError(f"share must be in [0, 1); given {self.share!r}")
        if not is_count(self.neighbours, 1):
            raise ConfigError(
                f"neighbours must be a whole number of at least 1; given {self.neighbours!r}"
            )


def parse_memory_weighting(text: str) -> LocalDensity:
    """Parse the weighting of a memory, such as "local_density(0.15)".

    Raises:
        ConfigError: Another name, more than one, or an argument out of its range.
    """
    what, example = "memory_weighting", "local_density(0.15)"
    calls = parse_calls(text, what, example)
    if len(calls) != 1:
        raise ConfigError(f"{what} must be one call, such as {example!r}; given {text!r}")
    return evaluate_call(calls[0], {"local_density": LocalDensity}, what)


def measure_outlierness(
    patches: Float[np.ndarray, "n places d"], neighbours: int
) -> Float[np.ndarray, "n places"]:
    r"""Compute the local outlier factor of each patch among the patches of its place.

    With the $k$ nearest patches $N(p)$ of a patch, the distance $d_k(o)$ of $o$ to its $k$-th
    nearest and the reachability $r(p, o) = \max(d_k(o), \lVert p - o \rVert)$,

    $$\mathrm{lrd}(p) = \frac{k}{\sum_{o \in N(p)} r(p, o)}, \qquad
    \mathrm{LOF}(p) = \frac{1}{k} \sum_{o \in N(p)} \frac{\mathrm{lrd}(o)}{\mathrm{lrd}(p)}.$$

    Args:
        patches: The patches of n >= 2 images at each place.
        neighbours: The number k of neighbours; n - 1 if there are fewer.

    Returns:
        The factors, about 1 where a patch lies among others.
    """
    k = min(neighbours, len(patches) - 1)
    places = np.ascontiguousarray(patches.transpose(1, 0, 2), np.float32)
    return np.asarray(_measure_places(places, k)).T


@partial(jax.jit, static_argnames="k")
def _measure_places(places: Float[Array, "places n d"], k: int) -> Float[Array, "places n"]:
    return jax.lax.map(partial(_measure_place, k=k), places)


def _measure_place(points: Float[Array, "n d"], k: int) -> Float[Array, "n"]:
    points = points - jnp.mean(points, axis=0)
    squares = jnp.sum(points**2, axis=1)

    def search(i: Array) -> tuple[Array, Array]:
        products = jnp.matmul(points, points[i], precision=jax.lax.Precision.HIGHEST)
        square = (squares - 2 * products + squares[i]).at[i].set(jnp.inf)
        nearest = jax.lax.top_k(-square, k)[1]
        return jnp.linalg.norm(points[nearest] - points[i], axis=1), nearest

    n = len(points)
    distance, nearest = jax.lax.map(search, jnp.arange(n), batch_size=min(n, _ROWS))
    reach = jnp.maximum(jnp.max(distance, axis=1)[nearest], distance)
    density = 1 / (jnp.mean(reach, axis=1) + _SMALLEST)
    return jnp.mean(density[nearest], axis=1) / density
