"""The distance to the nearest training rows, by code and reconstruction error (LatentOut).

References:
    Angiulli et al. 2020, Improving deep unsupervised anomaly detection by exploiting VAE latent
    space distribution; Angiulli et al. 2023, LatentOut: an unsupervised deep anomaly detection
    approach exploiting latent space distribution.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxad.models.base import Applied, as_input
from jaxad.models.drawn import draw_rows
from jaxad.models.reconstruction import Reconstruction
from jaxad.padding import masked_mean
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Neighbours", "mean_distance"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Neighbours(Reconstruction):
    """In train mode a reconstruction error, in inference mode a distance to training rows.

    The distance is the mean Euclidean one to the nearest of some training rows that the extras
    keep, between points `(code, ||x - x'||)`. Over those rows codes have total variance 1 and so
    do the errors. Both are computed with the weights of the moment, never with older ones.

    Attributes:
        neighbours: How many of the nearest, >= 1.
        references: How many training rows are kept, >= neighbours; all if there are fewer.
    """

    neighbours: int = 20
    references: int = 2048

    def around(self, encoder: Variables, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """A random decoder beside a given encoder, and training rows drawn by the key."""
        variables, extras = super().around(encoder, key, data)
        drawn = draw_rows(jax.random.fold_in(key, 2), data, self.references)
        return variables, extras | {"references": drawn}

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Which columns are data, and some training rows: always the same of the same data."""
        drawn = draw_rows(jax.random.key(0), data, self.references)
        return super().extras(variables, data) | {"references": drawn}

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Errors or distances of `(b, ...)` rows, and new running statistics."""
        if train:
            return super().apply(variables, extras, x, train, key)
        code, error = self._point(variables, extras, x)
        known, known_error = self._point(variables, extras, extras["references"].x)
        first = extras["references"].first
        sizes = [_size(part, first) for part in (known, known_error)]
        points, known = (
            jnp.concatenate([c / sizes[0], e / sizes[1]], axis=1)
            for c, e in ((code, error), (known, known_error))
        )
        distance = mean_distance(points, known, first, self.neighbours)
        return Applied(distance, variables.batch_stats)

    def _point(self, variables: Variables, extras: PyTree, x: Array):
        """Codes, and norms of what is not reconstructed, `(b, 1)`."""
        x = as_input(x, self.encoder.input_shape)
        code, decoded = self.code_and_reconstruction(variables, x, train=False)
        error = (x - decoded.out) ** 2 * extras.get("columns", 1.0)
        return code, jnp.sqrt(jnp.sum(error.reshape(len(x), -1), axis=1, keepdims=True))


def _size(points: Float[Array, "m k"], where: Bool[Array, "m"]) -> Float[Array, ""]:
    """The root of the total variance; 1 where all points are the same."""
    off = points - masked_mean(points, where)
    variance = jnp.sum(masked_mean(off**2, where))
    return jnp.sqrt(jnp.where(variance > 0, variance, 1))


def mean_distance(
    points: Float[Array, "b k"], known: Float[Array, "m k"], where: Bool[Array, "m"], nearest: int
) -> Float[Array, "b"]:
    """The mean distance to the nearest of known points; to all where there are fewer.

    Args:
        points: What to measure from.
        known: What to measure to.
        where: Which of the known points count; at least one.
        nearest: How many of the nearest, `1 <= nearest <= m`.
    """
    # As differences and not as a product: for near points the product cancels in float32.
    square = sum((a[:, None] - b[None]) ** 2 for a, b in zip(points.T, known.T, strict=True))
    least = -jax.lax.top_k(jnp.where(where, -square, -jnp.inf), nearest)[0]
    some = jnp.isfinite(least)
    return jnp.sum(jnp.sqrt(jnp.where(some, least, 0)), axis=1) / jnp.sum(some, axis=1)
