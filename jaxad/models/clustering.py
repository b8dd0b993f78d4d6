"""Clustering by k-means++."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxad.types import Key

__all__ = ["kmeans"]

_TURNS = 20


def kmeans(
    key: Key, points: Float[Array, "n d"], where: Bool[Array, "n"], count: int
) -> Float[Array, "count d"]:
    """Compute cluster centres by k-means++ and 20 iterations of Lloyd's algorithm.

    Args:
        key: Random key that draws the starting points.
        points: Points.
        where: Mask of the points that count; at least one.
        count: Number of centres, >= 1. With fewer distinct points, some centres are equal.

    References:
        Arthur and Vassilvitskii 2007, k-means++.
    """
    keys = jax.random.split(key, count)
    first = jax.random.categorical(keys[0], jnp.where(where, 0.0, -jnp.inf))
    centres = jnp.broadcast_to(points[first], (count, points.shape[1]))

    def draw(i, centres):
        # Centres not yet drawn equal the first, so that they change no distance to the nearest.
        odds = jnp.log(jnp.min(_compute_distances(points, centres), axis=1) + 1e-30)
        drawn = jax.random.categorical(keys[i], jnp.where(where, odds, -jnp.inf))
        return centres.at[i].set(points[drawn])

    def turn(_, centres):
        nearest = jnp.argmin(_compute_distances(points, centres), axis=1)
        member = jax.nn.one_hot(nearest, count, dtype=points.dtype) * where[:, None]
        size = jnp.sum(member, axis=0)[:, None]
        return jnp.where(size > 0, member.T @ points / jnp.maximum(size, 1), centres)

    centres = jax.lax.fori_loop(1, count, draw, centres)
    return jax.lax.fori_loop(0, _TURNS, turn, centres)


def _compute_distances(
    points: Float[Array, "n d"], centres: Float[Array, "k d"]
) -> Float[Array, "n k"]:
    """Compute squared distances."""
    square = jnp.sum(points**2, axis=1)[:, None] + jnp.sum(centres**2, axis=1)[None]
    return jnp.maximum(square - 2 * points @ centres.T, 0)
