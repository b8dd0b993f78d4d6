"""Distances to random rows in a learned space (REPEN).

References:
    Pang et al. 2018, Learning representations of ultrahigh-dimensional data for random
    distance-based outlier detection.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.models.drawn import draw_rows
from jaxad.nets.base import Net
from jaxad.sampling.triplets import SUBSET_SIZE, SUBSETS, nearest_in_subsets
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Embedding"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Embedding:
    """A learned space, with distances to the nearest of random training rows as the score.

    In train mode, the output for triplets `(b, 3, d)` of an anchor e, a positive p and a negative n
    is `||e - n||^2 - ||e - p||^2` in the learned space. In inference mode, the output for rows is
    the score: the mean over 50 subsets of 8 training rows of the distance to the nearest of them.

    Attributes:
        net: Network from rows to the learned space.
    """

    net: Net

    @property
    def convolutional(self) -> bool:
        """Whether the network has convolutions."""
        return self.net.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the network randomly, and draw the reference rows."""
        drawn = draw_rows(jax.random.fold_in(key, 1), data, SUBSETS * SUBSET_SIZE)
        return self.net.init(key, data.features), {"references": drawn}

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Draw the reference rows with a fixed key."""
        del variables
        return {"references": draw_rows(jax.random.key(0), data, SUBSETS * SUBSET_SIZE)}

    def embed(self, variables: Variables, x: Array, train: bool) -> Applied:
        """Map `(b, ...)` rows to the learned space; also return new running statistics."""
        return self.net.apply(*variables, as_input(x, self.net.input_shape), train)

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute differences of squared distances, or scores; and new running statistics."""
        del key
        if train:
            applied = self.embed(variables, x.reshape(-1, *x.shape[2:]), train)
            anchor, positive, negative = jnp.moveaxis(applied.out.reshape(len(x), 3, -1), 1, 0)
            far = jnp.sum((anchor - negative) ** 2, axis=1)
            return applied._replace(out=far - jnp.sum((anchor - positive) ** 2, axis=1))
        points, known = (
            self.embed(variables, rows, train).out for rows in (x, extras["references"].x)
        )
        return Applied(nearest_in_subsets(points, known), variables.batch_stats)

    def score(self, out: Float[Array, "b"]) -> Float[Array, "b"]:
        """Return the output, which is the score."""
        return out
