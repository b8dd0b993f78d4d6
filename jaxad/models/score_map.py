"""Scores that are the mean of a map, which is high where an image is anomalous.

References:
    Liznerski et al. 2021, Explainable deep one-class classification, section 3; Ruff thesis,
    section 3.1.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxad.models.base import Applied, as_input
from jaxad.models.radial import pseudo_huber
from jaxad.nets.base import Net
from jaxad.nets.fully_convolutional import FCN, ReceptiveField, receptive_field
from jaxad.types import Key, PyTree, TrainData, Variables

__all__ = ["PixelMap", "ScoreMap"]


@jax.tree_util.register_static
@dataclass(frozen=True)
class ScoreMap:
    """The mean over a fully convolutional net's map of `A = sqrt(phi(x)^2 + 1) - 1`, the score."""

    net: Net

    @property
    def convolutional(self) -> bool:
        """True: all layers are convolutions or pools."""
        return True

    @property
    def field(self) -> ReceptiveField:
        """The receptive field of an entry of the map."""
        module = self.net.module
        assert isinstance(module, FCN)
        return receptive_field(module.layers)

    def init(self, key: Key, data: TrainData) -> tuple[Variables, PyTree]:
        """Initialise the network randomly, without extras."""
        return self.net.init(key, data.features), {}

    def extras(self, variables: Variables, data: TrainData) -> PyTree:
        """Return no extras."""
        del variables, data
        return {}

    def compute_maps(self, variables: Variables, x: Array, train: bool) -> Applied:
        """Compute maps A, `(b, u, v)`, of `(b, height, width, channels)` images."""
        applied = self.net.apply(*variables, as_input(x, self.net.input_shape), train)
        return applied._replace(out=pseudo_huber(applied.out**2))

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute means of the maps of `(b, ...)` images, and new running statistics."""
        del extras, key
        maps = self.compute_maps(variables, x, train)
        return maps._replace(out=jnp.mean(maps.out, axis=(1, 2)))

    def score(self, out: Float[Array, "b"]) -> Float[Array, "b"]:
        """Return the mean of the map."""
        return out


@jax.tree_util.register_static
@dataclass(frozen=True)
class PixelMap(ScoreMap):
    """The same score, with the whole map as output for losses on pixels."""

    def apply(
        self, variables: Variables, extras: PyTree, x: Array, train: bool, key: Key | None = None
    ) -> Applied:
        """Compute maps `(b, u, v)` of `(b, ...)` images, and new running statistics."""
        del extras, key
        return self.compute_maps(variables, x, train)

    def score(self, out: Float[Array, "b u v"]) -> Float[Array, "b"]:
        """Return the mean of the map."""
        return jnp.mean(out, axis=(1, 2))
