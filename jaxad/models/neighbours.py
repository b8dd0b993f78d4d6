"""Distances to the nearest training rows in code and reconstruction error (LatentOut).

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

__all__ = ["Neighbours", "compute_mean_distance"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Neighbours(Reconstruction):
    """A reconstruction error in train mode, a distance to training rows in inference mode.

    The distance is the mean Euclidean distance of points `(code, ||x - x'||)` to the nearest of the
    training rows in the extras. Codes and errors are each scaled to total variance 1 over those
    rows, whose points are computed anew with the current weights.

    Attributes:
        neighbours: Number of nearest rows, >= 1.
        references: Number of training rows kept, >= neighbours; all if there are fewer.
    """

    neighbours: int = 20
    references: int = 2048

    def extend(self, encoder: Variables, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise a decoder for a given encoder, and draw training rows with the key."""
        variables, extras = super().extend(encoder, key, data)
        drawn = draw_rows(jax.random.fold_in(key, 2), data, self.references)
        return variables, extras | {"references": drawn}

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Compute the mask of data columns, and draw training rows with a fixed key."""
        drawn = draw_rows(jax.random.key(0), data, self.references)
        return super().extras(variables, data) | {"references": drawn}

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute errors or distances of `(b, ...)` rows and new running statistics."""
        if train:
            return super().apply(variables, extras, x, train, key)
        code, error = self._locate(variables, extras, x)
        known, known_error = self._locate(variables, extras, extras["references"].x)
        first = extras["references"].first
        sizes = [_measure_spread(part, first) for part in (known, known_error)]
        points, known = (
            jnp.concatenate([c / sizes[0], e / sizes[1]], axis=1)
            for c, e in ((code, error), (known, known_error))
        )
        distance = compute_mean_distance(points, known, first, self.neighbours)
        return Applied(distance, variables.batch_stats)

    def _locate(self, variables: Variables, extras: PyTree, x: Array):
        """Compute codes, and norms of the residuals, `(b, 1)`."""
        x = as_input(x, self.encoder.input_shape)
        code, decoded = self.encode_and_decode(variables, x, train=False)
        error = (x - decoded.out) ** 2 * extras.get("columns", 1.0)
        return code, jnp.sqrt(jnp.sum(error.reshape(len(x), -1), axis=1, keepdims=True))


def _measure_spread(points: Float[Array, "m k"], where: Bool[Array, "m"]) -> Float[Array, ""]:
    """Compute the root of the total variance; 1 if all points are equal."""
    off = points - masked_mean(points, where)
    variance = jnp.sum(masked_mean(off**2, where))
    return jnp.sqrt(jnp.where(variance > 0, variance, 1))


def compute_mean_distance(
    points: Float[Array, "b k"], known: Float[Array, "m k"], where: Bool[Array, "m"], nearest: int
) -> Float[Array, "b"]:
    """Compute the mean distance to the nearest known points, or to all if there are fewer.

    Args:
        points: Points to measure from.
        known: Points to measure to.
        where: Mask of the known points that count; at least one.
        nearest: Number of nearest points, `1 <= nearest <= m`.
    """
    # Differences, not products, which lose digits for near points in float32.
    square = sum((a[:, None] - b[None]) ** 2 for a, b in zip(points.T, known.T, strict=True))
    least = -jax.lax.top_k(jnp.where(where, -square, -jnp.inf), nearest)[0]
    some = jnp.isfinite(least)
    return jnp.sum(jnp.sqrt(jnp.where(some, least, 0)), axis=1) / jnp.sum(some, axis=1)
