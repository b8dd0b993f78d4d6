"""Coresets: few points that are near to all others, chosen greedily.

References:
    Sener and Savarese 2018, Active learning for convolutional neural networks: a core-set approach
    (greedy k-centre); Roth et al. 2022, Towards total recall in industrial anomaly detection,
    algorithm 1 (on random projections).
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

__all__ = ["project", "select_coreset"]


def select_coreset(
    points: Float[np.ndarray, "n d"], count: int, *, projection: int | None = 128, seed: int = 0
) -> Int[np.ndarray, "count"]:
    r"""Choose points greedily: each is the farthest from those chosen before.

    With the chosen points $M$, the next one is

    $$\arg\max_i \min_{j \in M} \lVert \psi(p_i) - \psi(p_j) \rVert,$$

    where $\psi$ is a random linear map. The first point is drawn at random. The largest distance
    of a point to the chosen ones is at most twice that of the best choice.

    Args:
        points: The points.
        count: How many to choose, `1 <= count <= n`.
        projection: The number of dimensions that points of more are projected to; None for no
            projection.
        seed: The seed of the projection and of the first point.

    Returns:
        The indices of the chosen points, in the order of their choice, each once.

    Example:
        >>> select_coreset(np.array([[0.0], [0.1], [5.0], [9.0]]), 2, seed=1).tolist()
        [1, 3]
    """
    rng = np.random.default_rng(seed)
    first = int(rng.integers(len(points)))
    centred = (points - points.mean(axis=0)).astype(np.float32)  # for less rounding in products
    if projection is not None and projection < points.shape[1]:
        centred = project(centred, projection, rng)
    return np.asarray(_select(centred, first, count))


def project(
    points: Float[np.ndarray, "n d"], dimensions: int, rng: np.random.Generator
) -> Float[np.ndarray, "n k"]:
    """Project points to fewer dimensions by a Gaussian matrix, which keeps distances roughly."""
    matrix = rng.normal(size=(points.shape[1], dimensions)) / np.sqrt(dimensions)
    return points @ matrix.astype(points.dtype)


@partial(jax.jit, static_argnames="count")
def _select(points: Float[Array, "n d"], first: int, count: int) -> Int[Array, "count"]:
    squares = jnp.sum(points**2, axis=1)

    def step(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        chosen, distance = carry
        last = chosen[i - 1]
        products = jnp.matmul(points, points[last], precision=jax.lax.Precision.HIGHEST)
        distance = jnp.minimum(distance, squares - 2 * products + squares[last])
        distance = distance.at[last].set(-jnp.inf)  # copies of a chosen point are at distance 0
        return chosen.at[i].set(jnp.argmax(distance).astype(jnp.int32)), distance

    chosen = jnp.zeros(count, jnp.int32).at[0].set(first)
    start = chosen, jnp.full(len(points), jnp.inf, points.dtype)
    return jax.lax.fori_loop(1, count, step, start)[0]
