"""Distance to a centre in the space of a network (Ruff et al. 2018; thesis, section 2.2)."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.nets.base import Net
from jaxad.padding import map_rows, masked_exceeded, masked_mean, valid_rows
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["Boundary", "Hypersphere", "SoftBoundary"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class Hypersphere:
    """The squared distance `d = ||phi(x) - c||^2`, which is also the score."""

    encoder: Net

    @property
    def convolutional(self) -> bool:
        """Whether the encoder has convolutions."""
        return self.encoder.convolutional

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the encoder randomly, and compute its centre."""
        variables = self.encoder.init(key, data.features)
        return variables, self.extras(variables, data)

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Compute the centre: the mean code of all rows that are not labelled anomalies."""
        codes = map_rows(lambda x: self.embed(variables, x), data.x, data.count)
        return {"centre": move_from_zero(masked_mean(codes, valid_rows(data) & (data.label >= 0)))}

    def embed(self, variables: Variables, x: Array) -> Float[Array, "b k"]:
        """Compute the codes `phi(x)` in inference mode."""
        x = as_input(x, self.encoder.input_shape)
        return self.encoder.apply(*variables, x, train=False).out

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute squared distances of `(b, ...)` rows to the centre, and new statistics."""
        del key
        codes = self.encoder.apply(*variables, as_input(x, self.encoder.input_shape), train)
        return codes._replace(out=jnp.sum((codes.out - extras["centre"]) ** 2, axis=-1))

    def score(self, out: PyTree) -> Float[Array, "b"]:
        """Return the squared distance."""
        return out


class Boundary(NamedTuple):
    """Squared distances, and the squared radius repeated for each example."""

    distance: Float[Array, "b"]
    radius_sq: Float[Array, "b"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class SoftBoundary(Hypersphere):
    """A hypersphere with a radius R in closed form; the score is `d - R^2`."""

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Compute the centre, and an initial radius of 0."""
        extras = super().extras(variables, data)
        return {**extras, "radius_sq": jnp.zeros((), extras["centre"].dtype)}

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute squared distances, with the squared radius, and new running statistics."""
        applied = super().apply(variables, extras, x, train, key)
        radius_sq = jnp.broadcast_to(extras["radius_sq"], applied.out.shape)
        return applied._replace(out=Boundary(applied.out, radius_sq))

    def score(self, out: Boundary) -> Float[Array, "b"]:
        """Return `d - R^2`, which is negative inside the sphere."""
        return out.distance - out.radius_sq

    def radius_sq(
        self, variables: Variables, extras: PyTree, data: TrainData, nu: Array | float
    ) -> Float[Array, ""]:
        """Compute the squared radius that minimises `R^2 + mean(max(0, d - R^2)) / nu`.

        It is the least distance that at most `nu n` of the n rows exceed (Ruff et al. 2018, eq. 3,
        for fixed weights of the network).
        """

        def distance(x):
            return self.apply(variables, extras, x, train=False).out.distance

        distances = map_rows(distance, data.x, data.count)
        return masked_exceeded(distances, valid_rows(data) & (data.label >= 0), nu)


def move_from_zero(centre: Float[Array, "k"], margin: float = 0.1) -> Float[Array, "k"]:
    """Move coordinates within a margin of 0 to +margin or -margin by sign, 0 to +margin.

    All-zero weights could match a coordinate near 0 (Ruff et al. 2018, section 3.4).
    """
    return jnp.where(jnp.abs(centre) < margin, jnp.where(centre < 0, -margin, margin), centre)
